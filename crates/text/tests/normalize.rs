//! Properties of normalisation for random texts.

#![allow(missing_docs)]

use artifact::Normalization;
use proptest::prelude::*;
use text::normalize::normalize;

/// Pieces that interact: references, tags and their parts, and characters that combine, hide, join or become
/// ASCII.
const PIECES: &[&str] = &[
    "&",
    "amp",
    ";",
    "lt",
    "gt",
    "#",
    "#59",
    "#x3c",
    "#62",
    "#38",
    "#894",
    "#773",
    "#824",
    "#8490",
    "&amp;",
    "&lt;",
    "&gt;",
    "&#60;",
    "&#62;",
    "&#59;",
    "&#38;",
    "&#894;",
    "&#824;",
    "&#8490;",
    "\u{c3}",
    "\u{a9}",
    "\u{e2}\u{20ac}",
    "\u{2122}",
    "&#195;",
    "&#169;",
    "&#151;",
    "&#133;",
    "&nbsp;",
    "&shy;",
    "&zwj;",
    "<",
    ">",
    "/",
    "br",
    "b",
    "a",
    "i",
    "kbd",
    "x",
    "=",
    "!",
    "--",
    "<br />",
    "<b ",
    "</p>",
    "<!--",
    "-->",
    "<3",
    " ",
    "\n",
    "\t",
    "\u{85}",
    "\u{92}",
    "\u{96}",
    "\u{97}",
    "\u{2028}",
    "\u{a0}",
    "\u{200b}",
    "\u{200d}",
    "\u{ad}",
    "\u{feff}",
    "\u{338}",
    "\u{301}",
    "\u{323}",
    "e",
    "k",
    "K",
    "\u{37e}",
    "\u{212a}",
    "\u{1fef}",
    "\u{e9}",
    "\u{1f468}",
    "\u{2764}",
    "\u{fe0f}",
    "\u{2019}",
    "\u{201c}",
    "\u{2014}",
    "\u{2026}",
    "\0",
    "\u{7}",
    "\u{958}",
    "\u{ac00}",
    "\u{1100}",
    "\u{1161}",
    "\u{11a8}",
];

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(PIECES).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
        1 => "[ -~]{0,6}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn settings() -> impl Strategy<Value = Normalization> {
    any::<[bool; 3]>().prop_map(|[html, unicode, white_space]| Normalization {
        html,
        unicode,
        white_space,
        ..Normalization::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn normalising_twice_changes_nothing(text in text(), settings in settings()) {
        let once = normalize(&text, &settings);
        let twice = normalize(&once, &settings);
        prop_assert_eq!(twice, once);
    }

    #[test]
    fn white_space_is_a_single_space_between_words(text in text()) {
        let found = normalize(&text, &Normalization::default());
        let words: Vec<&str> = found.split_whitespace().collect();
        prop_assert_eq!(words.join(" "), found);
    }

    #[test]
    fn plain_text_is_kept(text in "[a-zA-Z0-9 !?.,:()'\"-]{0,60}") {
        let found = normalize(&text, &Normalization::default());
        let expected: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
        prop_assert_eq!(found, expected.join(" "));
    }
}
