//! The regression run: is the model worse than it was, beyond what chance explains?

use std::path::Path;

use artifact::{Artifact, Failure};
use compare::EvaluationResults;
use stage::Context;

use crate::METRICS;

/// Compares the model's figures with those of an earlier run.
///
/// # Errors
/// The model is significantly worse, or the baseline cannot be read.
pub(crate) fn compare(context: &Context, artifact: &Artifact, path: &Path) -> Result<(), Failure> {
    let model = context.step().variant.as_str();
    let mut baseline = EvaluationResults::read(path).map_err(|failure| {
        failure.with_hint(
            "A baseline is the metrics.json of an earlier run's report or evaluate folder"
                .to_owned(),
        )
    })?;
    baseline.retain_model(model);
    if baseline.metrics.models.is_empty() {
        context.progress().note(&format!(
            "the baseline has no model `{model}`: nothing to compare"
        ));
        return Ok(());
    }
    let current = EvaluationResults::read(&artifact.file(METRICS)?)?;
    let how = if baseline.pair_rows(&current).is_empty() {
        "by its figures"
    } else {
        "row by row"
    };
    if let Some(regression) = baseline.regressions(&current).into_iter().next() {
        return Err(Failure::new(regression.text).with_hint(
            "If the loss is meant, store the new metrics.json as the baseline".to_owned(),
        ));
    }
    context.progress().note(&format!(
        "`{model}` is not worse than the baseline, compared {how}"
    ));
    Ok(())
}
