//! Tests of the stage in a temporary folder, with a few dozen reviews.

#![allow(missing_docs, reason = "tests")]

mod common;

use std::fs;
use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::{UInt8Type, UInt16Type, UInt32Type, UInt64Type};
use artifact::{Artifact, Contract, Digest, Split, map_arrays, schema};
use common::{Review, describe, load, put_clean, review, reviews, run, text_of, write_pipeline};
use stage::StepState;
use text::TokenizerFile;
use tokenize::Tokenize;
use tokenizers::Tokenizer;

const KINDS: [&str; 4] = ["word", "bpe", "wordpiece", "unigram"];

/// A row of an ids file.
#[derive(Debug, PartialEq)]
struct Row {
    row_id: u64,
    label: u8,
    length: u32,
    ids: Vec<u32>,
}

fn table(kind: &str) -> String {
    format!("[tokenizer.{kind}]\nkind = \"{kind}\"\nvocabulary_size = 400\nmax_length = 64\n")
}

fn tokenize(
    folder: &Path,
    tables: &str,
    variant: &str,
    reviews: &[Review],
) -> Result<Artifact, artifact::Failure> {
    let pipeline = load(&write_pipeline(folder, tables));
    put_clean(&pipeline, reviews);
    let (state, artifact) = run::<Tokenize>(&pipeline, variant)?;
    assert_eq!(state, StepState::Done);
    Ok(artifact)
}

fn rows(artifact: &Artifact, split: Split, wide: bool) -> Vec<Row> {
    let path = artifact
        .file(&format!("{split}.arrow"))
        .expect("it is whole");
    let mut rows = Vec::new();
    for batch in map_arrays(&path, &schema::tokens(wide)).expect("it is whole") {
        let lists = batch.column(3).as_list::<i32>();
        for row in 0..batch.num_rows() {
            let ids = lists.value(row);
            rows.push(Row {
                row_id: batch.column(0).as_primitive::<UInt64Type>().value(row),
                label: batch.column(1).as_primitive::<UInt8Type>().value(row),
                length: batch.column(2).as_primitive::<UInt32Type>().value(row),
                ids: if wide {
                    ids.as_primitive::<UInt32Type>().values().to_vec()
                } else {
                    ids.as_primitive::<UInt16Type>()
                        .values()
                        .iter()
                        .map(|id| u32::from(*id))
                        .collect()
                },
            });
        }
    }
    rows
}

fn statistics(artifact: &Artifact) -> serde_json::Value {
    serde_json::from_str(&text_of(artifact, "statistics.json")).expect("it is JSON")
}

#[test]
fn the_written_tokenizer_reproduces_the_ids() {
    for kind in KINDS {
        let folder = tempfile::tempdir().expect("a folder");
        let reviews = reviews();
        let artifact = tokenize(folder.path(), &table(kind), kind, &reviews).expect("it works");
        let path = artifact.file("tokenizer.json").expect("it is whole");
        let elsewhere = Tokenizer::from_file(&path).expect("any program can load it");
        assert_eq!(elsewhere.token_to_id("<pad>"), Some(0), "{kind}");
        assert_eq!(elsewhere.token_to_id("<unk>"), Some(1), "{kind}");
        for split in Split::LABELLED {
            let expected: Vec<Row> = (100..)
                .zip(&reviews)
                .filter(|(_, review)| review.split == split)
                .map(|(row_id, review)| {
                    let encoding = elsewhere
                        .encode(review.text.as_str(), true)
                        .expect("it encodes");
                    let ids = encoding.get_ids().to_vec();
                    let length = u32::try_from(ids.len()).expect("short");
                    Row {
                        row_id,
                        label: review.label.expect("labelled"),
                        length,
                        ids,
                    }
                })
                .collect();
            assert_eq!(rows(&artifact, split, false), expected, "{kind} {split}");
        }
        let Contract::Tokens {
            tokenizer,
            vocabulary_size,
            pad_id,
            unknown_id,
            max_length,
            classes,
            normalization,
            languages,
        } = &artifact.manifest().contract
        else {
            panic!("another contract");
        };
        assert_eq!(*tokenizer, Digest::of_file(&path).expect("it is there"));
        assert_eq!(
            *vocabulary_size as usize,
            elsewhere.get_vocab_size(true),
            "{kind}"
        );
        assert!(*vocabulary_size <= 400, "{kind}: {vocabulary_size}");
        assert_eq!(
            (*pad_id, *unknown_id, *max_length, classes.len()),
            (0, Some(1), 64, 2)
        );
        assert_eq!(*normalization, Some(artifact::Normalization::default()));
        assert_eq!(languages[..], ["English"]);
        assert_eq!(statistics(&artifact)["splits"]["unlabelled"]["rows"], 1);
    }
}

#[test]
fn nothing_is_learned_from_validation_or_test() {
    for kind in KINDS {
        let learned = |change: fn(&mut Review)| {
            let folder = tempfile::tempdir().expect("a folder");
            let mut reviews = reviews();
            reviews.iter_mut().for_each(change);
            let artifact = tokenize(folder.path(), &table(kind), kind, &reviews).expect("it works");
            (
                text_of(&artifact, "tokenizer.json"),
                rows(&artifact, Split::Test, false),
            )
        };
        let (before, test_before) = learned(|_| {});
        let (after, test_after) = learned(|review| {
            if review.split != Split::Train {
                review.text = "zyx zyx zyx quite other words quite other words".to_owned();
            }
        });
        assert_eq!(before, after, "{kind} learned from other splits");
        assert_ne!(
            test_before, test_after,
            "{kind}: the change did not reach the test rows"
        );
        let (other, _) = learned(|review| review.text.push_str(" zyx zyx zyx"));
        assert_ne!(before, other, "{kind} did not learn from the training rows");
    }
}

#[test]
fn no_text_is_encoded_as_padding() {
    for kind in KINDS {
        let folder = tempfile::tempdir().expect("a folder");
        let mut reviews = reviews();
        for _ in 0..3 {
            reviews.push(review(Split::Train, "It prints <pad> and <unk> and <pad>."));
        }
        let artifact = tokenize(folder.path(), &table(kind), kind, &reviews).expect("it works");
        let row = rows(&artifact, Split::Train, false)
            .pop()
            .expect("there are rows");
        assert!(row.ids.iter().all(|id| *id > 1), "{kind}: {:?}", row.ids);
    }
}

#[test]
fn difficult_characters_are_decoded_correctly() {
    let sentence = "Cafe\u{301}s AREN'T \u{201c}bad\u{201d}\u{2026} 10/10, \u{65e5}\u{672c} <br/> don\u{2019}t!";
    let expected =
        "caf\u{e9}s aren't \u{201c}bad\u{201d}\u{2026} 10/10, \u{65e5}\u{672c} <br/> don't!";
    let decoded = |kind: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        let mut reviews = reviews();
        reviews.extend([
            review(Split::Train, sentence),
            review(Split::Train, sentence),
        ]);
        let artifact = tokenize(folder.path(), &table(kind), kind, &reviews).expect("it works");
        let file =
            TokenizerFile::read(&artifact.file("tokenizer.json").expect("whole")).expect("usable");
        let ids = file
            .encode(sentence, 400, settings::Truncation::Head)
            .expect("it encodes")
            .ids;
        file.tokenizer().decode(&ids, false).expect("it decodes")
    };
    assert_eq!(decoded("bpe").trim_start(), expected);
    assert_eq!(decoded("unigram"), expected);
    let apart = "caf\u{e9}s are n't \u{201c} bad \u{201d} \u{2026} 10 / 10 , \u{65e5}\u{672c} < br / > do n't !";
    assert_eq!(decoded("word"), apart);
    let pieces = "caf\u{e9}s aren ' t \u{201c} bad \u{201d} \u{2026} 10 / 10, \u{65e5}\u{672c} < br / > don ' t!";
    assert_eq!(decoded("wordpiece"), pieces);
}

#[test]
fn long_rows_are_truncated_and_empty_rows_become_unknown() {
    let folder = tempfile::tempdir().expect("a folder");
    let tables = "[tokenizer.short]\nkind = \"word\"\nvocabulary_size = 100\nmax_length = 4\ntruncation = \"head_tail\"\n";
    let mut reviews = vec![
        review(Split::Train, "one two three four five six"),
        review(Split::Train, " \u{a0} "),
    ];
    reviews.extend((0..2).map(|_| review(Split::Train, "one two three four")));
    reviews.extend((0..2).map(|_| review(Split::Train, "five six")));
    reviews.push(review(Split::Test, "\u{65e5}\u{672c}"));
    let artifact = tokenize(folder.path(), tables, "short", &reviews).expect("it works");
    let train = rows(&artifact, Split::Train, false);
    let id = |word| {
        Tokenizer::from_file(artifact.file("tokenizer.json").expect("whole"))
            .expect("usable")
            .token_to_id(word)
    };
    let wanted = ["one", "four", "five", "six"].map(|word| id(word).expect("frequent enough"));
    assert_eq!((train[0].length, &train[0].ids[..]), (6, &wanted[..]));
    assert_eq!((train[1].length, &train[1].ids[..]), (1, &[1][..]));
    assert_eq!(rows(&artifact, Split::Test, false)[0].ids, [1]);
    assert_eq!(rows(&artifact, Split::Validation, false), []);
    let statistics = statistics(&artifact);
    let train = &statistics["splits"]["train"];
    assert_eq!(
        (&train["rows"], &train["tokens"], &train["tokens_kept"]),
        (&6.into(), &19.into(), &17.into())
    );
    assert_eq!(
        (&train["rows_truncated"], &train["tokens_unknown"]),
        (&1.into(), &1.into())
    );
    assert_eq!(train["length"]["longest"], 6);
    assert_eq!(
        statistics["splits"]["validation"]["length"],
        serde_json::Value::Null
    );
}

/// A pretrained tokenizer with its own truncation and padding.
fn foreign(words: u32) -> String {
    let vocabulary: Vec<String> = (0..words)
        .map(|id| format!("\"w{id}\": {}", id + 3))
        .collect();
    format!(
        r#"{{"version": "1.0",
            "truncation": {{"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0}},
            "padding": {{"strategy": {{"Fixed": 8}}, "direction": "Left", "pad_to_multiple_of": null,
                         "pad_id": 1, "pad_type_id": 0, "pad_token": "[FILL]"}},
            "added_tokens": [], "normalizer": null, "pre_tokenizer": {{"type": "Whitespace"}},
            "post_processor": {{"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[UNK]", 0]}},
            "decoder": null,
            "model": {{"type": "WordLevel", "unk_token": "[UNK]",
                       "vocab": {{"[UNK]": 0, "[FILL]": 1, "[SEP]": 2, {}}}}}}}"#,
        vocabulary.join(", ")
    )
}

const PRETRAINED: &str =
    "[tokenizer.given]\nkind = \"pretrained\"\nsource = \"given.json\"\nmax_length = 5\n";

#[test]
fn a_pretrained_tokenizer_keeps_its_ids_but_not_its_truncation() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("given.json"), foreign(70_000)).expect("the folder is ours");
    let reviews = [
        review(Split::Train, "w0 w69999 w1 w2 w3 w4"),
        review(Split::Test, "w7"),
    ];
    let artifact = tokenize(folder.path(), PRETRAINED, "given", &reviews).expect("it works");
    // Above 65,536 entries an id has four bytes; special tokens remain when a row is truncated.
    let train = rows(&artifact, Split::Train, true);
    assert_eq!(
        (train[0].length, &train[0].ids[..]),
        (8, &[0, 3, 70_002, 4, 2][..])
    );
    assert_eq!(rows(&artifact, Split::Test, true)[0].ids, [0, 10, 2]);
    let written: serde_json::Value =
        serde_json::from_str(&text_of(&artifact, "tokenizer.json")).expect("it is JSON");
    assert_eq!(written["truncation"], serde_json::Value::Null);
    assert_eq!(
        (
            &written["padding"]["strategy"],
            &written["padding"]["pad_id"]
        ),
        (&"BatchLongest".into(), &1.into())
    );
    assert!(matches!(
        artifact.manifest().contract,
        Contract::Tokens {
            pad_id: 1,
            unknown_id: Some(0),
            ..
        }
    ));
}

#[test]
fn a_pretrained_tokenizer_without_truncation_is_copied_byte_by_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut given: serde_json::Value = serde_json::from_str(&foreign(3)).expect("it is JSON");
    given["truncation"] = serde_json::Value::Null;
    given["padding"] = serde_json::Value::Null;
    let given = given.to_string().replace("[FILL]", "<pad>");
    fs::write(folder.path().join("given.json"), &given).expect("the folder is ours");
    let artifact = tokenize(
        folder.path(),
        PRETRAINED,
        "given",
        &[review(Split::Train, "w0")],
    )
    .expect("it works");
    assert_eq!(text_of(&artifact, "tokenizer.json"), given);
}

#[test]
fn invalid_inputs_are_rejected_with_a_hint() {
    let error = |tables: &str, given: &str, reviews: &[Review]| {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("given.json"), given).expect("the folder is ours");
        let variant = if tables.contains("given") {
            "given"
        } else {
            "word"
        };
        describe(&tokenize(folder.path(), tables, variant, reviews).expect_err("it is refused"))
    };
    let one = || vec![review(Split::Train, "w0 w1")];
    let rare = format!("{}min_frequency = 9\n", table("word"));
    let dropout = r#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": null, "post_processor": null, "decoder": null, "model": {"type": "BPE", "dropout": 0.1,
        "unk_token": null, "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": false,
        "vocab": {"<pad>": 0, "w": 1}, "merges": []}}"#;
    let no_label = Review {
        split: Split::Train,
        label: None,
        text: "w0".to_owned(),
    };
    let cases = [
        (
            error(PRETRAINED, "not json", &one()),
            "Failed to parse the tokenizer",
            "tokenizer.save",
        ),
        (
            error(PRETRAINED, &foreign(3)[..600], &one()),
            "Failed to parse the tokenizer",
            "tokenizer.save",
        ),
        (
            error(
                PRETRAINED,
                &foreign(3).replace("\"pad_id\": 1", "\"pad_id\": 2"),
                &one(),
            ),
            "pads with `[FILL]` as id 2",
            "enable_padding",
        ),
        (
            error(PRETRAINED, dropout, &one()),
            "splits words at random",
            "`dropout`",
        ),
        (
            error(&PRETRAINED.replace('5', "2"), &foreign(3), &one()),
            "no room for text",
            "max_length",
        ),
        (
            error(&table("word"), "", &[review(Split::Test, "w0")]),
            "The training split is empty",
            "clean.split.test",
        ),
        (
            error(&rare, "", &one()),
            "No word of the training split occurs 9 times",
            "min_frequency",
        ),
        (
            error(&table("word"), "", &[no_label]),
            "it has 1 row of the split `train` without `label`",
            "ressenti run --only clean",
        ),
    ];
    for (words, problem, hint) in cases {
        assert!(words.contains(problem), "{problem}: {words}");
        assert!(
            words
                .rsplit("hint: ")
                .next()
                .is_some_and(|text| text.contains(hint)),
            "{hint}: {words}"
        );
    }
}

#[test]
fn a_damaged_byte_of_the_input_is_detected() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipeline = load(&write_pipeline(folder.path(), &table("word")));
    let clean = put_clean(&pipeline, &reviews());
    let path = clean.file("clean.parquet").expect("it is whole");
    let mut bytes = fs::read(&path).expect("it is there");
    bytes[100] ^= 1;
    fs::write(&path, bytes).expect("the folder is ours");
    let words = describe(&run::<Tokenize>(&pipeline, "word").expect_err("it is refused"));
    assert!(
        words.contains("clean.parquet` is damaged") && words.contains("--only clean"),
        "{words}"
    );
}
