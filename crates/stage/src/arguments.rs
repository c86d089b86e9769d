//! The arguments that every stage binary and most commands of `ressenti` share.

use std::convert::Infallible;
use std::path::{Path, PathBuf, absolute};

use clap::{Args, ValueEnum};
use settings::{Override, Pipeline, suggest};

use crate::ProgressMode;
use artifact::Failure;

/// Which pipeline, with which changes.
#[derive(Clone, Debug, Args)]
pub struct PipelineArguments {
    /// The pipeline file
    #[arg(
        long,
        value_name = "FILE",
        default_value = "pipeline.toml",
        global = true
    )]
    pub pipeline: PathBuf,

    /// The reviews: a file or folder, instead of the pipeline file's `ingest.source`
    #[arg(long, value_name = "PATH", global = true)]
    pub source: Option<PathBuf>,

    /// The artifacts folder, instead of the pipeline file's `pipeline.artifacts`
    #[arg(long, value_name = "FOLDER", global = true)]
    pub artifacts: Option<PathBuf>,

    /// Change a setting for this run, for example `--set model.lstm.hidden=64`; may be repeated
    #[arg(long = "set", value_name = "TABLE.KEY=VALUE", global = true)]
    pub overrides: Vec<Override>,

    /// How progress is shown
    #[arg(long, value_name = "HOW", value_enum, default_value_t, global = true)]
    pub progress: ProgressMode,
}

impl PipelineArguments {
    /// The pipeline with the changes in force.
    ///
    /// # Errors
    /// See [`Pipeline::load`].
    pub fn load(&self) -> Result<Pipeline, Failure> {
        Pipeline::load(&self.pipeline, &self.all_overrides())
    }

    /// Every change as an override. Paths on the command line are relative to the folder the user
    /// stands in, paths in overrides to the pipeline file's, so the former are made absolute.
    fn all_overrides(&self) -> Vec<Override> {
        let mut overrides = self.overrides.clone();
        let source = self.source.as_deref();
        overrides.extend(source.map(|path| Override::text("ingest.source", &absolute_text(path))));
        add_artifacts_override(&overrides, self.artifacts.as_deref())
    }

    /// The arguments that make another stage binary see the same pipeline.
    pub fn to_command_line(&self) -> Vec<String> {
        let mut line = vec!["--pipeline".to_owned(), absolute_text(&self.pipeline)];
        for change in self.all_overrides() {
            line.extend(["--set".to_owned(), change.as_str().to_owned()]);
        }
        let progress = self.progress.to_possible_value();
        let progress = progress.expect("no form of progress is hidden");
        line.extend(["--progress".to_owned(), progress.get_name().to_owned()]);
        line
    }
}

/// Which pipeline's models a program queries, and with which changes.
#[derive(Clone, Debug, Args)]
pub struct ModelArguments {
    /// The pipeline file whose models are meant
    #[arg(long, value_name = "FILE", default_value = "pipeline.toml")]
    pub pipeline: PathBuf,

    /// The artifacts folder, instead of the pipeline file's `pipeline.artifacts`
    #[arg(long, value_name = "FOLDER")]
    pub artifacts: Option<PathBuf>,

    /// Say how files are read, as `ingest.columns.text=comment`, or how to run, as `run.threads=1`
    #[arg(long = "set", value_name = "TABLE.KEY=VALUE")]
    pub overrides: Vec<Override>,
}

impl ModelArguments {
    /// The pipeline with the changes in force.
    ///
    /// # Errors
    /// See [`Pipeline::load`].
    pub fn load(&self) -> Result<Pipeline, Failure> {
        let overrides = add_artifacts_override(&self.overrides, self.artifacts.as_deref());
        Pipeline::load(&self.pipeline, &overrides)
    }
}

/// Overrides and the artifacts folder of a command line, whose path is relative to the folder the user stands in.
pub fn add_artifacts_override(overrides: &[Override], artifacts: Option<&Path>) -> Vec<Override> {
    let artifacts =
        artifacts.map(|path| Override::text("pipeline.artifacts", &absolute_text(path)));
    overrides.iter().cloned().chain(artifacts).collect()
}

fn absolute_text(path: &Path) -> String {
    absolute(path)
        .unwrap_or_else(|_| path.to_owned())
        .to_string_lossy()
        .into_owned()
}

/// A stage has no arguments of its own.
#[derive(Clone, Copy, Debug, Args)]
pub struct NoOptions {}

/// Value parser for the hidden old name of a renamed flag: every value is an error that states the new name.
pub fn renamed_flag(
    new_name: &'static str,
) -> impl Fn(&str) -> Result<Infallible, String> + Clone + Send + Sync + 'static {
    move |_| Err(format!("this flag is now called `{new_name}`"))
}

/// Checks that overrides are of these tables, where no pipeline file says which there are.
///
/// # Errors
/// One is of another table, and would silently change nothing.
pub fn check_tables(overrides: &[Override], known: &[&str]) -> Result<(), Failure> {
    for setting in overrides {
        let text = setting.as_str();
        let table = text.split(['.', '=']).next().unwrap_or(text).trim();
        if known.contains(&table) {
            continue;
        }
        let names: Vec<String> = known.iter().map(|name| (*name).to_owned()).collect();
        return Err(Failure::new(format!(
            "The setting `{text}` given with `--set` does not fit: without a pipeline file there is no table `{table}`"
        ))
        .with_hint(suggest(table, &names)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_of_other_tables_are_refused() {
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
