//! The command line of `ressenti predict`.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use ingest::KeepColumns;
use stage::{ModelArguments, ProgressMode};

const EXAMPLES: &str = "\
Examples:
  ressenti predict 'A dull start, and then it soars.'
  ressenti predict --explain --model gru 'Not bad at all.'      the words that drove it, in colour
  ressenti predict < texts.txt                        a text a line, answered in order
  ressenti predict --input reviews.csv.gz --output said.csv     a file of any size; killed and
                                                      started again it goes on where it was
  ressenti predict --input reviews.csv --output said.csv --shards 64 --engine slurm   on a cluster
  ressenti predict --input a.parquet --output b.parquet --abstain 0.8
  ressenti predict --input a.csv --output b.csv --carry title,date      or --carry all
  ressenti predict --input a.csv --output b.csv --set ingest.columns.text=comment
  ressenti predict --bundle artifacts/train/linear --format jsonl 'A text' 'Another'
  ressenti predict --challenge --model linear --model gru       texts made to trick a model

A file is CSV or its relatives, JSON or Parquet, packed or not; its columns are found as `ressenti
inspect FILE` shows, and no label is needed. Rows that cannot be read are kept aside in
OUTPUT.rejected.jsonl. In order, one answer a row: row, id, label, probability (that it is positive), and
the columns that `--carry` names, as text; one called as a column of the answer becomes input_NAME.

Lines from standard input are UTF-8. One that is not, or longer than ingest.max_text_bytes, has no label and a
reason instead, and the others are answered. As JSON an answer is: row, text, label, probability. With
--explain `text` is the text as the model was given it, cleaned, and `input` as it came; each of `words` stands
from `start` to `end` in that `text`, in bytes of UTF-8.

With --shards 64 --engine slurm the input is divided into 64 ranges of rows. A job of the cluster
predicts each into OUTPUT.shards, and a last job merges them into the same OUTPUT that one process
writes. The same command resumes. For another engine run the same command on machines that see the
same files: first with --shards 64 --plan, then with --shard 1 to --shard 64 in place of --shards,
in any order, and then with --merge. On one machine one process without shards is faster.";

/// What is said of a file, and means nothing where texts are given or the challenge set is asked for. Each is
/// named, because clap does not miss what `requires` asks for where that conflicts with something given.
const OF_FILES: [&str; 9] = [
    "input", "output", "carry", "shards", "plan", "shard", "merge", "engine", "detach",
];

/// What a model says of new texts: label, calibrated probability, the words that drove it
///
/// A text is cleaned, encoded and cut off exactly as the training texts were: that travels in the
/// bundle. Texts come as arguments, as lines of a pipe, or from a file.
#[derive(Debug, Parser)]
#[command(name = "ressenti predict", bin_name = "ressenti predict", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Arguments {
    /// The texts; `-`, or none, for lines from standard input
    #[arg(value_name = "TEXT", conflicts_with_all = OF_FILES)]
    pub(crate) texts: Vec<String>,

    /// The model or ensemble of the pipeline file; the best by validation where none is named
    #[arg(long = "model", value_name = "NAME", conflicts_with = "bundles")]
    pub(crate) models: Vec<String>,

    /// The folder of a model bundle, or of an ensemble as artifacts/evaluate/NAME, instead of a name; needs no
    /// pipeline file
    #[arg(long = "bundle", value_name = "FOLDER")]
    pub(crate) bundles: Vec<PathBuf>,

    /// A file of texts: CSV, JSON or Parquet, plain or packed
    #[arg(long, visible_alias = "source", value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,

    /// Where the answers about the file go: a name in `.csv`, `.jsonl` or `.parquet`
    #[arg(long, value_name = "FILE", requires = "input")]
    pub(crate) output: Option<PathBuf>,

    /// Divide the input into N ranges of rows that jobs of a cluster predict; needs --engine slurm or --plan
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..10_000), requires = "output")]
    pub(crate) shards: Option<u16>,

    /// Only plan which rows each of the --shards has: the first of three steps for engines other than Slurm
    #[arg(long, requires = "shards")]
    pub(crate) plan: bool,

    /// Only predict this shard of the plan, from 1
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u16).range(1..10_000), requires = "output", conflicts_with = "shards")]
    pub(crate) shard: Option<u16>,

    /// Only merge the shards of the plan, which must all be finished
    #[arg(long, requires = "output", conflicts_with_all = ["shards", "shard"])]
    pub(crate) merge: bool,

    /// What predicts the --shards, instead of the pipeline file's `engine.kind`
    #[arg(long, value_name = "ENGINE", value_enum)]
    #[arg(requires = "shards", conflicts_with = "plan")]
    pub(crate) engine: Option<Engine>,

    /// On a cluster: leave once all is submitted; the last job merges
    #[arg(long, requires = "shards")]
    pub(crate) detach: bool,

    /// Columns of the input file that go along into the output, by name or position from 1, with commas
    /// between them; or `all`
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    #[arg(requires = "input")]
    pub(crate) carry: Vec<String>,

    /// Show which words drove each answer
    #[arg(long, conflicts_with = "challenge")]
    pub(crate) explain: bool,

    /// Leave a text undecided where its likelier class is less likely than this, 0.5 to 1
    #[arg(long, value_name = "P", value_parser = probability, conflicts_with = "challenge")]
    pub(crate) abstain: Option<f32>,

    /// How answers are shown
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    #[arg(conflicts_with = "input")]
    pub(crate) format: Format,

    /// Put the model, or several, to the built-in set of texts made to trick one, side by side
    #[arg(long, conflicts_with = "texts", conflicts_with_all = OF_FILES)]
    pub(crate) challenge: bool,

    #[command(flatten)]
    pub(crate) of: ModelArguments,

    /// How progress is shown
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    pub(crate) progress: ProgressMode,
}

/// What predicts shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// Jobs of a Slurm cluster, see docs/cluster.md
    Slurm,
}

/// How answers are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON array
    Json,
    /// A JSON object per line
    Jsonl,
}

impl Arguments {
    /// The columns that go along; a column that is called `all` is told by its position.
    pub(crate) fn carry(&self) -> KeepColumns {
        match self.carry.as_slice() {
            [] => KeepColumns::None,
            [all] if all == "all" => KeepColumns::All,
            named => KeepColumns::Named(named.to_vec()),
        }
    }
}

fn probability(text: &str) -> Result<f32, String> {
    let number = text.parse::<f32>().ok();
    number
        .filter(|number| (0.5..=1.0).contains(number))
        .ok_or_else(|| "the likelier of two classes has a probability from 0.5 to 1".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_is_said_of_a_file_is_refused_without_one() {
        for of_file in [
            &["--input", "a.csv"][..],
            &["--output", "a.csv"],
            &["--carry", "all"],
            &["--shards", "2"],
            &["--plan"],
            &["--shard", "1"],
            &["--merge"],
            &["--engine", "slurm"],
            &["--detach"],
            &["--output", "a.csv", "--shards", "2", "--plan"],
        ] {
            for of_texts in ["a text", "--challenge", "--explain"] {
                let mut words = vec!["predict", of_texts];
                words.extend(of_file);
                let found = Arguments::try_parse_from(&words);
                let is_whole = of_texts == "--explain" && of_file[0] == "--input";
                assert_eq!(found.is_ok(), is_whole, "{words:?}");
            }
        }
        Arguments::try_parse_from(["predict", "a text", "--explain"]).expect("it makes sense");
    }
}
