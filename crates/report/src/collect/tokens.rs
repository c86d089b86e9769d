//! Tokenizers and embeddings, from `statistics.json` of tokenize and `coverage.json` of embed.

use artifact::{Artifact, Contract};
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use super::{Result, read};
use crate::data::{EmbeddingData, TokenizedSplit, TokenizerData};

/// The part of `statistics.json` that the report shows.
#[derive(Deserialize)]
struct StatisticsView {
    tokenizer: String,
    vocabulary_size: u64,
    splits: IndexMap<String, SplitView>,
}

#[derive(Deserialize)]
struct SplitView {
    length: Option<Value>,
    #[serde(flatten)]
    split: TokenizedSplit,
}

/// A tokenizer from its artifact.
pub(super) fn tokenizer(name: &str, artifact: &Artifact) -> Result<TokenizerData> {
    let view: StatisticsView = read(artifact, "statistics.json")?;
    let max_length = match artifact.manifest().contract {
        Contract::Tokens { max_length, .. } => u64::from(max_length),
        _ => 0,
    };
    let splits = view.splits.into_iter().map(|(split, view)| {
        let quantile = |name: &str| view.length.as_ref()?["quantiles"][name].as_u64();
        TokenizedSplit {
            split,
            median: quantile("median"),
            q95: quantile("q95"),
            ..view.split
        }
    });
    Ok(TokenizerData {
        name: name.to_owned(),
        kind: view.tokenizer,
        vocabulary_size: view.vocabulary_size,
        max_length,
        splits: splits.collect(),
    })
}

/// The part of `coverage.json` that the report shows. Random vectors have no shares.
#[derive(Deserialize)]
struct CoverageView {
    kind: String,
    types: Option<ShareView>,
    running_tokens: Option<ShareView>,
    #[serde(default)]
    missing: Vec<MissingView>,
}

#[derive(Deserialize)]
struct ShareView {
    share: Option<f64>,
}

#[derive(Deserialize)]
struct MissingView {
    token: String,
}

/// An embedding from its artifact.
pub(super) fn embedding(name: &str, artifact: &Artifact) -> Result<EmbeddingData> {
    let (view, vocabulary_size, width) = match artifact.manifest().contract {
        // An encoder uses its own tokenizer and has a vector for every id.
        Contract::Encoder {
            vocabulary_size,
            width,
            ..
        } => {
            let all = || Some(ShareView { share: Some(1.0) });
            let view = CoverageView {
                kind: "pretrained encoder".to_owned(),
                types: all(),
                running_tokens: all(),
                missing: Vec::new(),
            };
            (view, vocabulary_size, width)
        }
        Contract::Embedding {
            vocabulary_size,
            width,
            ..
        } => (read(artifact, "coverage.json")?, vocabulary_size, width),
        _ => (read(artifact, "coverage.json")?, 0, 0),
    };
    Ok(EmbeddingData {
        name: name.to_owned(),
        kind: view.kind,
        vocabulary_size: vocabulary_size.into(),
        width: width.into(),
        types: view.types.and_then(|share| share.share),
        tokens: view.running_tokens.and_then(|share| share.share),
        missing: view.missing.into_iter().map(|it| it.token).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coverage_is_read_with_and_without_shares() {
        let view: CoverageView = serde_json::from_str(
            r#"{"kind": "static", "file": {}, "types": {"total": 4, "found": 3, "share": 0.75, "by_spelling": {}},
                "running_tokens": {"total": 8, "found": 7, "share": 0.875}, "missing": [{"token": "qzx", "count": 2}]}"#,
        )
        .expect("it is what embed writes");
        assert_eq!(
            (view.types.and_then(|share| share.share), view.missing.len()),
            (Some(0.75), 1)
        );
        let view: CoverageView =
            serde_json::from_str(r#"{"kind": "random", "types": {"total": 64}}"#)
                .expect("random has no shares");
        assert!(
            view.types.and_then(|share| share.share).is_none()
                && view.running_tokens.is_none()
                && view.missing.is_empty()
        );
    }
}
