//! The command line of `ressenti`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use settings::RunSettings;
use stage::PipelineArguments;

use crate::selection::SelectionArguments;

const EXAMPLES: &str = "\
Examples:
  ressenti run                                   run all stages, from raw reviews to the report
  ressenti plan                                  show which steps would run, and why
  ressenti new reviews.csv                       write a pipeline file for a file of yours
  ressenti inspect reviews.csv                   show how a file of yours would be read
  ressenti fetch sentence-transformers/all-MiniLM-L12-v2      download a pretrained encoder
  ressenti predict --explain 'Great fun!'        predict a text and explain the prediction
  ressenti run --set model.lstm.hidden=64        change a setting; only steps that depend on it run
  ressenti run --pipeline pipelines/imdb.toml --source aclImdb_v1.tar.gz
  ressenti run --model linear --model lstm       only these models and what they need
  ressenti train --model lstm --force            run one stage
  ressenti status --json                         for scripts
  ressenti doctor                                check the installation
  ressenti gc --dry-run                          list unused artifacts with their sizes

Exit codes: 0 success; 1 an error in data or settings, or a regression; 2 wrong usage;
75 a transient error, worth a retry; 130 interrupted. A failed stage passes on its exit code.";

const RUN_EXAMPLES: &str = "\
Examples:
  ressenti run
  ressenti run --dry-run                         the same as `ressenti plan`
  ressenti run --from clean                      run clean and everything after it again
  ressenti run --model linear --model lstm       run these models and what they need; the report
                                                 shows them and all others that are up to date
  ressenti run --only train --model lstm         run one step; its inputs must exist
  ressenti run --set model.lstm.hidden=64 --set training.epochs=3
  ressenti run --jobs 4                          run 4 steps at a time, which share the cores
  ressenti run --keep-going --progress json
  ressenti run --engine slurm                    submit each step as a Slurm job, and monitor
  ressenti run --engine slurm --detach           submit and exit; the command above monitors
  ressenti run --baseline metrics.json           exit code 1 if a model is significantly worse";

const PLAN_EXAMPLES: &str = "\
Examples:
  ressenti plan
  ressenti plan --set tokenizer.words.vocabulary_size=8000
  ressenti plan --from train --model lstm
  ressenti plan --format dot | dot -Tsvg > plan.svg      the graph of the steps as a picture
  ressenti plan --format json                            with the command of every step
  ressenti plan --format slurm > jobs.sh                 a script that submits the same jobs as
                                                         `run --engine slurm`

A step is fresh if its output for the current settings and inputs exists and every byte is intact.
A step whose input may change runs only if the content of the input changes.";

/// Train and evaluate sentiment models on your reviews
///
/// Reads `pipeline.toml` and runs the stage programs of all steps that are not fresh, in order. All outputs
/// are stored under `artifacts/`.
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
    /// Show which steps would run, and why
    #[command(after_help = PLAN_EXAMPLES)]
    Plan(PlanArguments),
    /// Show the state, age, duration and size of every output, and the state of cluster jobs
    Status(StatusArguments),
    /// Cancel all cluster jobs of this artifacts folder; checkpoints are kept
    Cancel(PipelineArguments),
    /// Run one program inside a cluster job and requeue the job if needed; used by job scripts
    Job(JobArguments),
    /// Check the installation and show how to fix problems; takes about ten seconds
    Doctor(DoctorArguments),
    /// Delete artifacts that no step of the pipeline uses, after asking for confirmation
    ///
    /// The last output of every variant and the inputs that it was made from are kept, also if the variant is no
    /// longer in the pipeline file.
    Gc(GcArguments),
    /// Write a pipeline file for a file of reviews
    New(ProgramArguments),
    /// Show how a file of reviews would be read, and the settings to read it
    Inspect(ProgramArguments),
    /// Predict the sentiment of texts, of lines from a pipe, or of a file of any size
    Predict(ProgramArguments),
    /// Estimate the share of positive reviews over time, with intervals and a forecast
    Trend(ProgramArguments),
    /// Serve predictions over HTTP, with a web page
    Serve(ProgramArguments),
    /// Compare two runs: their data, settings, code and results
    Compare(ProgramArguments),
    /// Download a pretrained encoder from the Hugging Face Hub, and print settings that use it
    Fetch(ProgramArguments),
    /// Stage: read raw reviews in any supported format into one table
    Ingest(ProgramArguments),
    /// Stage: normalise text, remove duplicates, and split the reviews
    Clean(ProgramArguments),
    /// Stage: convert text to token ids, once for each `[tokenizer.NAME]`
    Tokenize(ProgramArguments),
    /// Stage: make word vectors or load an encoder, once for each `[embedding.NAME]`
    Embed(ProgramArguments),
    /// Stage: train a model, once for each `[model.NAME]`
    Train(ProgramArguments),
    /// Stage: predict the test reviews and compute metrics, once for each `[model.NAME]`
    Evaluate(ProgramArguments),
    /// Stage: write all results into one HTML page
    Report(ProgramArguments),
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    pub(crate) pipeline: PipelineArguments,
    #[command(flatten)]
    pub(crate) selection: SelectionArguments,

    /// Only show which steps would run, and why
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Largest number of steps at the same time; overrides `run.jobs` of the pipeline file
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u8).range(1..=RunSettings::MAX_JOBS as i64))]
    pub(crate) jobs: Option<u8>,

    /// If a step fails, still run the steps that do not need it
    #[arg(long)]
    pub(crate) keep_going: bool,

    /// Compare every model with the `metrics.json` of an earlier run; exit code 1 if one is significantly worse
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,

    /// Where steps run; overrides `engine.kind` of the pipeline file
    #[arg(long, value_name = "ENGINE", value_enum)]
    pub(crate) engine: Option<Engine>,

    /// On a cluster: exit after submitting the jobs
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

/// Output format of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanFormat {
    /// A table for people
    #[default]
    Text,
    /// A JSON array of steps: state, reasons, inputs, command, resources, last duration in seconds and estimate
    Json,
    /// A graph for Graphviz
    Dot,
    /// A shell script that submits the steps that are not fresh as Slurm jobs
    Slurm,
}

/// Arguments of `ressenti job`, which job scripts call; see `crate::job`.
#[derive(Debug, Args)]
pub(crate) struct JobArguments {
    /// The folder of the job record, beside the artifacts
    #[arg(long, value_name = "FOLDER")]
    pub(crate) record: PathBuf,

    /// Name of the job in the record
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,

    /// Prefix of the paths of folders in which the program saves checkpoints; may be repeated
    #[arg(long = "kept", value_name = "PREFIX")]
    pub(crate) resume_prefixes: Vec<PathBuf>,

    /// How often the job is requeued after a transient error
    #[arg(long, value_name = "NUMBER", default_value_t = 3)]
    pub(crate) retries: u32,

    /// Seconds without progress after which the program is stopped; 0 waits forever
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

    /// List every trial of every sweep
    #[arg(long)]
    pub(crate) all: bool,

    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) format: PlanFormat,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    pub(crate) pipeline: PipelineArguments,

    /// A sweep whose trials are listed
    #[arg(value_name = "SWEEP")]
    pub(crate) sweep: Option<String>,

    /// Only this model, ensemble or sweep, and what it needs; can be repeated
    #[arg(long = "model", value_name = "NAME", alias = "variant")]
    pub(crate) models: Vec<String>,

    /// List every trial of every sweep
    #[arg(long, conflicts_with = "sweep")]
    pub(crate) all: bool,

    /// Print a JSON array with an object for each step and trial
    #[arg(long)]
    pub(crate) json: bool,

    /// Write a timeline of the last run on a cluster to this HTML file
    #[arg(long, value_name = "FILE")]
    pub(crate) timeline: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    /// The pipeline file; its artifacts folder is checked, too
    #[arg(long, value_name = "FILE", default_value = "pipeline.toml")]
    pub(crate) pipeline: PathBuf,

    /// Print a JSON array with an object for each check
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GcArguments {
    #[command(flatten)]
    pub(crate) pipeline: PipelineArguments,

    /// Only list what would be deleted
    #[arg(long, conflicts_with = "yes")]
    pub(crate) dry_run: bool,

    /// Delete without asking for confirmation
    #[arg(long)]
    pub(crate) yes: bool,

    /// Print a JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments that are passed on to another program, which has its own `--help`.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct ProgramArguments {
    /// Arguments of the program
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<OsString>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_definition_is_valid() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn arguments_of_a_stage_are_passed_on_unchanged() {
        let line = [
            "ressenti", "train", "--model", "lstm", "--help", "--set", "a.b=1",
        ];
        let arguments = Arguments::try_parse_from(line).expect("it parses");
        let Some(Command::Train(train)) = arguments.command else {
            panic!("another command")
        };
        assert_eq!(
            train.arguments,
            ["--model", "lstm", "--help", "--set", "a.b=1"]
        );
    }

    #[test]
    fn a_misspelled_name_gets_a_suggestion() {
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
