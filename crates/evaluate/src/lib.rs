//! The stage `evaluate`: predictions of a trained model, metrics with intervals, and the comparison with a baseline.
//! Only this stage reads the test split.

mod baseline;
mod challenge_set;
mod cross_fitted;
mod ensemble;
mod explanations;
mod model;
mod output;

use std::path::PathBuf;

use artifact::files::{write_json, write_predictions};
use artifact::{Artifact, Contract, Failure, OutputFile, Sentiment, Split, StageName, format};
use challenge::CHALLENGE;
use classifier::{LIBTORCH_VERSION, guard};
use metrics::{
    Estimate, FEW_ROWS, Metric, MetricsFile, ScoredRows, compute_figures, few_of_a_class,
};
use output::EvaluationOutput;
use settings::EvaluationSettings;
use stage::{Context, Outcome, Stage};

/// A result whose error is a [`Failure`].
type Result<T, E = Failure> = std::result::Result<T, E>;

/// The metrics in the artifact.
const METRICS: &str = "metrics.json";
/// The predictions in the artifact.
const PREDICTIONS: &str = "predictions.parquet";

/// The stage.
pub struct Evaluate;

/// The stage's own arguments.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Options {
    /// Fail if the model is significantly worse than in this metrics.json of an earlier run
    ///
    /// If the predictions.parquet of the earlier run is in the same folder, the comparison is row by row and
    /// detects much smaller losses.
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
}

impl Stage for Evaluate {
    const NAME: StageName = StageName::Evaluate;
    const ABOUT: &'static str = "Evaluate a model on the test reviews: predictions and metrics with intervals\n\n\
        Predicts the validation reviews, the test reviews and the challenge set with the model `[model.NAME]`, and computes accuracy, \
        precision, recall, F1, MCC, ROC-AUC, PR-AUC, log loss, Brier score and calibration error on the test reviews. Accuracy, precision, \
        recall and F1 have Wilson intervals; the others have bootstrap intervals if there are enough reviews.\n\n\
        For a linear model, also predicts its training reviews: they are split into `[evaluation] folds` folds, and each fold is predicted \
        by a model fitted to the others. Reviews of a group stay in one fold.\n\n\
        For an ensemble `[ensemble.NAME]`, combines the log-odds of its members with weights fitted on the validation reviews.\n\n\
        Also reports the calibration error before and after calibration, and the words that influenced the most confident errors.\n\n\
        Writes artifacts/evaluate/NAME/: predictions.parquet, metrics.json, calibration.json, explanations.json, \
        challenge.json, speed.json; for a linear model cross_fitted.parquet; for an ensemble ensemble.json with the weights.\n\n\
        Examples:\n  ressenti-evaluate --model lstm\n  ressenti-evaluate --model lstm --baseline main/metrics.json";
    type Settings = EvaluationSettings;
    type Options = Options;

    fn run(context: &Context, settings: EvaluationSettings) -> Result<Outcome> {
        guard(|| run(context, settings))
    }

    fn after(context: &Context, artifact: &Artifact, options: &Options) -> Result<()> {
        match &options.baseline {
            Some(path) => baseline::compare(context, artifact, path),
            None => Ok(()),
        }
    }
}

/// Runs the stage.
fn run(context: &Context, settings: EvaluationSettings) -> Result<Outcome> {
    let output = match &settings.ensemble {
        Some(members) => EvaluationOutput::of_ensemble(context, members)?,
        None => EvaluationOutput::of_model(context, &settings)?,
    };
    output.challenge.write(context.output())?;
    let predictions = context.output().join(PREDICTIONS);
    let written = write_predictions(&predictions, &settings.model, &output.predictions)?;
    let figures = test_metrics(&settings, &output)?;
    write_json(&context.output().join(METRICS), &figures)?;
    if figures.rows < FEW_ROWS {
        context.progress().warn(&format_few_rows(figures.rows));
    }
    let line = format_summary(&settings.model, &figures) + &output.description;
    let (model, rows) = (settings.model, figures.rows);
    let contract = Contract::Evaluation { model, rows };
    let mut files = output.files;
    files.extend([METRICS, CHALLENGE].map(OutputFile::data));
    files.push(OutputFile::table(PREDICTIONS, written));
    let libtorch = ("libtorch".to_owned(), LIBTORCH_VERSION.to_owned());
    let used_libtorch = output.device.is_some();
    Ok(Outcome {
        versions: used_libtorch.then_some(libtorch).into_iter().collect(),
        device: output.device,
        ..Outcome::new(contract, files, line)
    })
}

/// Computes the metrics on the test rows.
fn test_metrics(settings: &EvaluationSettings, output: &EvaluationOutput) -> Result<MetricsFile> {
    let all = &output.predictions;
    let rows = |split| all.iter().filter(move |row| row.split == split);
    let test = rows(Split::Test).map(|row| (row.label, row.probability));
    let (labels, probabilities): (Vec<u8>, Vec<f32>) = test.unzip();
    if labels.is_empty() {
        let failure = Failure::new("There are no test reviews to evaluate the model on");
        return Err(failure.with_hint("Raise `clean.split.test`".to_owned()));
    }
    let tally = ScoredRows::new(&labels, &probabilities).map_err(Failure::from_error)?;
    let (samples, confidence) = (settings.bootstrap_samples, settings.confidence);
    let figures = compute_figures(&tally, samples, confidence, settings.seed);
    let figures = figures.map_err(Failure::from_error)?;
    let model = &settings.model;
    let [test, validation] = [Split::Test, Split::Validation].map(|split| {
        Sentiment::ALL.map(|class| {
            let rows = rows(split).filter(|row| row.label == class.id());
            (class.as_str(), rows.count() as u64)
        })
    });
    let warnings = [("test", test), ("validation", validation)].into_iter();
    let warnings = warnings.filter_map(|(split, classes)| few_of_a_class(split, &classes));
    Ok(MetricsFile {
        validation: [(model.clone(), output.validation)].into(),
        classes: test.map(|(class, rows)| (class.to_owned(), rows)).into(),
        warnings: warnings.collect(),
        ..MetricsFile::of_model(model, labels.len() as u64, confidence, figures)
    })
}

/// The last line of the stage.
fn format_summary(model: &str, file: &MetricsFile) -> String {
    let rows = format::plural(file.rows, "test review", "test reviews");
    let accuracy = file.figure(model, Metric::Accuracy);
    let Some(Estimate { value, low, high }) = accuracy.and_then(|figure| figure.estimate()) else {
        return rows;
    };
    let [value, low, high, confidence] = [value, low, high, file.confidence].map(|it| 100.0 * it);
    format!("accuracy {value:.2}% ({confidence:.0}% CI {low:.2}–{high:.2}) on {rows}")
}

/// The warning for a very small test split.
fn format_few_rows(rows: u64) -> String {
    let reviews = format::plural(rows, "test review", "test reviews");
    format!(
        "The metrics are unreliable: there are only {reviews}; use at least {FEW_ROWS}: ingest more reviews or raise \
         `clean.split.test`"
    )
}
