//! Small assets for tests, and tests of reading them.

use super::*;

/// One wheel, one sdist, one data file.
pub(crate) const SMALL: &str = r#"
libtorch = "2.11.0"
[[package]]
name = "torch"
version = "2.11.0"
kind = "wheel"
layouts = ["cpu"]
file = "torch-2.11.0-cp312-cp312-manylinux_2_28_x86_64.whl"
sha256 = "0f68f4ac6d95d12e896c3b7a912b5871619542ec54d3649cf48cc1edd4dd2756"
bytes = 530_712_279
licence = "BSD-3-Clause"
origin = "here"
[[package]]
name = "lexicon"
version = "1.0"
kind = "sdist"
file = "lexicon-1.0.tar.gz"
sha256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
bytes = 10
licence = "MIT"
origin = "there"
[[data]]
name = "words"
file = "words.tsv"
package = "lexicon"
members = ["lexicon-1.0/words.tsv"]
sha256 = "c8293b0d942e90e223ea2c0955d969040d1a1be514a978b9af0698940bd13350"
bytes = 3
rows = 1
licence = "MIT"
origin = "there"
"#;

pub(crate) fn small() -> Assets {
    Assets::parse(SMALL, Path::new("assets.toml")).expect("the small assets are valid")
}

#[test]
fn the_assets_of_this_checkout_are_valid() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/assets.toml");
    let assets = Assets::read(&path).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(assets.wheels(Layout::Cpu).count(), 3);
    assert_eq!(assets.wheels(Layout::Cuda).count(), 16);
    assert_eq!(assets.data[0].file, "movie_review_sentences.tsv");
    assert!(assets.origin_of(&assets.data[0]).is_nested());
}

#[test]
fn optional_data_are_selected_by_name() {
    let text = SMALL.replace("rows = 1", "rows = 1\noptional = \"lexicon\"");
    let assets =
        Assets::parse(&text, Path::new("assets.toml")).unwrap_or_else(|error| panic!("{error}"));
    assert!(
        assets
            .select_data(&[])
            .expect("nothing is asked for")
            .is_empty()
    );
    let selected = assets.select_data(&["lexicon".to_owned()]);
    assert_eq!(selected.expect("it is known").len(), 1);
    let error = assets
        .select_data(&["lexikon".to_owned()])
        .expect_err("unknown");
    assert!(error.to_string().contains("`lexikon`"), "{error}");
}

#[test]
fn an_invalid_pin_is_refused_with_its_reason() {
    let check = |from: &str, to: &str, expected: &str| {
        assert!(SMALL.contains(from), "`{from}` is not in the text");
        let parsed = Assets::parse(&SMALL.replacen(from, to, 1), Path::new("assets.toml"));
        let message = match parsed {
            Ok(_) => panic!("`{to}` was accepted"),
            Err(error) => error.report(),
        };
        assert!(
            message.contains(expected),
            "expected `{expected}` in `{message}`"
        );
    };
    check("bytes = 10", "byte = 10", "unknown field `byte`");
    check("bytes = 10", "", "missing field `bytes`");
    check("\"5d7c", "\"5d7", "64 hexadecimal digits");
    check("\"5d7c", "\"5D7C", "64 hexadecimal digits");
    check(
        "layouts = [\"cpu\"]",
        "layouts = [\"tpu\"]",
        "unknown variant `tpu`",
    );
    check(
        "layouts = [\"cpu\"]",
        "",
        "`torch` in `assets.toml` needs `layouts`",
    );
    check(
        "\"lexicon-1.0.tar.gz\"",
        "\"../lexicon-1.0.tar.gz\"",
        "without folders",
    );
    check("\"words.tsv\"", "\"/words.tsv\"", "needs a relative path");
    check(
        "package = \"lexicon\"",
        "package = \"lexikon\"",
        "unknown package `lexikon`",
    );
    check("name = \"lexicon\"", "name = \"torch\"", "is listed twice");
    check(
        "version = \"1.0\"",
        "version = \"1.0 --pre\"",
        "letters, digits",
    );
    check("kind = \"sdist\"", "kind = \"wheel\"", "another kind");
    check(
        "members = [\"lexicon-1.0/words.tsv\"]",
        "members = []",
        "has no members",
    );
    check(
        "libtorch = \"2.11.0\"",
        "libtorch = \"../2\"",
        "needs a version of letters",
    );
}
