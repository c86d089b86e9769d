//! The command line of `ressenti predict`.

use std::convert::Infallible;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use ingest::KeepColumns;
use stage::{ModelArguments, ProgressMode, RenamedFlag};

const EXAMPLES: &str = "\
Examples:
  ressenti predict 'A complete waste of time.'
  ressenti predict --explain --model gru 'Great fun!'           words that influenced the prediction
  ressenti predict < texts.txt                                  one text per line, answered in order
  ressenti predict --input reviews.csv.gz --output out.csv      a file of any size; the same command
                                                                resumes after a kill
  ressenti predict --input reviews.csv --output out.csv --shards 64 --engine slurm
  ressenti predict --input a.parquet --output b.parquet --abstain 0.8
  ressenti predict --input a.csv --output b.csv --keep-columns title,date
  ressenti predict --input a.csv --output b.csv --set ingest.columns.text=comment
  ressenti predict --bundle artifacts/train/linear --format jsonl 'A text' 'Another'
  ressenti predict --challenge --model linear --model gru       the challenge set

Files: CSV, TSV, JSON, JSON Lines or Parquet, also compressed. `ressenti inspect FILE` shows which
columns are used; no label is needed. Rows without a text and rows that cannot be read are listed in
OUTPUT.rejected.jsonl; if more than ingest.max_reject_rate (1%) cannot be read, or no row can be
predicted, the exit code is 1. The output has the other rows in the same order, with the columns row, id,
label, confidence (probability of the likelier class), p_negative, p_positive, and the columns of
--keep-columns. A kept column with the name of one of these is renamed to input_NAME.

Standard input: one text per line in UTF-8. A line that is not UTF-8, or is longer than
ingest.max_text_bytes, gets a reason instead of a label. As JSON an answer is: row, text, label,
confidence, p_negative, p_positive. With --explain, `text` is the cleaned text, `input` the original
text, and each entry of `words` has its position in `text` from `start` to `end`, in UTF-8 bytes, and
its `weight`: above 0 towards positive, below 0 towards negative.

Clusters: --shards 64 --engine slurm divides the input into 64 ranges of rows. One Slurm job predicts
each range into OUTPUT.shards, and a last job merges them into the same OUTPUT that a single process
writes. The same command resumes. For another scheduler, run the command on machines that share a
file system: first with --shards 64 --plan, then with --shard 1 to --shard 64 instead of --shards, in any
order, and then with --merge. On one machine a single process without shards is faster.";

/// Flags that concern an input file. They conflict with texts and with the challenge set; each is listed, because
/// clap accepts a flag whose `requires` is missing if that conflicts with a given flag.
const FILE_FLAGS: [&str; 9] = [
    "input",
    "output",
    "keep_columns",
    "shards",
    "plan",
    "shard",
    "merge",
    "engine",
    "detach",
];

/// Predict the label of new texts, with calibrated probabilities and explanations
///
/// Texts are normalised, tokenized and truncated exactly as the training texts; the model bundle stores how. Texts are
/// given as arguments, as lines of standard input, or in a file.
#[derive(Debug, Parser)]
#[command(name = "ressenti predict", bin_name = "ressenti predict", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Arguments {
    /// Texts to predict; without texts, or with `-`, lines of standard input
    #[arg(value_name = "TEXT", conflicts_with_all = FILE_FLAGS)]
    pub(crate) texts: Vec<String>,

    /// Model or ensemble of the pipeline file [default: the best model on validation]
    #[arg(long = "model", value_name = "NAME", conflicts_with = "bundles")]
    pub(crate) models: Vec<String>,

    /// Folder of a model bundle, or of an ensemble (artifacts/evaluate/NAME), instead of --model; needs no
    /// pipeline file
    #[arg(long = "bundle", value_name = "FOLDER")]
    pub(crate) bundles: Vec<PathBuf>,

    /// File of texts: CSV, JSON or Parquet, also compressed
    #[arg(long, visible_alias = "source", value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,

    /// File for the predictions; its name ends in `.csv`, `.jsonl` or `.parquet`
    #[arg(long, value_name = "FILE", requires = "input")]
    pub(crate) output: Option<PathBuf>,

    /// Divide the input into N ranges of rows for jobs of a cluster; needs --engine slurm or --plan
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..10_000), requires = "output")]
    pub(crate) shards: Option<u16>,

    /// Only plan the rows of each shard: the first of three steps for schedulers other than Slurm
    #[arg(long, requires = "shards")]
    pub(crate) plan: bool,

    /// Only predict shard K of the plan, counted from 1
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u16).range(1..10_000), requires = "output", conflicts_with = "shards")]
    pub(crate) shard: Option<u16>,

    /// Only merge the finished shards of the plan into the output
    #[arg(long, requires = "output", conflicts_with_all = ["shards", "shard"])]
    pub(crate) merge: bool,

    /// Engine that predicts the shards [default: `engine.kind` of the pipeline file]
    #[arg(long, value_name = "ENGINE", value_enum)]
    #[arg(requires = "shards", conflicts_with = "plan")]
    pub(crate) engine: Option<Engine>,

    /// On a cluster: exit after all jobs are submitted; the last job merges
    #[arg(long, requires = "shards")]
    pub(crate) detach: bool,

    /// Columns of the input to copy to the output: names, or positions from 1, separated by commas; or `all`
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    #[arg(requires = "input")]
    pub(crate) keep_columns: Vec<String>,

    #[arg(long = "carry", hide = true, value_parser = RenamedFlag("--keep-columns"))]
    _carry: Option<Infallible>,

    /// Show the words that influenced each prediction
    #[arg(long, conflicts_with = "challenge")]
    pub(crate) explain: bool,

    /// Label a text `undecided` if the probability of the likelier class is below P, from 0.5 to 1
    #[arg(long, value_name = "P", value_parser = probability, conflicts_with = "challenge")]
    pub(crate) abstain: Option<f32>,

    /// Format of the answers
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    #[arg(conflicts_with = "input")]
    pub(crate) format: Format,

    /// Run the built-in challenge set (330 behavioural tests) on one or several models, side by side
    #[arg(long, conflicts_with = "texts", conflicts_with_all = FILE_FLAGS)]
    pub(crate) challenge: bool,

    #[command(flatten)]
    pub(crate) pipeline: ModelArguments,

    /// Format of progress messages
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) progress: ProgressMode,
}

/// Engine that predicts shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// Jobs of a Slurm cluster, see docs/cluster.md
    Slurm,
}

/// Format of the answers on standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON array
    Json,
    /// One JSON object per line
    Jsonl,
}

impl Arguments {
    /// The input columns to keep. A column named `all` can be selected by its position.
    pub(crate) fn keep_columns(&self) -> KeepColumns {
        match self.keep_columns.as_slice() {
            [] => KeepColumns::None,
            [all] if all == "all" => KeepColumns::All,
            named => KeepColumns::Named(named.to_vec()),
        }
    }
}

fn probability(text: &str) -> Result<f32, String> {
    let number = text.parse::<f32>().ok();
    let number = number.filter(|number| (0.5..=1.0).contains(number));
    number.ok_or_else(|| "the probability of the likelier class is between 0.5 and 1".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn file_flags_are_rejected_without_a_file() {
        for file_flags in [
            &["--input", "a.csv"][..],
            &["--output", "a.csv"],
            &["--keep-columns", "all"],
            &["--shards", "2"],
            &["--plan"],
            &["--shard", "1"],
            &["--merge"],
            &["--engine", "slurm"],
            &["--detach"],
            &["--output", "a.csv", "--shards", "2", "--plan"],
        ] {
            for text_flag in ["a text", "--challenge", "--explain"] {
                let mut words = vec!["predict", text_flag];
                words.extend(file_flags);
                let found = Arguments::try_parse_from(&words);
                let is_complete = text_flag == "--explain" && file_flags[0] == "--input";
                assert_eq!(found.is_ok(), is_complete, "{words:?}");
            }
        }
        Arguments::try_parse_from(["predict", "a text", "--explain"]).expect("no conflict");
    }

    #[test]
    fn the_old_name_of_a_flag_states_the_new_one() {
        let words = ["predict", "--input", "a.csv", "--carry", "title"];
        let error = Arguments::try_parse_from(words).expect_err("renamed");
        assert!(
            error
                .to_string()
                .contains("`--carry` was renamed to `--keep-columns`")
        );
    }
}
