//! `--baseline`: compares the models of a report with an earlier report, for CI.

use std::path::PathBuf;

use artifact::{Artifact, Failure};
use clap::Args;
use compare::EvaluationResults;
use stage::Context;

use crate::{METRICS, Result, format};

/// Arguments of the report in addition to those of every stage.
#[derive(Clone, Debug, Default, Args)]
pub struct BaselineOptions {
    /// Fail if a model is significantly worse than in this `metrics.json` of an earlier report. A
    /// `predictions.parquet` in the same folder allows a paired test, which detects smaller losses
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
}

/// Compares the report with the baseline, if one is given.
pub(crate) fn check(context: &Context, report: &Artifact, options: &BaselineOptions) -> Result<()> {
    let Some(path) = &options.baseline else {
        return Ok(());
    };
    let baseline = EvaluationResults::read(path)?;
    let current = EvaluationResults::read(&report.file(METRICS)?)?;
    let path = path.display();
    let regressions = baseline.regressions(&current).map_err(|failure| {
        failure.context(format!("Failed to compare with the baseline `{path}`"))
    })?;
    if regressions.is_empty() {
        let note = format!("no model is significantly worse than in `{path}`");
        context.progress().note(&note);
        return Ok(());
    }
    let number = format::plural(regressions.len() as u64, "model is", "models are");
    let lines = format::join(regressions.into_iter().map(|it| it.text), "; ");
    let message = format!("{number} worse than in the baseline `{path}`: {lines}");
    let hint = "If the loss is intended, replace the baseline with the `metrics.json` and `predictions.parquet` of this report";
    Err(Failure::new(message).with_hint(hint.to_owned()))
}
