//! Arguments that all stage programs and most commands of `ressenti` share.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::path::{Path, PathBuf, absolute};

use clap::builder::TypedValueParser;
use clap::error::{ErrorKind, Result};
use clap::{Arg, Args, Command, ValueEnum};
use settings::{Override, Pipeline, suggest};

use crate::ProgressMode;
use artifact::Failure;

/// The pipeline file and overrides of its settings.
#[derive(Clone, Debug, Args)]
pub struct PipelineArguments {
    /// Pipeline file
    #[arg(long, value_name = "FILE", global = true)]
    #[arg(default_value = "pipeline.toml")]
    pub pipeline: PathBuf,

    /// File or folder of the reviews [default: `ingest.source` of the pipeline file]
    #[arg(long, value_name = "PATH", global = true)]
    pub source: Option<PathBuf>,

    /// Artifacts folder [default: `pipeline.artifacts` of the pipeline file]
    #[arg(long, value_name = "FOLDER", global = true)]
    pub artifacts: Option<PathBuf>,

    /// Override a setting, for example `--set model.lstm.hidden=64`; can be repeated
    #[arg(long = "set", value_name = "TABLE.KEY=VALUE", global = true)]
    pub overrides: Vec<Override>,

    /// Format of progress messages
    #[arg(long, value_name = "FORMAT", global = true)]
    #[arg(value_enum, default_value_t)]
    pub progress: ProgressMode,
}

impl PipelineArguments {
    /// The pipeline with all overrides.
    ///
    /// # Errors
    /// See [`Pipeline::load`].
    pub fn load(&self) -> Result<Pipeline, Failure> {
        Pipeline::load(&self.pipeline, &self.all_overrides())
    }

    /// All changes as overrides. Paths of flags are made absolute, because they are relative to the current folder, but
    /// paths in overrides are relative to the folder of the pipeline file.
    fn all_overrides(&self) -> Vec<Override> {
        let mut overrides = self.overrides.clone();
        let source = self.source.as_deref().map(absolute_text);
        overrides.extend(source.map(|path| Override::from_text("ingest.source", &path)));
        add_artifacts_override(&overrides, self.artifacts.as_deref())
    }

    /// Arguments that give another stage program the same pipeline.
    pub fn to_command_line(&self) -> Vec<String> {
        let mut line = vec!["--pipeline".to_owned(), absolute_text(&self.pipeline)];
        for change in self.all_overrides() {
            line.extend(["--set".to_owned(), change.as_str().to_owned()]);
        }
        let progress = self.progress.to_possible_value();
        let progress = progress.expect("no progress mode is hidden");
        line.extend(["--progress".to_owned(), progress.get_name().to_owned()]);
        line
    }
}

/// The pipeline file whose models a program uses, and overrides of its settings.
#[derive(Clone, Debug, Args)]
pub struct ModelArguments {
    /// Pipeline file of the models
    #[arg(long, value_name = "FILE", default_value = "pipeline.toml")]
    pub pipeline: PathBuf,

    /// Artifacts folder [default: `pipeline.artifacts` of the pipeline file]
    #[arg(long, value_name = "FOLDER")]
    pub artifacts: Option<PathBuf>,

    /// Override a setting, for example `ingest.columns.text=comment` or `run.threads=1`; can be repeated
    #[arg(long = "set", value_name = "TABLE.KEY=VALUE")]
    pub overrides: Vec<Override>,
}

impl ModelArguments {
    /// The pipeline with all overrides.
    ///
    /// # Errors
    /// See [`Pipeline::load`].
    pub fn load(&self) -> Result<Pipeline, Failure> {
        let overrides = add_artifacts_override(&self.overrides, self.artifacts.as_deref());
        Pipeline::load(&self.pipeline, &overrides)
    }
}

/// Overrides, and the artifacts folder as an absolute path.
fn add_artifacts_override(overrides: &[Override], artifacts: Option<&Path>) -> Vec<Override> {
    let artifacts =
        artifacts.map(|path| Override::from_text("pipeline.artifacts", &absolute_text(path)));
    overrides.iter().cloned().chain(artifacts).collect()
}

fn absolute_text(path: &Path) -> String {
    let path = absolute(path).unwrap_or_else(|_| path.to_owned());
    path.to_string_lossy().into_owned()
}

/// No additional arguments.
#[derive(Clone, Copy, Debug, Args)]
pub struct NoOptions {}

/// Value parser for the hidden old name of a renamed flag: every value is an error that states the new name.
#[derive(Clone, Copy, Debug)]
pub struct RenamedFlag(pub &'static str);

impl TypedValueParser for RenamedFlag {
    type Value = Infallible;

    fn parse_ref(&self, command: &Command, old: Option<&Arg>, _: &OsStr) -> Result<Infallible> {
        let old = old.and_then(Arg::get_long).unwrap_or_default();
        let message = format!("`--{old}` was renamed to `{}`", self.0);
        Err(command.clone().error(ErrorKind::UnknownArgument, message))
    }
}

/// Checks that overrides belong to these tables; for commands without a pipeline file.
///
/// # Errors
/// An override belongs to another table, and would have no effect.
pub fn check_tables(overrides: &[Override], known: &[&str]) -> Result<(), Failure> {
    for setting in overrides {
        let text = setting.as_str();
        let table = text.split(['.', '=']).next().unwrap_or(text).trim();
        if known.contains(&table) {
            continue;
        }
        let names: Vec<String> = known.iter().map(|name| (*name).to_owned()).collect();
        return Err(Failure::new(format!(
            "The override `--set {text}` cannot be used: without a pipeline file there is no table `{table}`"
        ))
        .with_hint(suggest(table, &names)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_of_other_tables_are_rejected() {
        let check = |text: &str, hint: Option<&str>| {
            let setting = text.parse().expect("an override");
            let found = check_tables(&[setting], &["ingest", "run"]);
            let found = found.err().and_then(|it| it.hint().map(str::to_owned));
            assert_eq!(found.as_deref(), hint, "{text}");
        };
        check("ingest.columns.text=nope", None);
        check("run.threads=1", None);
        check(
            "ingset.columns.text=nope",
            Some("Did you mean `ingest`? There are `ingest`, `run`"),
        );
        check("model.lstm.hidden=1", Some("There are `ingest`, `run`"));
    }
}
