//! The command line of `ressenti compare`.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  ressenti compare main/artifacts artifacts           two artifacts folders
  ressenti compare baseline/ artifacts                a copy of an earlier report folder
  ressenti compare baseline/metrics.json artifacts    metrics only: detects only large losses
  ressenti compare --format markdown main/artifacts artifacts >> summary.md

Exit code 0: no model is worse. Exit code 1: at least one model is missing or significantly worse
(one-sided exact McNemar test on the same rows at 1%, Holm-corrected), or the runs are not comparable
because their test reviews differ, as for `run --baseline`.";

/// Compare two runs: what changed in data, settings and code, and how accuracy changed
///
/// A run is an artifacts folder, the folder of a report (`artifacts/report/reviews` or a copy of it), or a
/// `metrics.json`.
#[derive(Debug, Parser)]
#[command(name = "ressenti compare", bin_name = "ressenti compare", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Arguments {
    /// The earlier run
    #[arg(value_name = "RUN_A")]
    pub(crate) before: PathBuf,

    /// The later run
    #[arg(value_name = "RUN_B")]
    pub(crate) after: PathBuf,

    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// Output format.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Format {
    /// A table for the terminal.
    #[default]
    Text,
    /// A table for a pull request.
    Markdown,
    /// For programs.
    Json,
}
