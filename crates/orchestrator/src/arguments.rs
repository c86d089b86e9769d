//! The command line of `ressenti`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use settings::RunSettings;
use stage::PipelineArguments;

use crate::selection::SelectionArguments;

const EXAMPLES: &str = "\
Examples:
  ressenti run                                   from raw reviews to the report
  ressenti plan                                  say what would run, and why
  ressenti inspect reviews.csv                   what would be read of a file of yours
  ressenti fetch sentence-transformers/all-MiniLM-L12-v2      a pretrained encoder
  ressenti predict --explain 'Not bad at all.'   what the best model says, and by which words
  ressenti run --set model.lstm.hidden=64        try another setting: only what depends on it runs
  ressenti run --pipeline pipelines/imdb.toml --source aclImdb_v1.tar.gz
  ressenti train --variant lstm --force          one stage by hand
  ressenti status --json                         for scripts
  ressenti doctor                                is everything there that is needed?
  ressenti gc --dry-run                          what nothing names any more, with sizes

Exit codes: 0 done; 1 something to mend (data, settings, a regression); 2 usage;
75 a fault worth trying again; 130 interrupted. A failed stage's code is passed on.";

const RUN_EXAMPLES: &str = "\
Examples:
  ressenti run
  ressenti run --dry-run                         the same as `ressenti plan`
  ressenti run --from clean                      redo cleaning and everything after it
  ressenti run --only train --variant lstm       one step; what it reads must be there
  ressenti run --variant lstm                    that model and what it needs, nothing else
  ressenti run --set model.lstm.hidden=64 --set training.epochs=3
  ressenti run --jobs 4                          trials of a sweep side by side, on a quarter of the cores each
  ressenti run --keep-going --progress json
  ressenti run --engine slurm                    each step a job of the cluster; stays and shows them
  ressenti run --engine slurm --detach           submits and leaves; the same command follows again
  ressenti run --baseline metrics.json           exit 1 where a model is significantly worse";

const PLAN_EXAMPLES: &str = "\
Examples:
  ressenti plan
  ressenti plan --set tokenizer.words.vocabulary_size=8000
  ressenti plan --from train --variant lstm
  ressenti plan --format dot | dot -Tsvg > plan.svg      the graph as a picture
  ressenti plan --format json                            with the command of every step
  ressenti plan --format slurm > jobs.sh                 what `run --engine slurm` submits, as a script

A step is fresh when the output of exactly these settings and inputs is there and every byte of it
is as written. A step whose input may change runs only if that input then holds something else.";

/// Sentiment models from raw reviews: run the pipeline, say what would run, show what is there
///
/// Reads `pipeline.toml`, works out which steps are not fresh, and runs the programs of their stages
/// in the order of the data. Everything made is kept under `artifacts/`, named by what produced it.
#[derive(Debug, Parser)]
#[command(name = "ressenti", version, after_help = EXAMPLES, disable_help_subcommand = true)]
#[command(subcommand_help_heading = "Commands and stages", max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run every step that is not fresh
    #[command(after_help = RUN_EXAMPLES)]
    Run(RunArguments),
    /// Say which steps would run, and why
    #[command(after_help = PLAN_EXAMPLES)]
    Plan(PlanArguments),
    /// Show what is there: rows, age, duration, size, folder; and where jobs of a cluster stand
    Status(StatusArguments),
    /// End every job that a run on a cluster has submitted; nothing that was saved is lost
    Cancel(PipelineArguments),
    /// What runs within a job of a cluster: calls a program, survives time limits and passing faults
    Job(JobArguments),
    /// Say what is there, what is missing, and what to type; with a self-test of about ten seconds
    Doctor(DoctorArguments),
    /// Delete what nothing names any more, after asking
    Gc(GcArguments),
    /// Show what ingest would read of a file, and the settings that say so
    Inspect(StageArguments),
    /// Say what a model makes of new texts: arguments, lines of a pipe, or a file of any size
    Predict(StageArguments),
    /// Show what people feel over time: shares with intervals, changes, what comes next
    Trend(StageArguments),
    /// Answer over HTTP what a model says of texts; with a page to try it
    Serve(StageArguments),
    /// Set two runs side by side: what changed in data, settings and code, and what came of it
    Compare(StageArguments),
    /// Fetch a pretrained encoder from the Hugging Face hub, and show the tables that use it
    Fetch(StageArguments),
    /// Stage: raw reviews, whatever their form, to one table
    Ingest(StageArguments),
    /// Stage: normalise text, remove duplicates, decide the split
    Clean(StageArguments),
    /// Stage: text to token ids, once for each `[tokenizer.NAME]`
    Tokenize(StageArguments),
    /// Stage: a vector for every entry of a vocabulary, once for each `[embedding.NAME]`
    Embed(StageArguments),
    /// Stage: a model from tokens and vectors, once for each `[model.NAME]`
    Train(StageArguments),
    /// Stage: predictions and figures of one model, once for each `[model.NAME]`
    Evaluate(StageArguments),
    /// Stage: all figures on one page
    Report(StageArguments),
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    pub(crate) pipeline: PipelineArguments,
    #[command(flatten)]
    pub(crate) selection: SelectionArguments,

    /// Say what would run, and why, and run nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Steps that run at the same time, instead of the pipeline file's `run.jobs`; no result depends on it
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u8).range(1..=RunSettings::MOST_JOBS as i64))]
    pub(crate) jobs: Option<u8>,

    /// When a step fails, still run the steps that do not need it
    #[arg(long)]
    pub(crate) keep_going: bool,

    /// Compare every model with this earlier `metrics.json`; a significant regression is exit code 1
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,

    /// Where steps run, instead of the pipeline file's `engine.kind`; no result depends on it
    #[arg(long, value_name = "ENGINE", value_enum)]
    pub(crate) engine: Option<Engine>,

    /// On a cluster: leave once all is submitted
    #[arg(long)]
    pub(crate) detach: bool,
}

/// Where steps run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// On this machine
    Local,
    /// As jobs of a Slurm cluster, see docs/cluster.md
    Slurm,
}

/// How a plan is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanFormat {
    /// For people
    #[default]
    Text,
    /// One JSON array: each step with its state, what it reads, its command, and how long it took last
    Json,
    /// A graph in the language of Graphviz
    Dot,
    /// A script that submits what is not fresh as jobs of Slurm
    Slurm,
}

/// What a job's script says, see `crate::job`.
#[derive(Debug, Args)]
pub(crate) struct JobArguments {
    /// The folder of the jobs' record, beside the artifacts
    #[arg(long, value_name = "FOLDER")]
    pub(crate) record: PathBuf,

    /// What the job is called there
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,

    /// How paths of folders begin in which the program saves what it can go on from
    #[arg(long, value_name = "PREFIX")]
    pub(crate) kept: Vec<PathBuf>,

    /// How often the job is put back into the queue after a fault that may pass
    #[arg(long, value_name = "NUMBER", default_value_t = 3)]
    pub(crate) retries: u32,

    /// Seconds without progress after which the program is stopped; 0 waits for ever
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    pub(crate) stall_timeout: u64,

    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    pub(crate) pipeline: PipelineArguments,
    #[command(flatten)]
    pub(crate) selection: SelectionArguments,

    /// Show the trials of every sweep one by one
    #[arg(long)]
    pub(crate) all: bool,

    /// How the plan is told
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) format: PlanFormat,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    pub(crate) pipeline: PipelineArguments,

    /// A sweep whose trials are shown one by one
    #[arg(value_name = "SWEEP")]
    pub(crate) sweep: Option<String>,

    /// Show the trials of every sweep one by one
    #[arg(long, conflicts_with = "sweep")]
    pub(crate) all: bool,

    /// As one JSON array, an object for each step, trials one by one
    #[arg(long)]
    pub(crate) json: bool,

    /// Draw the course of the last run on a cluster into this HTML file
    #[arg(long, value_name = "FILE")]
    pub(crate) timeline: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    /// The pipeline file, whose artifacts folder is tried
    #[arg(long, value_name = "FILE", default_value = "pipeline.toml")]
    pub(crate) pipeline: PathBuf,

    /// As one JSON array, an object for each finding
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GcArguments {
    #[command(flatten)]
    pub(crate) pipeline: PipelineArguments,

    /// Only show what would be deleted
    #[arg(long, conflicts_with = "yes")]
    pub(crate) dry_run: bool,

    /// Delete without asking
    #[arg(long)]
    pub(crate) yes: bool,

    /// As one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// The stage's own program parses these, and has its own `--help`.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct StageArguments {
    /// Arguments for the stage's program
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<OsString>,
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
    fn a_stage_is_given_its_arguments_untouched() {
        let line = [
            "ressenti",
            "train",
            "--variant",
            "lstm",
            "--help",
            "--set",
            "a.b=1",
        ];
        let arguments = Arguments::try_parse_from(line).expect("it parses");
        let Some(Command::Train(train)) = arguments.command else {
            panic!("another command")
        };
        assert_eq!(
            train.arguments,
            ["--variant", "lstm", "--help", "--set", "a.b=1"]
        );
    }

    #[test]
    fn a_misspelled_stage_is_answered_with_the_nearest() {
        let error = Arguments::try_parse_from(["ressenti", "run", "--from", "trian"])
            .expect_err("no such stage");
        assert!(
            error
                .to_string()
                .contains("a similar value exists: 'train'"),
            "{error}"
        );
        let error =
            Arguments::try_parse_from(["ressenti", "tokenise"]).expect_err("no such command");
        assert!(
            error
                .to_string()
                .contains("a similar subcommand exists: 'tokenize'"),
            "{error}"
        );
    }
}
