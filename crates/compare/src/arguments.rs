//! The command line of `ressenti compare`.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  ressenti compare main/artifacts artifacts           two folders of artifacts
  ressenti compare baseline/ artifacts                a copy of an earlier report's folder
  ressenti compare baseline/metrics.json artifacts    figures alone: sees large losses only
  ressenti compare --format markdown main/artifacts artifacts >> summary.md

Exit code 0: no model is worse. 1: at least one is, by more than chance explains (one-sided exact
McNemar test on the same rows at 1 %, Holm-corrected), or is missing: what `ressenti run --baseline`
fails on, too.";

/// Two runs side by side: what changed in data, settings and code, and what came of it
///
/// A run is a folder of artifacts, the folder of a report (`artifacts/report/reviews`, or a copy of
/// it kept as a baseline), or a `metrics.json`.
#[derive(Debug, Parser)]
#[command(name = "ressenti compare", bin_name = "ressenti compare", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Arguments {
    /// The earlier run
    #[arg(value_name = "RUN_A")]
    pub(crate) before: PathBuf,

    /// The later run
    #[arg(value_name = "RUN_B")]
    pub(crate) after: PathBuf,

    /// How to say it
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// How to say it.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Format {
    /// For a person.
    #[default]
    Text,
    /// For a pull request.
    Markdown,
    /// For a program.
    Json,
}
