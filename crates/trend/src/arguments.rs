//! The command line of `ressenti trend`.

use std::convert::Infallible;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use stage::{ModelArguments, ProgressMode, RenamedFlag};

use crate::options::Options;

const EXAMPLES: &str = "\
Examples:
  ressenti trend reviews.csv.gz                    all reviews, with the best model
  ressenti trend reviews.csv --topic 'Toy Story' --topic Heat --period year
  ressenti trend reviews.csv --calibrate-on 300 --out trend
                                                   learn the error rates from 300 reviews of the file
  ressenti trend reviews.csv --labelled mine.csv   learn the error rates from another file
  ressenti trend a.csv b.csv --set ingest.columns.timestamp=posted --set ingest.columns.topic=product

The files need a text and a time for each review; a topic is optional. `ressenti inspect FILE` shows which columns are
used. Labels and ratings in the files are used to check the trend, and to compute it only with `--calibrate-on`.

Why not count predicted labels? A model that errs in 10% of the negative reviews finds 10% positive reviews where there
are none. All methods except `cc` correct for the model's error rates, and their intervals include the uncertainty of
these rates. They come from the validation reviews and, for a linear model, also from cross-fitted training reviews
(`[evaluation] folds`).";

/// Estimate the share of positive reviews over time: per period, smoothed, with change points and a forecast
#[derive(Debug, Parser)]
#[command(name = "ressenti trend", bin_name = "ressenti trend", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Arguments {
    /// Reviews with a time: CSV, JSON or Parquet, compressed or not; or a pattern in quotes
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Model or ensemble of the pipeline file [default: the best by validation]
    #[arg(long, value_name = "NAME", conflicts_with = "bundle")]
    pub(crate) model: Option<String>,

    /// Folder of a model bundle, or of an ensemble (artifacts/evaluate/NAME), instead of a model name; needs
    /// `--calibrate-on` or `--labelled`
    #[arg(long, value_name = "FOLDER")]
    pub(crate) bundle: Option<PathBuf>,

    /// Use only reviews of this topic; can be repeated
    #[arg(long = "topic", value_name = "NAME")]
    pub(crate) topics: Vec<String>,

    #[command(flatten)]
    pub(crate) options: Options,

    /// Learn the model's error rates from N labelled reviews of the files, drawn at random; they are not used for
    /// the trend
    #[arg(long, value_name = "N", conflicts_with = "labelled")]
    pub(crate) calibrate_on: Option<usize>,

    #[arg(long, hide = true, value_parser = RenamedFlag("--calibrate-on"))]
    pub(crate) adapt: Option<Infallible>,

    /// Learn the model's error rates from the labelled reviews of this file, or of a pattern in quotes
    #[arg(long, value_name = "FILE")]
    pub(crate) labelled: Option<PathBuf>,

    /// Write trend.html, trend.json and trend.parquet into this folder
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,

    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) format: Format,

    #[command(flatten)]
    pub(crate) pipeline: ModelArguments,

    /// How progress is shown
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    pub(crate) progress: ProgressMode,
}

/// Output format of the trend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Text with a table
    #[default]
    Text,
    /// All results as JSON
    Json,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_valid() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_old_name_of_a_flag_is_an_error_that_states_the_new_one() {
        let error =
            Arguments::try_parse_from(["trend", "a.csv", "--adapt", "300"]).expect_err("renamed");
        assert!(error.to_string().contains("`--calibrate-on`"), "{error}");
    }
}
