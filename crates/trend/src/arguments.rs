//! The command line of `ressenti trend`.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Parser, ValueEnum};
use quantification::Method;
use stage::{ModelArguments, ProgressMode};

use crate::data::Options;
use crate::period::Period;

const EXAMPLES: &str = "\
Examples:
  ressenti trend reviews.csv.gz                       the trend of all reviews, by the best model
  ressenti trend reviews.csv --topic 'Toy Story' --topic Heat --period year
  ressenti trend reviews.csv --adapt 300 --out trend  300 labelled reviews of the file say how the model
                                                      errs here; trend/trend.html has pictures
  ressenti trend reviews.csv --labelled mine.csv      labelled reviews of another file say so
  ressenti trend a.csv b.csv --set ingest.columns.timestamp=posted --set ingest.columns.topic=product

Columns are found as `ressenti inspect FILE` shows: a text and a time are needed, a topic is welcome. What authors
say themselves (a rating, a author_label) is never used to make the trend, but to say how good it is.

Why not just count? A model that errs in 10 % of the negative reviews finds 10 % positive ones where there are
none. `emq` finds the share that makes the model's answers most likely, from how it treats either class of labelled
reviews, and `aemq` takes from that what it is off by on them; the interval counts the errors, too. `cc` counts,
`acc` and `pacc` correct the count. The labelled reviews are those of validation and, for a linear model, the training
reviews, each read by a model that had not learned from it (`[evaluation] folds`).";

/// What people feel over time: shares of positive reviews with intervals, the level behind them, changes,
/// and what comes next
#[derive(Debug, Parser)]
#[command(name = "ressenti trend", bin_name = "ressenti trend", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Arguments {
    /// Reviews with a time: CSV, JSON or Parquet, plain or packed
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// The model or ensemble of the pipeline file; the best by validation where none is named
    #[arg(long, value_name = "NAME", conflicts_with = "bundle")]
    pub(crate) model: Option<String>,

    /// The folder of a model bundle, or of an ensemble as artifacts/evaluate/NAME, instead of a name; needs
    /// `--adapt` or `--labelled`
    #[arg(long, value_name = "FOLDER")]
    pub(crate) bundle: Option<PathBuf>,

    /// Only reviews of this topic; may be repeated
    #[arg(long = "topic", value_name = "NAME")]
    pub(crate) topics: Vec<String>,

    /// What reviews are put together by; the shortest with enough of them where nothing is said
    #[arg(long, value_name = "LENGTH", value_enum)]
    pub(crate) period: Option<Period>,

    /// How shares are found
    #[arg(long, value_name = "HOW", default_value = "aemq", value_parser = method())]
    pub(crate) method: Method,

    /// Take so many labelled reviews of the file to learn how the model errs on it; they are drawn at
    /// random, and are not used to judge
    #[arg(long, value_name = "N", conflicts_with = "labelled")]
    pub(crate) adapt: Option<usize>,

    /// Labelled reviews of the same kind, from which to learn how the model errs on it
    #[arg(long, value_name = "FILE")]
    pub(crate) labelled: Option<PathBuf>,

    /// Periods to look ahead
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(0..=100))]
    pub(crate) horizon: u16,

    /// Coverage of the intervals, 0.5 to 0.999
    #[arg(long, value_name = "P", default_value_t = 0.95, value_parser = share)]
    pub(crate) confidence: f64,

    /// Keep days that have a strangely large part of the reviews, and far ends of the time
    #[arg(long)]
    pub(crate) keep_all_times: bool,

    /// Write trend.html, trend.json and trend.parquet into this folder
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,

    /// How the trend is shown
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    pub(crate) format: Format,

    /// Seed of resamples and of what `--adapt` draws
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,

    #[command(flatten)]
    pub(crate) of: ModelArguments,

    /// How progress is shown
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    pub(crate) progress: ProgressMode,
}

/// How the trend is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table for people
    #[default]
    Text,
    /// All of it as JSON
    Json,
}

/// How `--help` describes the methods, in the order of [`Method::ALL`].
const METHODS: [&str; 5] = [
    "Classify and count: biased",
    "Adjusted count",
    "Probabilistic adjusted count",
    "Maximum likelihood (Saerens et al. 2002)",
    "The same, adjusted as counts are",
];

/// Reads a method by its name.
fn method() -> impl TypedValueParser<Value = Method> {
    let all = Method::ALL.into_iter().zip(METHODS);
    let values = all.map(|(method, help)| PossibleValue::new(method.name()).help(help));
    PossibleValuesParser::new(values).map(|name| {
        let found = Method::ALL.into_iter().find(|it| it.name() == name);
        found.unwrap_or_default()
    })
}

impl Arguments {
    /// How the trend is made.
    pub(crate) fn options(&self) -> Options {
        Options {
            period: self.period,
            method: self.method,
            confidence: self.confidence,
            horizon: self.horizon.into(),
            keep_all_times: self.keep_all_times,
            seed: self.seed,
        }
    }
}

fn share(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok();
    number
        .filter(|number| (0.5..=0.999).contains(number))
        .ok_or_else(|| "a coverage is from 0.5 to 0.999".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }
}
