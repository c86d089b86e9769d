//! From a model bundle to what is known about it: predictions, figures with intervals, and whether
//! it fell behind a baseline. The only stage that opens the test split.

mod baseline;
mod predictions;

use std::ops::ControlFlow;
use std::path::PathBuf;

use artifact::{Artifact, Contract, OutputFile, Split, StageName};
use classifier::{
    Bundle, ChosenDevice, ClassifierError, FeatureRows, LIBTORCH_VERSION, Replica, TokenContract,
    TokenRows, choose_device, logits_of,
};
use metrics::{Metric, MetricsError, MetricsFile, Tally, summary};
use settings::EvaluationSettings;
use stage::{Context, Failure, Outcome, Stage, format};
use tch::Kind;

pub use predictions::Prediction;

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
        and computes accuracy, precision, recall, F1, MCC, ROC-AUC, PR-AUC, log loss, Brier score and calibration \
        error on the test rows, each with a bootstrap interval.\n\n\
        Writes artifacts/evaluate/NAME/: predictions.parquet, metrics.json.\n\n\
        Examples:\n  ressenti-evaluate --variant lstm\n  ressenti-evaluate --variant lstm --baseline main/metrics.json";
    type Settings = EvaluationSettings;
    type Options = Options;

    fn run(context: &Context, settings: EvaluationSettings) -> Result<Outcome, Failure> {
        let device = choose_device(context.run().device, context.run().cores()).map_err(failure)?;
        context
            .progress()
            .note(&format!("device: {}", device.describe()));
        let bundle = load(context, &device).map_err(failure)?;
        let mut predictions = Vec::new();
        for split in [Split::Validation, Split::Test] {
            predictions
                .extend(predict(context, &settings, &bundle, &device, split).map_err(failure)?);
        }
        let written = predictions::write(
            &context.output().join(PREDICTIONS),
            &settings.model,
            &predictions,
        )?;
        let figures = judge(&settings, &predictions)?;
        figures
            .write(&context.output().join(METRICS))
            .map_err(metrics_failure)?;
        let line = in_words(&settings.model, &figures);
        let contract = Contract::Evaluation {
            model: settings.model,
            rows: figures.rows,
        };
        let files = vec![
            OutputFile::table(PREDICTIONS, written),
            OutputFile::data(METRICS),
        ];
        Ok(Outcome {
            device: Some(device.describe()),
            versions: vec![("libtorch".to_owned(), LIBTORCH_VERSION.to_owned())],
            ..Outcome::new(contract, files, line)
        })
    }

    fn after(context: &Context, artifact: &Artifact, options: &Options) -> Result<(), Failure> {
        match &options.baseline {
            Some(path) => baseline::compare(context, artifact, path),
            None => Ok(()),
        }
    }
}

/// Loads the bundle, proves its files, and checks that it reads these tokens.
fn load(context: &Context, device: &ChosenDevice) -> Result<Bundle, ClassifierError> {
    let model = context.input(StageName::Train);
    model.verify()?;
    let bundle = Bundle::load(model.folder(), device.device)?;
    let tokens = TokenContract::of(context.input(StageName::Tokenize))?;
    if bundle.model.tokenizer.fingerprint != tokens.tokenizer {
        return Err(ClassifierError::Misfit {
            left: "model",
            right: "tokens",
            reason: format!(
                "the model reads the tokenizer {} and the tokens come from {}",
                bundle.model.tokenizer.fingerprint, tokens.tokenizer
            ),
        });
    }
    Ok(bundle)
}

fn predict(
    context: &Context,
    settings: &EvaluationSettings,
    bundle: &Bundle,
    device: &ChosenDevice,
    split: Split,
) -> Result<Vec<Prediction>, ClassifierError> {
    if bundle.model.features.is_some() {
        return predict_from_features(context, bundle, split);
    }
    let rows = TokenRows::open(context.input(StageName::Tokenize), split)?;
    let task = context.progress().task(
        &format!("predicting {split}"),
        Some(rows.len() as u64),
        "reviews",
    );
    let mut replicas: Vec<Replica> = (0..device.replicas)
        .map(|_| Replica::new(&bundle.network, &bundle.weights, false, Kind::Float))
        .collect();
    let shape = (
        settings.batch_size as usize,
        bundle.model.tokenizer.pad_id,
        bundle.model.labels.len(),
    );
    let logits = logits_of(
        &bundle.network,
        &mut replicas,
        &rows,
        shape,
        device.device,
        &|rows| {
            task.advance(rows);
            ControlFlow::Continue(())
        },
    )?;
    let calibration = bundle.model.calibration;
    let predict = |(row, difference)| Prediction {
        row_id: rows.row_id(row),
        split,
        label: rows.label(row),
        probability: calibration.probability(difference) as f32,
    };
    Ok(logits
        .differences()
        .into_iter()
        .enumerate()
        .map(predict)
        .collect())
}

/// What a probe says, from the features that the encoder in its bundle has computed already.
fn predict_from_features(
    context: &Context,
    bundle: &Bundle,
    split: Split,
) -> Result<Vec<Prediction>, ClassifierError> {
    let tokens = TokenContract::of(context.input(StageName::Tokenize))?;
    let features = context.input(StageName::Embed);
    if features.identity() != bundle.model.provenance.embedding {
        return Err(ClassifierError::Misfit {
            left: "model",
            right: "features",
            reason: "the model was fitted to other features".to_owned(),
        });
    }
    let rows = FeatureRows::open(features, &tokens, split)?;
    let calibration = bundle.model.calibration;
    let differences = bundle.differences_of(&rows)?;
    let reviews = rows.row_ids.into_iter().zip(rows.labels);
    Ok(reviews
        .zip(differences)
        .map(|((row_id, label), difference)| Prediction {
            row_id,
            split,
            label,
            probability: calibration.probability(difference) as f32,
        })
        .collect())
}

/// The figures on the test rows.
fn judge(
    settings: &EvaluationSettings,
    predictions: &[Prediction],
) -> Result<MetricsFile, Failure> {
    let test: Vec<&Prediction> = predictions
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

fn in_words(model: &str, file: &MetricsFile) -> String {
    let rows = format::count(file.rows);
    match file
        .models
        .get(model)
        .and_then(|figures| figures.get(Metric::Accuracy.name()))
    {
        Some(accuracy) => format!(
            "{:.2} % of {rows} test reviews right ({:.0} % interval {:.2} to {:.2})",
            100.0 * accuracy.value,
            100.0 * file.confidence,
            100.0 * accuracy.low,
            100.0 * accuracy.high
        ),
        None => format!("{rows} test reviews"),
    }
}

fn failure(error: ClassifierError) -> Failure {
    let hint = error.hint();
    Failure::from_error(error).with_hint(hint)
}

fn metrics_failure(error: MetricsError) -> Failure {
    Failure::from_error(error)
}
