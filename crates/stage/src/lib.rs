//! The common part of all stage programs: arguments, inputs, progress, the commit of the output, messages and exit
//! codes. The `main` function of a stage program is one call of [`main`].

mod arguments;
mod context;
mod execute;
mod heartbeat;
mod print;
mod progress;
mod resolve;
mod screen;
mod signals;

pub use arguments::{ModelArguments, NoOptions, PipelineArguments, RenamedFlag, check_tables};
pub use context::{Context, Outcome};
pub use execute::{execute, main};
pub use heartbeat::HEARTBEAT;
pub use print::{print, stdout_is_open};
pub use progress::{Progress, ProgressMode, ProgressTask, TaskCounts};
pub use resolve::{ResolvedStep, Resolver};
pub use screen::{StepState, exit_code, print_failure, print_step};
pub use signals::{install_signal_handlers, save_requested, stop_requested};

use artifact::{Artifact, Failure, StageName};
use serde::de::DeserializeOwned;

/// A stage of the pipeline.
pub trait Stage {
    /// The name of the stage.
    const NAME: StageName;
    /// Text for `--help`: one sentence, an empty line, and details.
    const ABOUT: &'static str;
    /// The stage's table of the pipeline file. A stage gets no other settings of that file, so only settings that are
    /// part of its key can change its output.
    type Settings: DeserializeOwned;
    /// Additional arguments of the stage program; [`NoOptions`] for most stages.
    type Options: clap::Args;

    /// Reads the inputs, writes files into [`Context::output`], and returns their description.
    ///
    /// # Errors
    /// The output cannot be computed; then nothing is committed.
    fn run(context: &Context, settings: Self::Settings) -> Result<Outcome, Failure>;

    /// Runs after the output exists, new or fresh, with the additional arguments.
    ///
    /// # Errors
    /// A check that the arguments ask for fails.
    fn after(_: &Context, _: &Artifact, _: &Self::Options) -> Result<(), Failure> {
        Ok(())
    }
}
