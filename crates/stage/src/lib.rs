//! The harness of every stage binary: arguments, inputs, progress, the commit of what was made,
//! messages and exit codes. A stage's `main` is one call of [`main`].

mod arguments;
mod context;
mod execute;
mod heartbeat;
mod print;
mod progress;
mod resolve;
mod screen;
mod signals;

pub use arguments::{
    ModelArguments, NoOptions, PipelineArguments, add_artifacts_override, check_tables,
    renamed_flag,
};
pub use context::{Context, Outcome};
pub use execute::{execute, main};
pub use heartbeat::HEARTBEAT;
pub use print::{print, stdout_is_open};
pub use progress::{Progress, ProgressMode, ProgressTask};
pub use resolve::{ResolvedStep, Resolver};
pub use screen::{StepState, exit_code, print_failure, print_step};
pub use signals::{install_signal_handlers, save_requested, stop_requested};

use artifact::{Artifact, Failure, StageName};
use serde::de::DeserializeOwned;

/// A stage: what it is called, what it is given, what it does.
pub trait Stage {
    /// Its name.
    const NAME: StageName;
    /// What `--help` says it does: a sentence, an empty line, and more.
    const ABOUT: &'static str;
    /// Its table of the pipeline file. A stage is given nothing else of that file, so nothing
    /// outside its key can change its output.
    type Settings: DeserializeOwned;
    /// Arguments of its own beside those of every stage; [`NoOptions`] for most.
    type Options: clap::Args;

    /// Reads the context's inputs, writes files into [`Context::output`], and says what they are.
    ///
    /// # Errors
    /// Whatever keeps it from its output; nothing is then committed.
    fn run(context: &Context, settings: Self::Settings) -> Result<Outcome, Failure>;

    /// Looks at the whole artifact, just made or fresh, with the stage's own arguments.
    ///
    /// # Errors
    /// What the arguments asked for does not hold.
    fn after(
        _context: &Context,
        _artifact: &Artifact,
        _options: &Self::Options,
    ) -> Result<(), Failure> {
        Ok(())
    }
}
