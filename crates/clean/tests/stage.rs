//! Tests of the stage in a temporary folder.

#![allow(missing_docs)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use artifact::files::LanguageCounts;
use artifact::{Contract, Split};
use common::{CleanRow, Cleaned, Project};

/// `count` rows of alternating labels; three rows to a group where `grouped`.
fn many(count: usize, grouped: bool) -> Vec<String> {
    let group = |id: usize| {
        if grouped {
            format!("film {}", id / 3)
        } else {
            String::new()
        }
    };
    (0..count)
        .map(|id| format!("review number {id},{},,{},", id % 2, group(id)))
        .collect()
}

/// One negative review among 301, which is in the training split.
#[test]
fn a_split_with_few_reviews_of_a_class_is_reported() {
    let positive = Vec::from_iter((0..300).map(|id| format!("review number {id},1,,,")));
    let clean = |rows: &[String]| {
        let cleaned = Project::new().clean(rows, "split = { test = 0.2, validation = 0.2 }");
        Some(cleaned.ok()?.artifact.manifest().run.summary.clone())
    };
    let one_negative = |number: usize| {
        let negative = format!("the only negative review {number},0,,,");
        clean(&[&positive[..], &[negative]].concat())
    };
    let summary = (0..20).find_map(one_negative).expect("one is for training");
    let few = "; few reviews of a class: 0 negative in validation, 0 negative in test";
    assert!(summary.ends_with(few), "{summary}");
    // With enough of both there is no such remark.
    let summary = clean(&many(1000, false)).expect("enough of both");
    assert!(!summary.contains("few"), "{summary}");
}

fn lines(rows: &[&str]) -> Vec<String> {
    rows.iter().map(|row| (*row).to_owned()).collect()
}

fn by_text(cleaned: &Cleaned) -> BTreeMap<String, CleanRow> {
    cleaned
        .rows()
        .into_iter()
        .map(|row| (row.text.clone(), row))
        .collect()
}

#[test]
fn an_official_split_is_used_and_its_leaks_are_removed() {
    let rows = lines(&[
        "Good<br />film,1,train,a,2001-02-03",
        "bad film,0,train,b,",
        "bad   film,0,train,b,",
        "a leak,1,train,a,",
        "a &amp; b,0,train,c,",
        "a & b,1,train,d,",
        " <br /> ,1,train,d,",
        "a  leak,1,test,a,",
        "twice,0,test,e,",
        "twice,0,test,e,",
        "a leak,,,f,",
        "good film,,,f,",
        "good film,,,f,",
    ]);
    let cleaned = Project::new()
        .clean(&rows, "split = { validation = 0.0 }")
        .expect("rows");
    let found: Vec<_> = cleaned
        .rows()
        .iter()
        .map(|row| format!("{} {} {}", row.row_id, row.split, row.text))
        .collect();
    assert_eq!(
        found,
        [
            "0 train Good film",
            "1 train bad film",
            "7 test a leak",
            "8 test twice",
            "9 test twice",
            "11 unlabelled good film"
        ]
    );
    assert_eq!(cleaned.rows()[0].timestamp, Some(981_158_400_000));
    assert_eq!(
        cleaned.removed(),
        [
            "2 duplicate 1 reviews.csv:4 | bad film",
            "3 stands in test 7 reviews.csv:5 | a leak",
            "4 conflicting labels - reviews.csv:6 | a & b",
            "5 conflicting labels - reviews.csv:7 | a & b",
            "6 empty - reviews.csv:8 | ",
            "10 stands in labelled rows 7 reviews.csv:12 | a leak",
            "12 duplicate 11 reviews.csv:14 | good film",
        ]
    );
    let profile = cleaned.profile();
    assert_eq!(
        (
            profile.read,
            profile.kept,
            profile.splitting.test_by.as_str()
        ),
        (13, 6, "official")
    );
    assert_eq!(
        (
            profile.leaks.test_rows,
            profile.leaks.test_rows_verbatim,
            profile.leaks.train_rows_removed
        ),
        (1, 0, 1)
    );
    assert_eq!(
        (
            profile.duplicates.kept_in_test,
            profile.groups.in_train_and_test
        ),
        (1, 1)
    );
    assert_eq!(profile.groups.examples[0].group, "a");
    let expected = Contract::Clean {
        train: 2,
        validation: 0,
        test: 3,
        unlabelled: 1,
        classes: vec!["negative".to_owned(), "positive".to_owned()],
        normalization: Some(artifact::Normalization::default()),
        languages: Vec::new(),
    };
    assert_eq!(cleaned.artifact.manifest().contract, expected);
    assert_eq!(
        cleaned.artifact.manifest().run.summary,
        "6 reviews: 2 train, 3 test, 1 unlabelled; removed: 1 empty, 2 duplicate, 2 conflicting labels, 1 stands in test, \
         1 stands in labelled rows; \
         few reviews of a class: 2 negative and 1 positive in test"
    );
}

#[test]
fn without_an_official_split_all_duplicates_are_removed() {
    let mut rows = many(300, false);
    rows.extend(many(300, false));
    let cleaned = Project::new().clean(&rows, "").expect("rows");
    assert_eq!((cleaned.rows().len(), cleaned.removed().len()), (300, 300));
    assert_eq!(cleaned.profile().splitting.test_by, "hash");
    for (split, share) in [("train", 0.72), ("validation", 0.08), ("test", 0.2)] {
        let count = cleaned
            .rows()
            .iter()
            .filter(|row| row.split == split)
            .count() as f64;
        assert!(
            (count / 300.0 - share).abs() < 0.08,
            "{split} has {count} of 300 rows"
        );
    }
}

#[test]
fn rows_stay_in_their_split_when_rows_are_added() {
    for grouped in [false, true] {
        let (few, many) = (many(200, grouped), many(600, grouped));
        let shuffled: Vec<String> = many.iter().rev().cloned().collect();
        let before = by_text(&Project::new().clean(&few, "").expect("rows"));
        let after = by_text(&Project::new().clean(&shuffled, "").expect("rows"));
        assert_eq!((before.len(), after.len()), (200, 600));
        for (text, row) in &before {
            assert_eq!(row.split, after[text].split, "{text}");
        }
    }
}

#[test]
fn a_group_is_in_one_split() {
    let sides = |settings: &str| {
        let cleaned = Project::new()
            .clean(&many(600, true), settings)
            .expect("rows");
        let mut sides: BTreeMap<Option<String>, BTreeSet<String>> = BTreeMap::new();
        for row in cleaned.rows() {
            sides.entry(row.group).or_default().insert(row.split);
        }
        assert_eq!(sides.len(), 200);
        sides.values().filter(|sides| sides.len() > 1).count()
    };
    assert_eq!(sides(""), 0);
    assert!(sides("split = { grouped = false }") > 50);
}

#[test]
fn validation_comes_from_train_and_never_from_an_official_test() {
    let mut rows = many(400, true);
    rows.iter_mut()
        .for_each(|row| *row = row.replace(",,film", ",train,film"));
    rows.extend((0..200).map(|id| format!("test number {id},{},test,film {id},", id % 2)));
    let cleaned = Project::new()
        .clean(&rows, "split = { validation = 0.25 }")
        .expect("rows");
    let count = |split: &str| {
        cleaned
            .rows()
            .iter()
            .filter(|row| row.split == split)
            .count()
    };
    assert_eq!(
        (count("test"), count("train") + count("validation")),
        (200, 400)
    );
    assert!(
        (60..140).contains(&count("validation")),
        "{}",
        count("validation")
    );
    for row in cleaned.rows() {
        assert_eq!(
            row.split == "test",
            row.text.starts_with("test"),
            "{}",
            row.text
        );
    }
    let by_hash = Project::new()
        .clean(&rows, "split = { official = false }")
        .expect("rows");
    assert!(
        by_hash
            .rows()
            .iter()
            .any(|row| row.split == "test" && row.text.starts_with("review"))
    );
}

#[test]
fn nothing_is_learned_from_validation_or_test() {
    let rows = |test: &str| {
        let mut rows: Vec<String> = many(200, false)
            .iter()
            .map(|row| row.replace(",,,", ",train,,"))
            .collect();
        rows.extend((0..50).map(|id| format!("{test} {id},{},test,,", id % 2)));
        rows
    };
    let profile = |test: &str| {
        Project::new()
            .clean(&rows(test), "")
            .expect("rows")
            .profile()
    };
    let (one, other) = (
        profile("plain"),
        profile("extraordinarily long and telling text with many more words in it"),
    );
    assert_eq!(one.telling_words, other.telling_words);
    assert_eq!(one.examples, other.examples);
    let edges = |profile: &clean::profile::Profile| -> Vec<_> {
        profile
            .splits
            .iter()
            .flat_map(|split| split.histogram.iter().map(|bin| (bin.from, bin.to)))
            .collect()
    };
    assert_eq!(edges(&one), edges(&other));
    let train = one
        .splits
        .iter()
        .find(|split| split.split == Split::Train)
        .expect("train");
    assert_eq!(
        train.histogram.iter().map(|bin| bin.rows).sum::<u64>(),
        train.rows
    );
    assert_eq!(one.splits[0], other.splits[0]);
}

#[test]
fn the_same_rows_give_the_same_bytes() {
    let rows = many(9000, true);
    let (one, two) = (Project::new(), Project::new());
    let (one, two) = (
        one.clean(&rows, "").expect("rows"),
        two.clean(&rows, "").expect("rows"),
    );
    assert_eq!(one.artifact.identity(), two.artifact.identity());
    let other = Project::new().clean(&rows, "seed = 8").expect("rows");
    assert_ne!(one.artifact.identity(), other.artifact.identity());
}

#[test]
fn steps_can_be_switched_off() {
    let rows = lines(&["<b>x</b> &amp;  y,1,train,,", "no,0,train,,", "t,1,test,,"]);
    let text = |settings: &str| {
        let settings = format!("{settings}\nsplit = {{ validation = 0.0 }}");
        Project::new().clean(&rows, &settings).expect("rows").rows()[0]
            .text
            .clone()
    };
    assert_eq!(text(""), "x & y");
    assert_eq!(text("html = false"), "<b>x</b> &amp; y");
    assert_eq!(text("white_space = false"), " x  &  y");
}

#[test]
fn an_unusable_split_is_an_error() {
    let check = |rows: &[String], settings: &str, expected: &str| {
        assert_eq!(
            Project::new()
                .clean(rows, settings)
                .err()
                .unwrap_or_default(),
            expected
        );
    };
    check(
        &lines(&["a,,,,", "b,,,,"]),
        "",
        "No review has a label (2 reviews), so a model cannot be trained | \
         Set the column of labels with `--set ingest.columns.label=NAME` and define its values in \
         `[ingest.labels]`, or set the column of ratings with `--set ingest.columns.rating=NAME` and the neutral \
         rating with `--set ingest.rating.centre=NUMBER`; `ressenti inspect FILE` shows the columns of a file",
    );
    check(
        &lines(&["a,1,train,,", "b,0,train,,"]),
        "",
        "The split in the source has 2 labelled rows for `train` but none for `test` | \
         Add the missing rows, or let `clean` split all rows with `--set clean.split.official=false`",
    );
    check(
        &lines(&["a,1,train,,", "b,0,train,,", "c,0,test,,"]),
        "split = { validation = 0.0001 }",
        "The split `validation` has no reviews | There are too few reviews: raise \
         `--set clean.split.validation=SHARE`, add reviews, or try another seed with `--set clean.seed=NUMBER`",
    );
    check(
        &lines(&["a,1,,f,", "b,0,,f,", "c,0,,f,", "d,1,,f,"]),
        "split = { validation = 0.0001, test = 0.0 }",
        "The split `validation` has no reviews | There may be too few groups: split by row with \
         `--set clean.split.grouped=false`, raise `--set clean.split.validation=SHARE`, or add reviews",
    );
    check(
        &lines(&["a,1,train,f,", "b,1,train,f,", "c,0,test,g,"]),
        "split = { validation = 0.0 }",
        "The training split has no negative reviews | There may be too few groups: \
         split by row with `--set clean.split.grouped=false`, or add negative reviews",
    );
    check(
        &lines(&["a,1,train,,", "a,0,train,,", "c,0,test,,"]),
        "split = { validation = 0.0 }",
        "The split `train` has no reviews | There are too few reviews: add reviews, \
         or try another seed with `--set clean.seed=NUMBER`",
    );
}

#[test]
fn ratings_without_a_known_scale_are_reported() {
    let rows: Vec<String> = (0..20)
        .map(|id| format!("a film of the number {id},{}", 1 + id % 7))
        .collect();
    let content = format!("text,stars\n{}\n", rows.join("\n"));
    let clean = |ingest: &str| Project::new().clean_file(&content, ingest, "").err();
    let expected = "No review has a label (20 reviews), so a model cannot be trained | \
                    There are ratings from 1 to 7, but their scale is ambiguous: set the \
                    neutral rating with `--set ingest.rating.centre=NUMBER`";
    assert_eq!(clean("").as_deref(), Some(expected));
    let named = "columns = { text = 'text', rating = 'stars' }";
    assert_eq!(clean(named).as_deref(), Some(expected));
}

#[test]
fn reviews_of_one_product_can_be_split() {
    let rows: Vec<String> = (0..100)
        .map(|id| {
            format!(
                "1234,a game,my thoughts on it number {id},{}",
                ["pos", "neg"][id % 2]
            )
        })
        .collect();
    let content = format!("product_id,product,text,label\n{}\n", rows.join("\n"));
    let cleaned = Project::new().clean_file(&content, "", "").expect("rows");
    let splits: BTreeSet<String> = cleaned.rows().into_iter().map(|row| row.split).collect();
    assert_eq!(splits.len(), 3, "{splits:?}");
    let grouped = Project::new().clean_file(&content, "columns = { group = 'product_id' }", "");
    let error = grouped.err().unwrap_or_default();
    assert!(
        error.contains("split by row with `--set clean.split.grouped=false`"),
        "{error}"
    );
}

/// 200 English reviews, 10 French ones, and 40 that are too short to be identified.
fn many_languages() -> Vec<String> {
    let label = |id: usize| ["pos", "neg"][id % 2];
    let english = (0..200).map(|id| {
        format!(
            "number {id} is one of the films that I would really like to see again,{}",
            label(id)
        )
    });
    let french = (0..10).map(|id| {
        format!(
            "le numéro {id} est un très beau film que je recommande à toute ma famille,{}",
            label(id)
        )
    });
    let short = (0..40).map(|id| format!("bravo {id},{}", label(id)));
    let rows = english.chain(french).chain(short);
    rows.map(|row| row + ",,,").collect()
}

#[test]
fn languages_are_counted_by_default_and_no_review_is_removed() {
    let cleaned = Project::new().clean(&many_languages(), "").expect("rows");
    let profile = cleaned.profile();
    assert_eq!(profile.kept, 250);
    let mut all = LanguageCounts::default();
    profile
        .splits
        .iter()
        .for_each(|split| all.extend(&split.languages));
    assert_eq!(
        all.sorted(),
        [("English", 200), ("French", 10), ("unknown", 40)]
    );
    assert_eq!(profile.texts.other_languages.total(), 0);
    let Contract::Clean { languages, .. } = &cleaned.artifact.manifest().contract else {
        panic!("another contract");
    };
    assert_eq!(languages[..], ["English", "French"]);
}

#[test]
fn only_reviews_that_are_clearly_in_another_language_are_removed() {
    for english in ["en", "eng", "ENGLISH"] {
        let settings = format!("languages = ['{english}']");
        let cleaned = Project::new()
            .clean(&many_languages(), &settings)
            .expect("rows");
        let profile = cleaned.profile();
        assert_eq!(
            (profile.kept, profile.texts.other_languages.sorted()),
            (240, vec![("French", 10)])
        );
        assert_eq!(
            cleaned
                .removed()
                .iter()
                .filter(|row| row.contains("other language"))
                .count(),
            10
        );
    }
    let error = Project::new()
        .clean(&many_languages(), "languages = ['frensh']")
        .err()
        .unwrap_or_default();
    assert!(error.contains("Did you mean `French`?"), "{error}");
}
