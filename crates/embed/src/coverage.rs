//! `coverage.json`: what the file of word vectors knows of the vocabulary and of the training text.

use std::cmp::Reverse;

use artifact::format;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::align::Aligned;
use crate::lookup::Spelling;
use crate::vector_file::ReadReport;
use crate::vocabulary::{Entry, Vocabulary};

/// Missing words that are listed.
const LISTED: usize = 30;

/// The figures of the file.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Coverage {
    kind: &'static str,
    file: ReadReport,
    /// Entries of the vocabulary without padding, unknown and special tokens.
    types: Share,
    /// Tokens of the training split after truncation, those that the vocabulary lacks included.
    running_tokens: Share,
    /// How many of these the vocabulary itself lacks.
    running_tokens_unknown: u64,
    /// Share found of the running tokens that the vocabulary has.
    share_of_known_tokens: f64,
    /// The most frequent entries without a vector.
    missing: Vec<Missing>,
    /// What the unknown token got.
    unknown_vector: &'static str,
    /// Standard deviation of the normal distribution that missing vectors were drawn from.
    missing_deviation: f64,
}

/// A part of a whole, with the part by spelling.
#[derive(Clone, Debug, Serialize)]
struct Share {
    total: u64,
    found: u64,
    share: f64,
    by_spelling: Map<String, Value>,
}

#[derive(Clone, Debug, Serialize)]
struct Missing {
    token: String,
    count: u64,
}

impl Coverage {
    /// Counts by entry and by running token.
    pub(crate) fn of(vocabulary: &Vocabulary, aligned: &Aligned) -> Self {
        let entries = || {
            vocabulary
                .entries()
                .iter()
                .zip(&aligned.found)
                .zip(vocabulary.counts())
        };
        let words = || entries().filter(|((entry, _), _)| matches!(entry, Entry::Word { .. }));
        let unknown: u64 = entries()
            .filter(|((entry, _), _)| **entry == Entry::Unknown)
            .map(|(_, count)| count)
            .sum();
        let types = Share::of(words().map(|((_, found), _)| (*found, 1)), 0);
        let running_tokens =
            Share::of(words().map(|((_, found), count)| (*found, *count)), unknown);
        let mut missing: Vec<Missing> = words()
            .filter(|((_, found), _)| found.is_none())
            .filter_map(|((entry, _), count)| match entry {
                Entry::Word { token, .. } => Some(Missing {
                    token: token.clone(),
                    count: *count,
                }),
                _ => None,
            })
            .collect();
        missing.sort_by_cached_key(|missing| (Reverse(missing.count), missing.token.clone()));
        missing.truncate(LISTED);
        Self {
            kind: "static",
            file: aligned.read.clone(),
            types,
            share_of_known_tokens: ratio(running_tokens.found, running_tokens.total - unknown),
            running_tokens,
            running_tokens_unknown: unknown,
            missing,
            unknown_vector: "mean of the vectors found",
            missing_deviation: aligned.deviation,
        }
    }

    /// The shares in half a line.
    pub(crate) fn summary(&self) -> String {
        format!(
            "{} of the vocabulary and {} of the training tokens found",
            format::percent(self.types.share),
            format::percent(self.running_tokens.share)
        )
    }

    /// The file's content.
    pub(crate) fn into_json(self) -> Value {
        json!(self)
    }
}

impl Share {
    fn of(items: impl Iterator<Item = (Option<Spelling>, u64)>, others: u64) -> Self {
        let mut counts = Spelling::ALL.map(|spelling| (spelling, 0));
        let mut total = others;
        for (found, weight) in items {
            total += weight;
            if let Some((_, count)) = counts
                .iter_mut()
                .find(|(spelling, _)| Some(*spelling) == found)
            {
                *count += weight;
            }
        }
        let found = counts.iter().map(|(_, count)| count).sum();
        let by_spelling = counts
            .iter()
            .map(|(spelling, count)| (spelling.as_str().to_owned(), json!(count)))
            .collect();
        Self {
            total,
            found,
            share: ratio(found, total),
            by_spelling,
        }
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}
