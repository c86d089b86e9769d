use super::*;

const BERT_LIKE: &str = r###"{
    "version": "1.0",
    "truncation": {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0},
    "padding": {"strategy": {"Fixed": 9}, "direction": "Left", "pad_to_multiple_of": null,
                "pad_id": 3, "pad_type_id": 0, "pad_token": "[PAD]"},
    "added_tokens": [], "normalizer": null, "pre_tokenizer": {"type": "Whitespace"},
    "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]},
    "decoder": null,
    "model": {"type": "WordLevel", "unk_token": "[UNK]",
              "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "[PAD]": 3, "good": 4, "film": 5}}
}"###;

fn read(text: &str) -> Result<TokenizerFile, Failure> {
    TokenizerFile::from_bytes(text.as_bytes(), Path::new("tokenizer.json"))
}

fn check(text: &str, max_length: u32, truncation: Truncation, ids: &[u32], length: u32) {
    let encoded = read(BERT_LIKE)
        .expect("usable")
        .encode(text, max_length, truncation)
        .expect("encodes");
    assert_eq!(
        encoded,
        Encoded {
            ids: ids.to_vec(),
            length
        },
        "`{text}`"
    );
}

#[test]
fn special_tokens_survive_truncation_and_limits_in_the_file_are_ignored() {
    use Truncation::{Head, HeadTail, Tail};
    check("good film", 8, Head, &[1, 4, 5, 2], 4);
    check("good good film film", 4, Head, &[1, 4, 4, 2], 6);
    check("good good film film", 4, Tail, &[1, 5, 5, 2], 6);
    check(
        "good good good film film film",
        6,
        HeadTail,
        &[1, 4, 5, 5, 5, 2],
        8,
    );
    check("other", 8, Head, &[1, 0, 2], 3);
    check("", 8, Head, &[1, 2], 2);
}

#[test]
fn encoding_with_offsets_gives_the_same_ids() {
    let file = read(BERT_LIKE).expect("usable");
    for truncation in [Truncation::Head, Truncation::Tail, Truncation::HeadTail] {
        for text in [
            "good film",
            "good good film film good film",
            "  other film",
            "",
        ] {
            let with_offsets = file
                .encode_with_offsets(text, 5, truncation)
                .expect("encodes");
            let encoded = file.encode(text, 5, truncation).expect("encodes");
            assert_eq!(with_offsets.ids, encoded.ids, "`{text}`");
        }
    }
    let encoded = file
        .encode_with_offsets("good  bad film", 4, Truncation::Tail)
        .expect("encodes");
    assert_eq!(encoded.ids, [1, 0, 5, 2]);
    assert_eq!(encoded.offsets, [None, Some(6..9), Some(10..14), None]);
}

#[test]
fn properties_for_the_contract_are_read() {
    let file = read(BERT_LIKE).expect("usable");
    assert_eq!(
        (file.vocabulary_size(), file.pad_id(), file.unknown_id()),
        (6, 3, Some(0))
    );
    assert_eq!(file.tokens()[5].as_deref(), Some("film"));
    assert_eq!(file.fingerprint(), Digest::of_bytes(BERT_LIKE.as_bytes()));
}

#[test]
fn an_empty_row_becomes_one_unknown() {
    let plain = BERT_LIKE.replace(
        r#"{"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]}"#,
        "null",
    );
    let encoded = read(&plain)
        .expect("usable")
        .encode("  ", 8, Truncation::Head)
        .expect("encodes");
    assert_eq!(
        encoded,
        Encoded {
            ids: vec![0],
            length: 1
        }
    );
    assert!(!encoded.is_truncated());
}

#[test]
fn unusable_files_are_refused_with_a_reason() {
    let no_padding_section = {
        let start = BERT_LIKE.find(r#""padding""#).expect("there");
        let end = BERT_LIKE.find(r#""added_tokens""#).expect("there");
        format!("{}{}", &BERT_LIKE[..start], &BERT_LIKE[end..])
    };
    read(&no_padding_section).expect("`[PAD]` is a well-known name");
    let cases = [
        ("{", "Failed to parse"),
        (
            &BERT_LIKE.replace(r#""pad_id": 3"#, r#""pad_id": 5"#),
            "pads with `[PAD]` as id 5",
        ),
        (
            &BERT_LIKE.replace(r#""pad_token": "[PAD]""#, r#""pad_token": "[FILL]""#),
            "pads with `[FILL]`, which",
        ),
        (
            &no_padding_section.replace("[PAD]", "[FILL]"),
            "has no padding token",
        ),
        (
            &BERT_LIKE.replace(r#""film": 5"#, r#""film": 4000000000"#),
            "has ids up to 4000000000 for 6 tokens",
        ),
    ];
    for (text, expected) in cases {
        let error = read(text).expect_err("refused").to_string();
        assert!(error.contains(expected), "{error}");
    }
    let error = read(BERT_LIKE)
        .expect("usable")
        .encode("good", 2, Truncation::Head)
        .expect_err("no room");
    assert!(
        error
            .to_string()
            .contains("no room for text besides the tokenizer's 2 special tokens"),
        "{error}"
    );
}

#[test]
fn a_truncated_file_is_an_error_and_never_a_panic() {
    let whole = BERT_LIKE.trim_end();
    for end in 0..whole.len() {
        assert!(read(&whole[..end]).is_err(), "cut off at byte {end}");
    }
}

/// Found by fuzzing: merges of a BPE model with a prefix that is missing in its words.
#[test]
fn merges_that_do_not_fit_their_prefix_are_an_error() {
    let model = r###"{"type": "BPE", "continuing_subword_prefix": "##", "unk_token": "[UNK]",
        "vocab": {"[PAD]": 0, "[UNK]": 1, "l": 2, "o": 3, "lo": 4}, "merges": [["l", "o"]]}"###;
    let file = format!(r#"{{"version": "1.0", "added_tokens": [], "model": {model}}}"#);
    let error = read(&file).expect_err("refused");
    assert!(error.to_string().contains("Failed to parse"), "{error}");
}

#[test]
fn a_section_that_the_library_panics_on_is_an_error() {
    let normalizer = r#""normalizer": {"type": "Precompiled", "precompiled_charsmap": 1}"#;
    let damaged = BERT_LIKE.replace(r#""normalizer": null"#, normalizer);
    let error = read(&damaged).expect_err("refused");
    assert!(error.to_string().contains("Failed to parse"), "{error}");
    assert!(
        error
            .hint()
            .is_some_and(|hint| hint.contains("tokenizer.save"))
    );
}
