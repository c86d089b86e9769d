//! Reports that a tokenizer truncates many reviews, with the setting to change.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use artifact::files::profile::Profile;
use artifact::{Artifact, Contract, StageName, format};
use serde::Deserialize;
use serde_json::Value;
use settings::{Step, StepId};

/// Smallest share of truncated reviews that is reported.
const REPORTED_SHARE: f64 = 0.05;

/// The part of a tokenizer's `statistics.json` that is used here.
#[derive(Deserialize)]
pub(crate) struct Statistics {
    splits: BTreeMap<String, SplitStatistics>,
}

#[derive(Deserialize)]
struct SplitStatistics {
    rows: u64,
    rows_truncated: u64,
    tokens_kept: u64,
    length: Option<Lengths>,
}

#[derive(Deserialize)]
struct Lengths {
    quantiles: BTreeMap<String, u64>,
}

impl Statistics {
    /// The statistics in the folder of an artifact; `None` if they cannot be read, because they only inform.
    pub(crate) fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(folder.join("statistics.json")).ok()?).ok()
    }

    /// Tokens of a split after truncation; without a name those of all other splits than `train` and `unlabelled`.
    pub(crate) fn tokens_kept(&self, name: &str) -> u64 {
        let is_meant = |split: &str| match name {
            "" => !["train", "unlabelled"].contains(&split),
            name => split == name,
        };
        let splits = self.splits.iter().filter(|(split, _)| is_meant(split));
        splits.map(|(_, it)| it.tokens_kept).sum()
    }

    /// The share of truncated reviews, and the length that 95% of the reviews of every split do not exceed.
    fn truncation(&self) -> Option<(f64, u64)> {
        let sum = |value: fn(&SplitStatistics) -> u64| self.splits.values().map(value).sum::<u64>();
        let lengths = self
            .splits
            .values()
            .filter_map(|split| split.length.as_ref());
        let length = lengths.filter_map(|it| it.quantiles.get("q95")).max()?;
        let rows = sum(|split| split.rows).max(1);
        Some((
            sum(|split| split.rows_truncated) as f64 / rows as f64,
            *length,
        ))
    }
}

/// A sentence for every tokenizer that truncates more than 5% of the reviews. `output` returns the output of a step if
/// it is up to date.
pub(crate) fn notes(steps: &[Step], output: impl Fn(&StepId) -> Option<Artifact>) -> Vec<String> {
    let tokenizers = steps
        .iter()
        .filter(|step| step.id.stage == StageName::Tokenize);
    let note = |step: &Step| {
        let name = &step.id.variant;
        let max_length = step.settings["max_length"].as_u64()?;
        let setting = format!("tokenizer.{name}.max_length");
        if let Some(tokens) = output(&step.id) {
            let (share, length) = Statistics::read(tokens.folder())?.truncation()?;
            // An encoder reads a limited number of tokens.
            let readers = || {
                steps
                    .iter()
                    .filter(|reader| reader.inputs.contains(&step.id))
            };
            let has_windows = |settings: &Value| !settings["windows"].is_null();
            let in_windows = readers().any(|reader| {
                has_windows(&reader.settings) || has_windows(&reader.settings["features"])
            });
            let limit =
                readers().filter_map(|reader| match output(&reader.id)?.manifest().contract {
                    Contract::Encoder { longest, .. } => Some(u64::from(longest)),
                    _ => None,
                });
            let limit = limit.min().filter(|limit| *limit < length && !in_windows);
            return (share > REPORTED_SHARE)
                .then(|| describe(share, &setting, max_length, length, limit));
        }
        // A word has at least one token, so the share is at least that of the reviews with more words.
        let clean = output(step.inputs.iter().find(|id| id.stage == StageName::Clean)?)?;
        let profile = fs::read(clean.folder().join("profile.json")).ok()?;
        let share = share_with_more_words(&serde_json::from_slice(&profile).ok()?, max_length);
        (share > REPORTED_SHARE).then(|| format!(
            "at least {} of the reviews have more words than `{setting} = {max_length}` tokens and will be truncated; \
             `ressenti run --only tokenize` counts the tokens, and this line then names the value that keeps 95% of the reviews whole",
            format::percent(share)
        ))
    };
    tokenizers.filter_map(note).collect()
}

fn describe(share: f64, setting: &str, max_length: u64, length: u64, limit: Option<u64>) -> String {
    let share = format::percent(share);
    let truncated = format!(
        "{share} of the reviews are longer than `{setting} = {max_length}` tokens and are truncated"
    );
    match limit {
        None => format!("{truncated}; `--set {setting}={length}` keeps 95% of them whole"),
        Some(limit) if limit > max_length => format!(
            "{truncated}; 95% have at most {length} tokens, but the encoder reads at most {limit}: `--set {setting}={limit}`"
        ),
        Some(limit) => format!(
            "{truncated}; 95% have at most {length} tokens, but the encoder reads at most {limit}: read long reviews in `windows` (docs/models.md)"
        ),
    }
}

/// The share of the reviews in histogram bins above `words` words; reviews in the bin that contains it are not counted.
fn share_with_more_words(profile: &Profile, words: u64) -> f64 {
    let bins = || profile.splits.iter().flat_map(|split| &split.histogram);
    let longer = bins().filter(|bin| u64::from(bin.from) > words);
    let [longer, all] = [
        longer.map(|bin| bin.rows).sum::<u64>(),
        bins().map(|bin| bin.rows).sum(),
    ];
    longer as f64 / all.max(1) as f64
}
