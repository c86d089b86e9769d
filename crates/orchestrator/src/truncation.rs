//! Reports that a tokenizer truncates many reviews, with the setting to change.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use artifact::files::profile::{Bin, Profile};
use artifact::{Artifact, Contract, StageName, format};
use serde::Deserialize;
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

    /// Tokens after truncation, for training and for validation and test.
    pub(crate) fn tokens_kept(&self) -> [f64; 2] {
        let kept = |split: &str| self.splits.get(split).map_or(0, |it| it.tokens_kept) as f64;
        [kept("train"), kept("validation") + kept("test")]
    }

    /// The share of truncated reviews, and the length that 95% of the reviews of every split do not exceed.
    fn truncation(&self) -> Option<(f64, u64)> {
        let sum = |value: fn(&SplitStatistics) -> u64| self.splits.values().map(value).sum::<u64>();
        let q95 = |split: &SplitStatistics| split.length.as_ref()?.quantiles.get("q95").copied();
        let length = self.splits.values().filter_map(q95).max()?;
        let rows = sum(|split| split.rows).max(1);
        let truncated = sum(|split| split.rows_truncated);
        Some((truncated as f64 / rows as f64, length))
    }
}

/// A sentence for every tokenizer that truncates more than 5% of the reviews. `output` returns the output of a step if
/// it is up to date.
pub(crate) fn notes(steps: &[Step], output: impl Fn(&StepId) -> Option<Artifact>) -> Vec<String> {
    let tokenizers = steps.iter().filter(|it| it.id.stage == StageName::Tokenize);
    let note = |step: &Step| {
        let name = &step.id.variant;
        let max_length = step.settings["max_length"].as_u64()?;
        let setting = format!("tokenizer.{name}.max_length");
        if let Some(tokens) = output(&step.id) {
            let (share, length) = Statistics::read(tokens.folder())?.truncation()?;
            // An encoder reads a limited number of tokens.
            let readers = steps.iter().filter(|it| it.inputs.contains(&step.id));
            let settings = readers.clone().map(|reader| &reader.settings);
            let mut settings = settings.flat_map(|it| [it, &it["features"]]);
            let in_windows = settings.any(|it| !it["windows"].is_null());
            let limits = readers.filter_map(|it| match output(&it.id)?.manifest().contract {
                Contract::Encoder { longest, .. } => Some(u64::from(longest)),
                _ => None,
            });
            let limit = limits.min().filter(|it| *it < length && !in_windows);
            let describe = || describe(share, &setting, max_length, length, limit);
            return (share > REPORTED_SHARE).then(describe);
        }
        // A word has at least one token, so the share is at least that of the reviews with more words.
        let clean = output(step.inputs.iter().find(|id| id.stage == StageName::Clean)?)?;
        let profile = fs::read(clean.folder().join("profile.json")).ok()?;
        let profile: Profile = serde_json::from_slice(&profile).ok()?;
        let bins = profile.splits.iter().flat_map(|split| &split.histogram);
        let share = share_with_more_words(bins, max_length);
        (share > REPORTED_SHARE).then(|| format!(
            "truncation: at least {} of the reviews have more words than `{setting} = {max_length}` tokens and will be truncated; \
             `ressenti run --only tokenize` counts the tokens, and this line then names the value that keeps 95% of the reviews whole",
            format::percent(share)
        ))
    };
    tokenizers.filter_map(note).collect()
}

fn describe(share: f64, setting: &str, max_length: u64, length: u64, limit: Option<u64>) -> String {
    let share = format::percent(share);
    let truncated = format!(
        "truncation: {share} of the reviews are longer than `{setting} = {max_length}` tokens and are truncated"
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

/// The share of the reviews in bins above `words` words; reviews in the bin that contains it are not counted.
fn share_with_more_words<'a>(bins: impl Iterator<Item = &'a Bin>, words: u64) -> f64 {
    let (mut longer, mut all) = (0, 0);
    for bin in bins {
        all += bin.rows;
        if u64::from(bin.from) > words {
            longer += bin.rows;
        }
    }
    longer as f64 / all.max(1) as f64
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use testkit::TestArtifact;

    use super::*;

    /// The notes about a tokenizer that keeps 64 tokens. `outputs` are the outputs of its steps, as files.
    fn notes_of(outputs: &[(StageName, Contract, &str, Value)], settings: Value) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let store = artifact::Store::new(folder.path());
        let artifacts = outputs.iter().map(|(stage, contract, name, content)| {
            let artifact = TestArtifact::new(*stage, contract.clone());
            let content = content.to_string();
            (
                *stage,
                artifact.commit(&store, "a", &[(name, content.as_bytes())]),
            )
        });
        let artifacts: BTreeMap<StageName, Artifact> = artifacts.collect();
        let step = |stage, settings: &Value, inputs: &[StageName]| Step {
            id: StepId::new(stage, "a"),
            settings: settings.clone(),
            inputs: inputs
                .iter()
                .map(|stage| StepId::new(*stage, "a"))
                .collect(),
            sources: vec![],
        };
        let steps = [
            step(
                StageName::Tokenize,
                &serde_json::json!({"max_length": 64}),
                &[StageName::Clean],
            ),
            step(StageName::Embed, &settings, &[StageName::Tokenize]),
        ];
        notes(&steps, |id| artifacts.get(&id.stage).cloned())
    }

    fn tokens(truncated: u64, q95: u64) -> (StageName, Contract, &'static str, Value) {
        let split = |rows, truncated, q95| {
            serde_json::json!({
                "rows": rows, "rows_truncated": truncated, "tokens_kept": 5, "share_truncated": 0.0,
                "length": {"quantiles": {"median": 9, "q95": q95}},
            })
        };
        let empty =
            serde_json::json!({"rows": 0, "rows_truncated": 0, "tokens_kept": 0, "length": null});
        let splits = serde_json::json!({
            "train": split(80, truncated, q95), "test": split(20, 0, 12), "unlabelled": empty,
        });
        let content = serde_json::json!({"tokenizer": "word", "splits": splits});
        let contract = Contract::RangeTest { steps: 0 };
        (StageName::Tokenize, contract, "statistics.json", content)
    }

    fn encoder(longest: u32) -> (StageName, Contract, &'static str, Value) {
        let tokenizer = artifact::Digest::of_bytes(b"a tokenizer");
        let contract = Contract::Encoder {
            tokenizer,
            vocabulary_size: 9,
            width: 4,
            longest,
        };
        (StageName::Embed, contract, "config.json", Value::Null)
    }

    #[test]
    fn more_than_five_percent_truncated_reviews_are_reported_with_a_setting_that_fits() {
        let none = Value::Null;
        assert_eq!(notes_of(&[], none.clone()), [""; 0]);
        assert_eq!(notes_of(&[tokens(5, 60)], none.clone()), [""; 0]);
        let start = "truncation: 30.0% of the reviews are longer than `tokenizer.a.max_length = 64` tokens and are truncated; ";
        let check = |longest, settings: &Value, expected: &str| {
            let found = notes_of(&[tokens(30, 278), encoder(longest)], settings.clone());
            assert_eq!(found, [format!("{start}{expected}")]);
        };
        check(
            512,
            &none,
            "`--set tokenizer.a.max_length=278` keeps 95% of them whole",
        );
        let limited = "95% have at most 278 tokens, but the encoder reads at most ";
        check(
            128,
            &none,
            &format!("{limited}128: `--set tokenizer.a.max_length=128`"),
        );
        check(
            64,
            &none,
            &format!("{limited}64: read long reviews in `windows` (docs/models.md)"),
        );
        // Windows read more tokens than the encoder at once.
        let windows = serde_json::json!({"features": {"windows": {"length": 64, "overlap": 8}}});
        check(
            64,
            &windows,
            "`--set tokenizer.a.max_length=278` keeps 95% of them whole",
        );
    }

    #[test]
    fn before_tokens_exist_reviews_with_more_words_are_counted() {
        let bin = |from: u32, rows| Bin {
            from,
            to: None,
            rows,
        };
        // 64 words have at least 64 tokens, which are not too many.
        let share = |bins: &[Bin]| share_with_more_words(bins.iter(), 64);
        assert_eq!(share(&[bin(0, 60), bin(50, 30), bin(65, 10)]), 0.1);
        assert_eq!(share(&[bin(0, 60), bin(64, 40)]), 0.0);
        assert_eq!(share(&[]), 0.0);
    }
}
