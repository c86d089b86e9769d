//! The regression run: is the model worse than it was, beyond what chance explains?

use std::collections::BTreeMap;
use std::path::Path;

use artifact::Artifact;
use metrics::MetricsFile;
use metrics::regression::{Paired, check};
use stage::{Context, Failure};

use crate::predictions::read_test_rows;
use crate::{METRICS, PREDICTIONS};

/// Compares the model's figures with those of an earlier run.
///
/// # Errors
/// The model is significantly worse, or the baseline cannot be read.
pub(crate) fn compare(context: &Context, artifact: &Artifact, path: &Path) -> Result<(), Failure> {
    let model = context.step().variant.as_str();
    let mut baseline = MetricsFile::read(path).map_err(|error| {
        Failure::from_error(error).with_hint(
            "A baseline is the metrics.json of an earlier run's report or evaluate folder"
                .to_owned(),
        )
    })?;
    baseline.models.retain(|name, _| name == model);
    if baseline.models.is_empty() {
        context.progress().note(&format!(
            "the baseline has no model `{model}`: nothing to compare"
        ));
        return Ok(());
    }
    let current = MetricsFile::read(&artifact.file(METRICS)?).map_err(Failure::from_error)?;
    let paired = pair(artifact, path, model)?;
    let how = if paired.is_empty() {
        "by its figures"
    } else {
        "row by row"
    };
    let regressions = check(&baseline, &current, &paired);
    match regressions.first() {
        None => {
            context.progress().note(&format!(
                "`{model}` is not worse than the baseline, compared {how}"
            ));
            Ok(())
        }
        Some(regression) => Err(Failure::new(format!("{regression}")).with_hint(
            "If the loss is meant, store the new metrics.json as the baseline".to_owned(),
        )),
    }
}

/// Both runs' verdicts on each row, where the baseline's predictions lie beside its figures.
fn pair(
    artifact: &Artifact,
    baseline: &Path,
    model: &str,
) -> Result<BTreeMap<String, Paired>, Failure> {
    let predictions = baseline.with_file_name(PREDICTIONS);
    if !predictions.is_file() {
        return Ok(BTreeMap::new());
    }
    let was = read_test_rows(&predictions, model)?;
    let now = read_test_rows(&artifact.file(PREDICTIONS)?, model)?;
    Ok(Paired::new(&was, &now)
        .map(|paired| (model.to_owned(), paired))
        .into_iter()
        .collect())
}
