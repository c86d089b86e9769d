//! Runs a stage in this process, without its program.

use artifact::Artifact;
use settings::Pipeline;
use stage::{Progress, ProgressMode, Stage, execute};

/// Runs one stage of a pipeline, unless its output exists.
///
/// # Errors
/// The message, the causes and the hint of a failed stage, as one text.
pub fn run_stage<S: Stage>(
    pipeline: &Pipeline,
    variant: Option<&str>,
    options: &S::Options,
) -> Result<Artifact, String> {
    let step = pipeline
        .step(S::NAME, variant)
        .map_err(|error| error.to_string())?;
    let progress = Progress::new(ProgressMode::None, step.id.clone());
    let done = execute::<S>(pipeline, step, false, progress, options);
    done.map(|(_, artifact)| artifact).map_err(|failure| {
        let hint = failure.hint().map(|hint| format!(" | {hint}"));
        failure.chain().join(": ") + &hint.unwrap_or_default()
    })
}
