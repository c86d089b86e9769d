//! `--baseline`: checks whether the model is significantly worse than in an earlier run.

use std::path::Path;

use artifact::{Artifact, Failure};
use compare::EvaluationResults;
use stage::Context;

use crate::{METRICS, Result};

/// Compares the metrics of the model with those of an earlier run.
///
/// # Errors
/// The model is significantly worse, or the baseline cannot be read.
pub(crate) fn compare(context: &Context, artifact: &Artifact, path: &Path) -> Result<()> {
    let model = context.step().variant.as_str();
    let mut baseline = EvaluationResults::read(path).map_err(|failure| {
        let hint = "Use the `metrics.json` of an earlier run, from its report or evaluate folder, as the baseline";
        failure.with_hint(hint.to_owned())
    })?;
    baseline.retain_model(model);
    if baseline.metrics.models.is_empty() {
        let note = format!("not compared: the baseline has no model `{model}`");
        context.progress().note(&note);
        return Ok(());
    }
    let current = EvaluationResults::read(&artifact.file(METRICS)?)?;
    let method = match baseline.pair_rows(&current).is_empty() {
        true => "by its metrics",
        false => "row by row",
    };
    let regressions = baseline.regressions(&current).map_err(|failure| {
        let path = path.display();
        failure.context(format!("Failed to compare with the baseline `{path}`"))
    })?;
    if let Some(regression) = regressions.into_iter().next() {
        let hint = "If the loss is intended, use the new `metrics.json` as the baseline";
        return Err(Failure::new(regression.text).with_hint(hint.to_owned()));
    }
    let result = format!("not significantly worse than the baseline (compared {method})");
    context.progress().note(&format!("`{model}` is {result}"));
    Ok(())
}
