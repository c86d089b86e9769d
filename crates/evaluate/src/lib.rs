//! From a model bundle to what is known about it: predictions, figures with intervals, and whether
//! it fell behind a baseline. The only stage that opens the test split.

mod baseline;
mod challenged;
mod cross_fitted;
mod ensemble;
mod explanations;
mod judged;
mod model;

use std::path::PathBuf;

use artifact::{Artifact, Contract, Failure, OutputFile, Split, StageName, format};
use challenge::CHALLENGE;
use classifier::{LIBTORCH_VERSION, guard};
use judged::Judged;
use metrics::{FEW_ROWS, Metric, MetricsError, MetricsFile, Tally, summary};
use settings::EvaluationSettings;
use stage::{Context, Outcome, Stage};

/// Where the figures of a model are.
const METRICS: &str = "metrics.json";
/// Where its predictions are.
const PREDICTIONS: &str = "predictions.parquet";

/// The evaluate stage.
pub struct Evaluate;

/// The stage's own arguments.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Options {
    /// Fail if the model is significantly worse than in this metrics.json of an earlier run
    ///
    /// With the earlier run's predictions.parquet beside it the comparison is row by row and sees
    /// much smaller losses.
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
}

impl Stage for Evaluate {
    const NAME: StageName = StageName::Evaluate;
    const ABOUT: &'static str = "Judge a model on the test reviews: predictions, figures, intervals\n\n\
        Loads the bundle of `[model.NAME]`, predicts the validation and the test rows with calibrated probabilities, \
        puts it to a set of texts made to trick a model, and computes accuracy, precision, recall, F1, MCC, ROC-AUC, PR-AUC, log loss, Brier score and calibration \
        error on the test rows. Shares of rows and F1 have Wilson's interval, the others a bootstrap interval where the rows say enough \
        for one.\n\n\
        Says of a linear model how it errs on its training reviews, too: `[evaluation] folds` models, each fitted to all folds but one, \
        read the one that they had not learned from. Reviews of a group stay in one fold.\n\n\
        An `[ensemble.NAME]` is judged like a model: the log-odds of its members, weighed on the validation rows.\n\n\
        Says what calibration did to the probabilities, and which words drove the mistakes that the model is surest of.\n\n\
        Writes artifacts/evaluate/NAME/: predictions.parquet, metrics.json, calibration.json, explanations.json, \
        challenge.json, speed.json; of a linear model cross_fitted.parquet; of an ensemble ensemble.json with the weights.\n\n\
        Examples:\n  ressenti-evaluate --variant lstm\n  ressenti-evaluate --variant lstm --baseline main/metrics.json";
    type Settings = EvaluationSettings;
    type Options = Options;

    fn run(context: &Context, settings: EvaluationSettings) -> Result<Outcome, Failure> {
        guard(|| run(context, settings))
    }

    fn after(context: &Context, artifact: &Artifact, options: &Options) -> Result<(), Failure> {
        match &options.baseline {
            Some(path) => baseline::compare(context, artifact, path),
            None => Ok(()),
        }
    }
}

/// The work of the stage.
fn run(context: &Context, settings: EvaluationSettings) -> Result<Outcome, Failure> {
    let judged = match &settings.ensemble {
        Some(members) => Judged::of_ensemble(context, members)?,
        None => Judged::of_model(context, &settings)?,
    };
    judged.challenge.write(context.output())?;
    let predictions = context.output().join(PREDICTIONS);
    let written =
        artifact::files::write_predictions(&predictions, &settings.model, &judged.predictions)?;
    let figures = judge(&settings, &judged.predictions)?;
    artifact::files::write_json(&context.output().join(METRICS), &figures)?;
    if figures.rows < FEW_ROWS {
        context.progress().warn(&few_in_words(figures.rows));
    }
    let line = in_words(&settings.model, &figures) + &judged.made_of;
    let contract = Contract::Evaluation {
        model: settings.model,
        rows: figures.rows,
    };
    let mut files = judged.files;
    files.extend([
        OutputFile::data(METRICS),
        OutputFile::data(CHALLENGE),
        OutputFile::table(PREDICTIONS, written),
    ]);
    let libtorch = ("libtorch".to_owned(), LIBTORCH_VERSION.to_owned());
    let used_libtorch = judged.device.is_some();
    Ok(Outcome {
        versions: used_libtorch.then_some(libtorch).into_iter().collect(),
        device: judged.device,
        ..Outcome::new(contract, files, line)
    })
}

/// The figures on the test rows.
fn judge(
    settings: &EvaluationSettings,
    predictions: &[artifact::files::Prediction],
) -> Result<MetricsFile, Failure> {
    let test: Vec<&artifact::files::Prediction> = predictions
        .iter()
        .filter(|prediction| prediction.split == Split::Test)
        .collect();
    if test.is_empty() {
        return Err(Failure::new("There are no test rows to judge the model on")
            .with_hint("Raise `clean.split.test`, the share set aside for the test".to_owned()));
    }
    let labels: Vec<u8> = test.iter().map(|prediction| prediction.label).collect();
    let probabilities: Vec<f32> = test
        .iter()
        .map(|prediction| prediction.probability)
        .collect();
    let tally = Tally::new(&labels, &probabilities).map_err(metrics_failure)?;
    let figures = summary(
        &tally,
        settings.bootstrap_samples,
        settings.confidence,
        settings.seed,
    )
    .map_err(metrics_failure)?;
    Ok(MetricsFile::of_model(
        &settings.model,
        test.len() as u64,
        settings.confidence,
        figures,
    ))
}

/// The last line of the stage.
fn in_words(model: &str, file: &MetricsFile) -> String {
    let rows = format::plural(file.rows, "test review", "test reviews");
    let accuracy = file
        .models
        .get(model)
        .and_then(|figures| figures.get(Metric::Accuracy.name()))
        .and_then(|figure| figure.estimate());
    match accuracy {
        Some(accuracy) => format!(
            "{:.2} % of {rows} right ({:.0} % interval {:.2} to {:.2})",
            100.0 * accuracy.value,
            100.0 * file.confidence,
            100.0 * accuracy.low,
            100.0 * accuracy.high
        ),
        None => rows,
    }
}

/// What is said where the test split is very small.
fn few_in_words(rows: u64) -> String {
    format!(
        "figures of {} say little; have {FEW_ROWS} or more, by more reviews or a larger share in `clean.split.test`",
        format::plural(rows, "test review", "test reviews")
    )
}

fn metrics_failure(error: MetricsError) -> Failure {
    Failure::from_error(error)
}
