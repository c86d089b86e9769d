use super::*;

fn settings(html: bool, unicode: bool, white_space: bool) -> Normalization {
    Normalization {
        html,
        unicode,
        white_space,
        ..Normalization::default()
    }
}

fn check(text: &str, expected: &str) {
    assert_eq!(
        normalize(text, &Normalization::default()),
        expected,
        "{text:?}"
    );
}

#[test]
fn tags_become_a_space() {
    check("one<br /><br />two", "one two");
    check("<p class=\"x\">Great!!</p>", "Great!!");
    check("&lt;br /&gt;really", "really");
    check("a&amp;lt;br&amp;gt;b", "a b");
    check("x <!-- hidden --> y", "x y");
    check("<b <br> x", "<b x");
}

#[test]
fn text_that_looks_like_a_tag_is_kept() {
    check("I <3 it", "I <3 it");
    check("5 < 6 > 4", "5 < 6 > 4");
    check("<sigh> what a film", "<sigh> what a film");
    check(">:-( and :->", ">:-( and :->");
    check("<i think so>", "<i think so>");
}

#[test]
fn references_are_decoded() {
    check("Dvo&#345;&aacute;k &amp; co", "Dvo\u{159}\u{e1}k & co");
    check("&quot;good&quot; &#39;n&#x27; bad", "\"good\" 'n' bad");
    check("it&#146;s &#150; well&#133;", "it's - well...");
    check("AT&T; R&D; &nonsense;", "AT&T; R&D; &nonsense;");
    check("1&nbsp;&nbsp;2", "1 2");
    check("&amp;amp;amp;amp;", "&");
    check("&l&#116;;3", "<3");
    check("&l&#116;3", "&lt3");
    check("&l&#894;", "&l;");
    check("&l&#116&#59;&#59;br&gt;x", "x");
    check("fish & chips; done", "fish & chips; done");
}

#[test]
fn typographic_characters_are_replaced() {
    check(
        "\u{201c}Don\u{2019}t\u{201d} \u{2013} wait\u{2026}",
        "\"Don't\" - wait...",
    );
    check("film\u{2014}it", "film - it");
    check("don\u{92}t", "don't");
    check("caf\u{65}\u{301}", "caf\u{e9}");
    check("so\u{ad}ft\u{200b}ly\u{feff}", "softly");
    check("a\u{0}b\u{7}c\u{7f}", "abc");
    check("e\u{200b}\u{301}", "\u{e9}");
    check("\u{9e}ivot \u{80}5 \u{81}", "\u{17e}ivot \u{20ac}5");
}

#[test]
fn characters_that_express_sentiment_are_kept() {
    check("SO GOOD!!! :-) ??? 10/10", "SO GOOD!!! :-) ??? 10/10");
    check(
        "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{2764}\u{fe0f}",
        "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{2764}\u{fe0f}",
    );
    check("a\u{200d}b", "ab");
}

#[test]
fn white_space_is_one_space() {
    check("  a\t\nb\u{a0}\u{3000}c\u{85}d\u{2028}e ", "a b c...d e");
    check("\u{2028}\u{2029}", "");
    check("", "");
}

#[test]
fn every_step_can_be_switched_off() {
    let text = " <br />\u{201c}x\u{201d}&amp; ";
    let check = |html, unicode, white_space, expected: &str| {
        assert_eq!(
            normalize(text, &settings(html, unicode, white_space)),
            expected
        );
    };
    check(false, false, false, text);
    check(true, false, false, "  \u{201c}x\u{201d}& ");
    check(false, true, false, " <br />\"x\"&amp; ");
    check(false, false, true, "<br />\u{201c}x\u{201d}&amp;");
}

#[test]
fn malicious_texts_take_linear_time() {
    for unit in [
        "&amp;",
        "&#59",
        "<b ",
        "<a x=",
        "&",
        "<",
        ">",
        "&lt;br&gt;",
        "e\u{301}",
        "amp;",
        "&am&#112;",
    ] {
        let text = unit.repeat((1 << 20) / unit.len());
        let once = normalize(&text, &Normalization::default());
        assert_eq!(normalize(&once, &Normalization::default()), once, "{unit}");
    }
    check(&format!("{};", "&#59".repeat(100_000)), ";");
    check(&format!("&{}lt;", "amp;".repeat(100_000)), "<");
}
