//! Tests of the stage in a temporary folder, after a real run of `tokenize` on a few dozen reviews.

#![allow(missing_docs, reason = "tests")]

#[path = "../../tokenize/tests/common/mod.rs"]
mod common;

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::Float32Type;
use artifact::{Artifact, Contract, Failure, Split, map_arrays, schema};
use common::{Review, describe, load, put_clean, review, reviews, run, text_of, write_pipeline};
use embed::Embed;
use flate2::Compression;
use flate2::write::GzEncoder;
use settings::Pipeline;
use text::TokenizerFile;
use tokenize::Tokenize;

const STATIC: &str = r#"
[tokenizer.words]
kind = "word"
min_frequency = 1
[embedding.static]
kind = "static"
tokenizer = "words"
source = "vectors.txt"
"#;

const RANDOM: &str = r#"
[tokenizer.words]
kind = "word"
[embedding.random]
kind = "random"
tokenizer = "words"
width = 12
"#;

fn tokenized(folder: &Path, tables: &str, reviews: &[Review]) -> (Pipeline, Artifact) {
    let pipeline = load(&write_pipeline(folder, tables));
    put_clean(&pipeline, reviews);
    let (_, tokens) = run::<Tokenize>(&pipeline, "words").expect("it works");
    (pipeline, tokens)
}

fn embed(vectors: &[u8], tables: &str, reviews: &[Review]) -> Result<Embedding, Failure> {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("vectors.txt"), vectors).expect("the folder is ours");
    let (pipeline, tokens) = tokenized(folder.path(), tables, reviews);
    let variant = if tables.contains("[embedding.static]") {
        "static"
    } else {
        "random"
    };
    let (_, artifact) = run::<Embed>(&pipeline, variant)?;
    Ok(Embedding::read(&artifact, &tokens))
}

/// The output of the stage.
struct Embedding {
    rows: Vec<Vec<f32>>,
    coverage: serde_json::Value,
    tokenizer: TokenizerFile,
}

impl Embedding {
    fn read(artifact: &Artifact, tokens: &Artifact) -> Self {
        let tokenizer =
            TokenizerFile::read(&tokens.file("tokenizer.json").expect("whole")).expect("usable");
        let Contract::Embedding {
            tokenizer: fingerprint,
            vocabulary_size,
            width,
            pad_id,
        } = artifact.manifest().contract
        else {
            panic!("another contract");
        };
        assert_eq!(fingerprint, tokenizer.fingerprint());
        assert_eq!((vocabulary_size, pad_id), (tokenizer.vocabulary_size(), 0));
        let path = artifact.file("embedding.arrow").expect("whole");
        let mut rows = Vec::new();
        for batch in map_arrays(&path, &schema::embedding(width)).expect("whole") {
            let vectors = batch.column(0).as_fixed_size_list();
            for row in 0..batch.num_rows() {
                rows.push(
                    vectors
                        .value(row)
                        .as_primitive::<Float32Type>()
                        .values()
                        .to_vec(),
                );
            }
        }
        assert_eq!(rows.len(), vocabulary_size as usize);
        let coverage =
            serde_json::from_str(&text_of(artifact, "coverage.json")).expect("it is JSON");
        Self {
            rows,
            coverage,
            tokenizer,
        }
    }

    fn row(&self, token: &str) -> &[f32] {
        let id = self
            .tokenizer
            .tokenizer()
            .token_to_id(token)
            .unwrap_or_else(|| panic!("no token `{token}`"));
        &self.rows[id as usize]
    }

    fn figure(&self, pointer: &str) -> &serde_json::Value {
        self.coverage
            .pointer(pointer)
            .unwrap_or_else(|| panic!("no {pointer} in {}", self.coverage))
    }
}

fn few() -> Vec<Review> {
    vec![
        review(Split::Train, "A good film, it isn't BAD"),
        review(Split::Train, "a good Nasa film"),
        review(Split::Test, "splendid splendid"),
    ]
}

#[test]
fn words_get_the_vector_of_their_best_spelling() {
    let vectors = "good 1 2\nGood 9 9\nfilm 3 4\nNASA 5 6\nnot 7 8\nan -1 -2\nunused 0 0\ngood 8 8\nis 2 2\nIt 4 4\n";
    let made = embed(vectors.as_bytes(), STATIC, &few()).expect("it works");
    assert_eq!(made.row("<pad>"), [0.0, 0.0]);
    assert_eq!(
        made.row("good"),
        [1.0, 2.0],
        "the first of two lines, and exact before capitalised"
    );
    assert_eq!(made.row("film"), [3.0, 4.0]);
    assert_eq!(made.row("nasa"), [5.0, 6.0]);
    assert_eq!(made.row("n't"), [7.0, 8.0]);
    assert_eq!(made.row("a"), [-1.0, -2.0]);
    assert_eq!(made.row("it"), [4.0, 4.0]);
    // The mean of the seven vectors found: good, film, nasa, n't, a, is, it.
    assert_eq!(made.row("<unk>"), [21.0 / 7.0, 24.0 / 7.0]);
    // `bad` and `,` were drawn, and differently.
    assert!(
        made.row("bad")
            .iter()
            .all(|value| value.is_finite() && *value != 0.0)
    );
    assert_ne!(made.row("bad"), made.row(","));
    assert_eq!(
        (made.figure("/types/total"), made.figure("/types/found")),
        (&9.into(), &7.into())
    );
    for (spelling, types, tokens) in [
        ("exact", 3, 5),
        ("capitalised", 1, 1),
        ("upper_case", 1, 1),
        ("other_form", 2, 3),
    ] {
        assert_eq!(
            made.figure(&format!("/types/by_spelling/{spelling}")),
            types,
            "{spelling}"
        );
        assert_eq!(
            made.figure(&format!("/running_tokens/by_spelling/{spelling}")),
            tokens,
            "{spelling}"
        );
    }
    assert_eq!(
        (
            made.figure("/running_tokens/total"),
            made.figure("/running_tokens/found")
        ),
        (&12.into(), &10.into())
    );
    assert_eq!(
        made.figure("/missing"),
        &serde_json::json!([{"token": ",", "count": 1}, {"token": "bad", "count": 1}])
    );
    assert_eq!(
        (made.figure("/file/lines"), made.figure("/file/duplicates")),
        (&10.into(), &1.into())
    );
}

#[test]
fn every_file_format_gives_the_same_matrix() {
    let plain = "good 1 2\nfilm 3 4\n. . . 5 6\n";
    let gz = |text: &str| {
        let mut writer = GzEncoder::new(Vec::new(), Compression::fast());
        writer
            .write_all(text.as_bytes())
            .and_then(|()| writer.finish())
            .expect("memory takes it")
    };
    let forms = [
        plain.as_bytes().to_vec(),
        gz(plain),
        [gz("good 1 2\n"), gz("film 3 4\n. . . 5 6\n")].concat(),
        b"3 2\ngood 1 2 \nfilm 3 4 \n. . . 5 6 \n".to_vec(),
        b"good\t1\t2\r\nfilm\t3\t4\r\n. . .\t5\t6".to_vec(),
    ];
    let rows = |file: &[u8]| embed(file, STATIC, &few()).expect("it works").rows;
    let expected = rows(&forms[0]);
    for form in &forms[1..] {
        assert_eq!(rows(form), expected, "{}", String::from_utf8_lossy(form));
    }
}

#[test]
fn test_rows_do_not_count_in_the_coverage() {
    let mut others = few();
    others.retain(|review| review.split == Split::Train);
    others.push(review(Split::Test, "good good good good"));
    let coverage = |reviews: &[Review]| {
        embed(b"good 1 2\n", STATIC, reviews)
            .expect("it works")
            .coverage
    };
    assert_eq!(coverage(&few()), coverage(&others));
}

#[test]
fn word_pieces_are_looked_up_without_their_marks() {
    for (kind, size, mark) in [
        ("bpe", 400, "\u{120}"),
        ("wordpiece", 160, "##"),
        ("unigram", 160, "\u{2581}"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let vectors = folder.path().join("vectors.txt");
        fs::write(&vectors, "any 0 0\n").expect("the folder is ours");
        let tables = STATIC.replace("\"word\"", &format!("\"{kind}\"\nvocabulary_size = {size}"));
        let (pipeline, tokens) = tokenized(folder.path(), &tables, &reviews());
        let file =
            TokenizerFile::read(&tokens.file("tokenizer.json").expect("whole")).expect("usable");
        let marked = file
            .tokens()
            .into_iter()
            .flatten()
            .filter(|token| token.starts_with(mark));
        let token = marked
            .max_by_key(|token| (token.len(), token.clone()))
            .expect("some pieces have the mark");
        let surface = token.strip_prefix(mark).expect("it was chosen for that");
        assert!(
            surface.len() > 1,
            "{kind}: `{token}` is too short to prove anything"
        );
        fs::write(&vectors, format!("{surface} 1 2\n{token} 9 9\n")).expect("the folder is ours");
        let (_, artifact) = run::<Embed>(&pipeline, "static").expect("it works");
        assert_eq!(
            Embedding::read(&artifact, &tokens).row(&token),
            [1.0, 2.0],
            "{kind}: `{token}`"
        );
    }
}

#[test]
fn random_vectors_depend_only_on_the_seed() {
    let made = |tables: &str| embed(b"", tables, &reviews()).expect("it works").rows;
    let rows = made(RANDOM);
    assert_eq!(rows, made(RANDOM));
    assert_eq!(rows[0], [0.0; 12]);
    assert!(
        rows[1..]
            .iter()
            .flatten()
            .all(|value| value.abs() <= 0.5 && *value != 0.0)
    );
    assert_ne!(rows[1], made(&format!("{RANDOM}seed = 8\n"))[1]);
}

#[test]
fn a_few_bad_lines_are_counted_and_many_are_rejected() {
    let mut lines: Vec<String> = (0..400).map(|word| format!("w{word} 1 2")).collect();
    lines[7] = "good 1 2 3".to_owned();
    lines[8] = "film NaN 1".to_owned();
    lines[9] = "bad 1 2".to_owned();
    let made =
        embed(lines.join("\n").as_bytes(), STATIC, &few()).expect("one line in 200 is bearable");
    assert_eq!(
        made.figure("/file/skipped"),
        &serde_json::json!({"other_width": 1, "not_finite": 1})
    );
    assert_eq!(made.row("bad"), [1.0, 2.0]);
    assert_ne!(made.row("good"), [1.0, 2.0]);
    for line in lines.iter_mut().skip(100).take(10) {
        line.push_str(" 0.5");
    }
    let words = describe(&refused(lines.join("\n").as_bytes(), STATIC));
    let expected = "12 of 400 lines of the word vectors";
    assert!(
        words.contains(expected) && words.contains("the first in line 8: 11 with another number"),
        "{words}"
    );
}

fn refused(vectors: &[u8], tables: &str) -> Failure {
    match embed(vectors, tables, &few()) {
        Ok(_) => panic!("it was not refused"),
        Err(failure) => failure,
    }
}

#[test]
fn a_truncated_file_is_rejected() {
    let mut gz = GzEncoder::new(Vec::new(), Compression::none());
    for word in 0..9000 {
        writeln!(gz, "w{word} 0.25 0.5").expect("memory takes it");
    }
    let gz = gz.finish().expect("memory takes it");
    let cases = [
        (gz[..gz.len() / 2].to_vec(), "are truncated after line"),
        (
            b"9 2\ngood 1 2\n".to_vec(),
            "announces 9 vectors, but it has 1",
        ),
        (b"good 1 2\nfilm 3 4\nbad 5".to_vec(), "is incomplete"),
        (
            b"words 1 2\nof 3 4\nanother 5 6\nlanguage 7 8\n".to_vec(),
            "has no vector for any of the 9 entries",
        ),
    ];
    for (vectors, expected) in cases {
        let words = describe(&refused(&vectors, STATIC));
        assert!(
            words.contains(expected) && !words.contains("hint: none"),
            "{expected}: {words}"
        );
    }
}

#[test]
fn a_tokenizer_that_does_not_match_the_contract_is_rejected() {
    let folder = tempfile::tempdir().expect("a folder");
    let (pipeline, tokens) = tokenized(folder.path(), RANDOM, &reviews());
    let path = tokens.file("tokenizer.json").expect("whole");
    let text = fs::read_to_string(&path).expect("it is text");
    File::create(&path)
        .and_then(|mut file| file.write_all(text.replacen("film", "flim", 1).as_bytes()))
        .expect("ours");
    let words = describe(&run::<Embed>(&pipeline, "random").expect_err("it is refused"));
    assert!(
        words.contains("tokenizer.json` is damaged") && words.contains("--only tokenize"),
        "{words}"
    );
}

#[test]
fn invalid_widths_are_rejected_while_planning() {
    let folder = tempfile::tempdir().expect("a folder");
    let load_error = |tables: &str| {
        let loaded = Pipeline::load(&write_pipeline(folder.path(), tables), &[]);
        let checked =
            loaded.and_then(|it| it.steps().iter().try_for_each(|step| it.check_files(step)));
        let error = checked.expect_err("it is refused");
        format!("{error}\nhint: {}", error.hint().unwrap_or_default())
    };
    let missing = load_error(STATIC);
    assert!(
        missing.contains("`embedding.static.source` names the word vectors"),
        "{missing}"
    );
    assert!(
        missing.contains("there is no such file")
            && missing.contains("--set embedding.static.source=FILE"),
        "{missing}"
    );
    fs::write(folder.path().join("vectors.txt"), "good 1 2\n").expect("the folder is ours");
    let other = load_error(&format!("{STATIC}width = 300\n"));
    assert!(
        other.contains("`embedding.static.width` is 300") && other.contains("have 2 components"),
        "{other}"
    );
    assert!(
        other.contains("Remove `width` from `[embedding.static]`"),
        "{other}"
    );
    fs::write(folder.path().join("vectors.txt"), "{\"a\": 1}\n").expect("the folder is ours");
    assert!(load_error(STATIC).contains("is not a file with word vectors"));
    fs::write(folder.path().join("vectors.txt"), "good 1 2\n").expect("the folder is ours");
    load(&write_pipeline(
        folder.path(),
        &format!("{STATIC}width = 2\n"),
    ));
}
