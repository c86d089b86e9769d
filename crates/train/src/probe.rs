//! Trains a linear probe: logistic regression on the features of a frozen encoder.

use std::time::Instant;

use artifact::{Contract, Failure, Split, StageName, format};
use bundle::ModelFile;
use classifier::{
    ClassifierError, FeatureRows, LIBTORCH_VERSION, Network, TokenContract, Weights, as_slice_mut,
    cpu_threads,
};
use linear::newton::{DesignMatrix, PenaltyResult, RegularizationPath, cross_entropy};
use metrics::fit_temperature;
use settings::{ENCODER_FILES, EmbeddingSettings, FeatureSettings, ModelSettings};
use stage::{Context, Outcome};
use tch::{Device, Tensor};
use training::{Record, RecordLine};

use crate::bundle_output::{
    ValidationScores, model_description, outcome, recorded_settings, write_network,
};
use crate::data::check_rows;
use crate::scaled_features::{DenseRows, Scale};
use crate::{Result, count_parameters};

/// The penalties to compare, from the strongest: each fit starts from the weights of the one before.
const PENALTIES: [f64; 11] = [
    1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5,
];

/// The search stops after this many penalties in a row without a lower validation loss.
const PATIENCE: usize = 2;

/// A fit stops when no gradient component is above this.
const TOLERANCE: f64 = 1e-7;

/// Fits the probe with the penalty that is best on validation, and writes its bundle.
pub(crate) fn run(context: &Context, settings: &ModelSettings) -> Result<Outcome> {
    let artifact = context.input(StageName::Embed);
    let tokens = TokenContract::of(context.input(StageName::Tokenize))?;
    let train = FeatureRows::open_training_rows(artifact, &tokens, settings)?;
    let validation = FeatureRows::open(artifact, &tokens, Split::Validation)?;
    check_rows(context, train.labels.len(), validation.labels.len())?;
    // Unlike other steps, a fit is a few large products, which libtorch divides among all cores.
    tch::set_num_threads(context.run().cores() as i32);
    let scale = Scale::of(&train.values);
    let rows = |rows: &FeatureRows| DenseRows(scale.apply(&rows.values));
    let (train_rows, validation_rows) = (rows(&train), rows(&validation));
    let [train_labels, labels] = [&train, &validation].map(|rows| &rows.labels[..]);
    let sets = [(&train_rows, train_labels), (&validation_rows, labels)];
    let best = fit_penalties(context, sets, &PENALTIES, TOLERANCE)?;

    for name in ENCODER_FILES {
        artifact.file(name)?;
    }
    let features = feature_settings(context)?;
    let classes = tokens.classes.len() as u32;
    let pretrained = Network::frozen(&features, artifact.folder(), classes)?;
    let sizes = pretrained.sizes();
    let mut weights = pretrained.weights(Device::Cpu);
    let network = pretrained.network;
    let (learned, bias) = scale.unscale(&Tensor::from_slice(&best.fit.weights));
    set_output(&network, &mut weights, &learned, bias)?;
    let scores = ValidationScores {
        labels,
        scores: &best.scores,
        loss: best.loss,
        accuracy: best.accuracy,
    };
    let model = ModelFile {
        parameters: count_parameters(&weights),
        features: Some(features),
        penalty: Some(best.penalty),
        ..model_description(context, settings, &tokens, sizes, &scores)?
    };
    let parts = (&network, &weights);
    write_network(context, &model, parts, Some(artifact.folder()))?;
    let reviews = format::count(train_labels.len());
    let features = format::count(train.values.size()[1]);
    let (penalty, result) = (best.penalty, scores.describe());
    let summary = format!(
        "{reviews} training reviews with {features} features each, penalty {penalty:e}, {result}"
    );
    Ok(Outcome {
        device: Some(cpu_threads(context.run().cores())),
        versions: vec![("libtorch".to_owned(), LIBTORCH_VERSION.to_owned())],
        ..outcome(&tokens, &model, summary)
    })
}

/// Mean cross-entropy at the best temperature: a model is calibrated later, so a weak penalty must not lose
/// because its scores are too large.
fn calibrated_loss(scores: &[f64], labels: &[u8]) -> f64 {
    let single: Vec<f32> = scores.iter().map(|score| *score as f32).collect();
    let temperature = fit_temperature(&single, labels).unwrap_or(1.0);
    let scaled: Vec<f64> = scores.iter().map(|score| score / temperature).collect();
    cross_entropy(&scaled, &numbers(labels))
}

/// Labels as numbers, for the regression.
fn numbers(labels: &[u8]) -> Vec<f64> {
    labels.iter().map(|label| f64::from(*label)).collect()
}

/// Fits with all penalties, and returns the one that is best on validation; each is shown and recorded. The rows
/// are those of the training and the validation split, with their class ids.
pub(crate) fn fit_penalties<D: DesignMatrix>(
    context: &Context,
    [(train, train_labels), (validation, labels)]: [(&D, &[u8]); 2],
    penalties: &[f64],
    tolerance: f64,
) -> Result<PenaltyResult> {
    let path = RegularizationPath {
        train,
        labels: &numbers(train_labels),
        validation,
        validation_labels: &numbers(labels),
        criterion: &|scores| calibrated_loss(scores, labels),
        penalties,
        tolerance,
        patience: PATIENCE,
    };
    let mut record = Record::create(&context.output().join("metrics.jsonl"))?;
    let total = Some(path.penalties.len() as u64);
    let task = context.progress().task("fitting", total, "penalties");
    let clock = Instant::now();
    path.best(|tried, is_best| {
        task.advance(1);
        task.message(&format!("validation loss {:.4}", tried.criterion));
        record.line(&RecordLine::Penalty {
            penalty: tried.penalty,
            steps: tried.fit.steps,
            train_loss: tried.fit.loss,
            validation_loss: tried.loss,
            calibrated_loss: tried.criterion,
            validation_accuracy: tried.accuracy,
            seconds: clock.elapsed().as_secs_f64(),
            best: is_best,
        })?;
        Ok(())
    })
}

/// The settings that the features were computed with.
fn feature_settings(context: &Context) -> Result<FeatureSettings> {
    let artifact = context.input(StageName::Embed);
    let settings: EmbeddingSettings = recorded_settings(artifact, "features")?;
    match (settings.features, &artifact.manifest().contract) {
        (Some(features), Contract::Features { .. }) => Ok(features),
        _ => Err(Failure::new("The embedding of the probe has no features")),
    }
}

/// Sets the network's output layer: half of the weights for the positive class, the other half negated for the
/// negative class.
fn set_output(
    network: &Network,
    weights: &mut Weights,
    learned: &Tensor,
    learned_bias: f64,
) -> Result<(), ClassifierError> {
    let failed = ClassifierError::torch("read the weights");
    let values = Vec::<f64>::try_from(learned).map_err(failed)?;
    let range_of = |id| network.layout().spec(id).range.clone();
    let [weight, bias] = network.output().map(range_of);
    let flat = as_slice_mut(&mut weights.flat);
    let (negative, positive) = flat[weight].split_at_mut(values.len());
    for ((negative, positive), value) in negative.iter_mut().zip(positive).zip(values) {
        *positive = (value / 2.0) as f32;
        *negative = -*positive;
    }
    let half = (learned_bias / 2.0) as f32;
    flat[bias].copy_from_slice(&[-half, half]);
    Ok(())
}
