//! `profile.json` of clean.

use std::path::Path;

use artifact::Split;
use indexmap::IndexMap;
use serde::Deserialize;

use super::read_json;
use crate::ReportError;
use crate::data::{AuditLine, ClassWords, LengthBin, ReviewsData, SplitCount, Word};

/// What the page shows of `profile.json`. Every member must be there: a profile of another shape is
/// an error, and never a page that says nothing about duplicates and leaks.
#[derive(Deserialize)]
struct ProfileView {
    splits: IndexMap<Split, CountsView>,
    lengths: Vec<BinView>,
    audit: Vec<AuditView>,
    words: IndexMap<String, Vec<WordView>>,
}

#[derive(Deserialize)]
struct CountsView {
    negative: u64,
    positive: u64,
    unlabelled: u64,
}

#[derive(Deserialize)]
struct BinView {
    from: u64,
    to: Option<u64>,
    rows: u64,
}

#[derive(Deserialize)]
struct AuditView {
    what: String,
    count: u64,
    remark: String,
}

#[derive(Deserialize)]
struct WordView {
    word: String,
    score: f64,
    negative: u64,
    positive: u64,
}

/// Adds the profile to what is known of the reviews.
pub(super) fn read(path: &Path, mut reviews: ReviewsData) -> Result<ReviewsData, ReportError> {
    let view: ProfileView = read_json(path)?;
    for (split, counts) in view.splits {
        let CountsView {
            negative,
            positive,
            unlabelled,
        } = counts;
        reviews.splits.push(SplitCount {
            split,
            negative,
            positive,
            unlabelled,
        });
    }
    reviews.lengths = view
        .lengths
        .into_iter()
        .map(|bin| LengthBin {
            from: bin.from,
            to: bin.to,
            rows: bin.rows,
        })
        .collect();
    reviews.audit = view
        .audit
        .into_iter()
        .map(|line| AuditLine {
            what: line.what,
            count: line.count,
            remark: line.remark,
        })
        .collect();
    for (class, words) in view.words {
        let words = words.into_iter().map(|word| Word {
            word: word.word,
            score: word.score,
            reviews: [word.negative, word.positive],
        });
        reviews.words.push(ClassWords {
            class,
            words: words.collect(),
        });
    }
    Ok(reviews)
}
