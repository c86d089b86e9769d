//! `--baseline`: the CI regression run over all models of a report.

use std::path::PathBuf;

use artifact::{Artifact, Failure, format};
use clap::Args;
use compare::EvaluationResults;
use stage::Context;

use crate::{METRICS, words};

/// Arguments of the report beside those of every stage.
#[derive(Clone, Debug, Default, Args)]
pub struct BaselineOptions {
    /// Fail if a model is significantly worse than in this `metrics.json`; a `predictions.parquet`
    /// beside it makes the comparison a paired one, which sees smaller losses
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
}

/// Compares the report with a baseline, if one was given.
pub(crate) fn check(
    context: &Context,
    artifact: &Artifact,
    options: &BaselineOptions,
) -> Result<(), Failure> {
    let Some(path) = &options.baseline else {
        return Ok(());
    };
    let baseline = EvaluationResults::read(path)?;
    let current = EvaluationResults::read(&artifact.file(METRICS)?)?;
    let regressions = baseline.regressions(&current);
    let path = path.display();
    if regressions.is_empty() {
        let note = format!("no model is significantly worse than in `{path}`");
        context.progress().note(&note);
        return Ok(());
    }
    let number = format::plural(regressions.len() as u64, "model is", "models are");
    let lines = words::join(regressions.into_iter().map(|it| it.text), "; ");
    let message = format!("{number} worse than in the baseline `{path}`: {lines}");
    let hint = "If the loss is meant, replace the baseline by the `metrics.json` of this report";
    Err(Failure::new(message).with_hint(hint.to_owned()))
}
