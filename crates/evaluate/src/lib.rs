//! From a model bundle to what is known about it: predictions, figures with intervals, and whether
//! it fell behind a baseline. The only stage that opens the test split.

mod baseline;
mod challenged;
mod cross_fitted;
mod ensemble;
mod evaluated;
mod explanations;
mod model;

use std::path::PathBuf;

use artifact::files::{Prediction, write_json, write_predictions};
use artifact::{Artifact, Contract, Failure, OutputFile, Split, StageName, format};
use challenge::CHALLENGE;
use classifier::{LIBTORCH_VERSION, guard};
use evaluated::Evaluated;
use metrics::{Estimate, FEW_ROWS, Metric, MetricsFile, ScoredRows, compute_figures};
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
    let evaluated = match &settings.ensemble {
        Some(members) => Evaluated::of_ensemble(context, members)?,
        None => Evaluated::of_model(context, &settings)?,
    };
    evaluated.challenge.write(context.output())?;
    let predictions = context.output().join(PREDICTIONS);
    let written = write_predictions(&predictions, &settings.model, &evaluated.predictions)?;
    let figures = judge(&settings, &evaluated.predictions)?;
    write_json(&context.output().join(METRICS), &figures)?;
    if figures.rows < FEW_ROWS {
        context.progress().warn(&few_in_words(figures.rows));
    }
    let line = in_words(&settings.model, &figures) + &evaluated.made_of;
    let contract = Contract::Evaluation {
        model: settings.model,
        rows: figures.rows,
    };
    let mut files = evaluated.files;
    files.extend([
        OutputFile::data(METRICS),
        OutputFile::data(CHALLENGE),
        OutputFile::table(PREDICTIONS, written),
    ]);
    let libtorch = ("libtorch".to_owned(), LIBTORCH_VERSION.to_owned());
    let used_libtorch = evaluated.device.is_some();
    Ok(Outcome {
        versions: used_libtorch.then_some(libtorch).into_iter().collect(),
        device: evaluated.device,
        ..Outcome::new(contract, files, line)
    })
}

/// The figures on the test rows.
fn judge(
    settings: &EvaluationSettings,
    predictions: &[Prediction],
) -> Result<MetricsFile, Failure> {
    let test = predictions.iter().filter(|row| row.split == Split::Test);
    let (labels, probabilities): (Vec<u8>, Vec<f32>) =
        test.map(|row| (row.label, row.probability)).unzip();
    if labels.is_empty() {
        return Err(Failure::new("There are no test rows to judge the model on")
            .with_hint("Raise `clean.split.test`, the share set aside for the test".to_owned()));
    }
    let tally = ScoredRows::new(&labels, &probabilities).map_err(Failure::from_error)?;
    let (samples, confidence) = (settings.bootstrap_samples, settings.confidence);
    let figures =
        compute_figures(&tally, samples, confidence, settings.seed).map_err(Failure::from_error)?;
    let rows = labels.len() as u64;
    Ok(MetricsFile::of_model(
        &settings.model,
        rows,
        confidence,
        figures,
    ))
}

/// The last line of the stage.
fn in_words(model: &str, file: &MetricsFile) -> String {
    let rows = format::plural(file.rows, "test review", "test reviews");
    let figures = file.models.get(model);
    let accuracy = figures.and_then(|figures| figures.get(Metric::Accuracy.name()));
    let Some(Estimate { value, low, high }) = accuracy.and_then(|figure| figure.estimate()) else {
        return rows;
    };
    let [value, low, high, coverage] = [value, low, high, file.confidence].map(|it| 100.0 * it);
    format!("{value:.2} % of {rows} right ({coverage:.0} % interval {low:.2} to {high:.2})")
}

/// What is said where the test split is very small.
fn few_in_words(rows: u64) -> String {
    format!(
        "figures of {} say little; have {FEW_ROWS} or more, by more reviews or a larger share in `clean.split.test`",
        format::plural(rows, "test review", "test reviews")
    )
}
