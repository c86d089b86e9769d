//! `coverage.json`: the share of the vocabulary and of the training tokens that have a vector in the file.

use std::cmp::Reverse;

use artifact::format;
use serde_json::{Map, Value, json};

use crate::align::Aligned;
use crate::lookup::Spelling;
use crate::vocabulary::{Entry, Vocabulary};

/// Maximum number of missing words in the file.
const MAX_MISSING: usize = 30;

/// Returns the content of `coverage.json`, and a summary for the last line of the stage.
///
/// `types` are the entries of the vocabulary without padding, unknown and special tokens. `running_tokens` are the
/// tokens of the training split after truncation, including unknown tokens.
pub(crate) fn report(vocabulary: &Vocabulary, aligned: &Aligned) -> (Value, String) {
    let entries = || {
        let found = vocabulary.entries.iter().zip(&aligned.found);
        found.zip(vocabulary.counts.iter().copied())
    };
    let words = || {
        entries().filter_map(|((entry, found), count)| match entry {
            Entry::Word { token, .. } => Some((token, *found, count)),
            _ => None,
        })
    };
    let of_unknown = entries().filter(|((entry, _), _)| **entry == Entry::Unknown);
    let unknown = of_unknown.map(|(_, count)| count).sum();
    let types = Share::of(words().map(|(_, found, _)| (found, 1)), 0);
    let running = Share::of(words().map(|(_, found, count)| (found, count)), unknown);
    let missing = words().filter(|(_, found, _)| found.is_none());
    let mut missing: Vec<(&String, u64)> =
        missing.map(|(token, _, count)| (token, count)).collect();
    missing.sort_by_key(|(token, count)| (Reverse(*count), *token));
    missing.truncate(MAX_MISSING);
    let entry = |(token, count): &(&String, u64)| json!({"token": token, "count": count});
    let missing: Vec<Value> = missing.iter().map(entry).collect();
    let report = json!({
        "kind": "static",
        "file": aligned.file,
        "types": types.to_json(),
        "running_tokens": running.to_json(),
        "running_tokens_unknown": unknown,
        "share_of_known_tokens": ratio(running.found, running.total - unknown),
        "missing": missing,
        "unknown_vector": "mean of the vectors found",
        "missing_deviation": aligned.deviation,
    });
    let percent = |share: &Share| format::percent(ratio(share.found, share.total));
    let (types, running) = (percent(&types), percent(&running));
    let summary = format!("{types} of the vocabulary and {running} of the training tokens found");
    (report, summary)
}

/// How many of some items were found, in total and by spelling.
#[derive(Default)]
struct Share {
    total: u64,
    found: u64,
    by_spelling: [u64; Spelling::NAMES.len()],
}

impl Share {
    fn of(items: impl Iterator<Item = (Option<Spelling>, u64)>, others: u64) -> Self {
        let mut share = Self {
            total: others,
            ..Self::default()
        };
        for (found, weight) in items {
            share.total += weight;
            if let Some(spelling) = found {
                share.found += weight;
                share.by_spelling[spelling as usize] += weight;
            }
        }
        share
    }

    fn to_json(&self) -> Value {
        let names = Spelling::NAMES.map(str::to_owned);
        let counts = self.by_spelling.map(Value::from);
        let by_spelling: Map<String, Value> = names.into_iter().zip(counts).collect();
        json!({
            "total": self.total,
            "found": self.found,
            "share": ratio(self.found, self.total),
            "by_spelling": by_spelling,
        })
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}
