//! A linear probe: logistic regression on the features of an encoder that stays as it is.

use std::time::Instant;

use artifact::{Contract, Failure, Split, StageName, format};
use bundle::ModelFile;
use classifier::{
    ClassifierError, FeatureRows, LIBTORCH_VERSION, Network, TokenContract, Weights, as_slice_mut,
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
use crate::count_parameters;
use crate::data::check_rows;
use crate::scaled_features::{DenseRows, Scale};

/// Penalties tried, from the strongest: each fit starts from the one before.
const PENALTIES: [f64; 11] = [
    1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5,
];

/// Weaker penalties tried without a lower validation loss before none is tried any more.
const PATIENCE: usize = 2;

/// A gradient whose largest component is below this is taken for none.
const TOLERANCE: f64 = 1e-7;

/// Fits the probe, with the penalty that does best on validation, and writes its bundle.
pub(crate) fn run(context: &Context, settings: &ModelSettings) -> Result<Outcome, Failure> {
    let artifact = context.input(StageName::Embed);
    let tokens = TokenContract::of(context.input(StageName::Tokenize))?;
    let train = FeatureRows::open_training_rows(artifact, &tokens, settings)?;
    let validation = FeatureRows::open(artifact, &tokens, Split::Validation)?;
    check_rows(context, train.labels.len(), validation.labels.len())?;
    // A few large products, unlike anything else here: shared by all cores.
    tch::set_num_threads(context.run().cores() as i32);
    let scale = Scale::of(&train.values);
    let rows = |rows: &FeatureRows| DenseRows(scale.apply(&rows.values));
    let (learned_from, validation_labels) = (rows(&train), rows(&validation));
    let sets = [
        (&learned_from, &train.labels[..]),
        (&validation_labels, &validation.labels),
    ];
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
    let (learned, bias) = scale.undo(&Tensor::from_slice(&best.fit.weights));
    set_output(&network, &mut weights, &learned, bias)?;
    let validation_scores = ValidationScores {
        labels: &validation.labels,
        scores: &best.scores,
        loss: best.loss,
        accuracy: best.accuracy,
    };
    let model = ModelFile {
        parameters: count_parameters(&weights),
        features: Some(features),
        penalty: Some(best.penalty),
        ..model_description(context, settings, &tokens, sizes, &validation_scores)?
    };
    let parts = (&network, &weights);
    write_network(context, &model, parts, Some(artifact.folder()))?;
    let line = format!(
        "{} train reviews of {} features, penalty {:e}, {} right on {} validation reviews",
        format::count(train.labels.len() as u64),
        format::count(train.values.size()[1] as u64),
        best.penalty,
        format::percent(best.accuracy),
        format::count(validation.labels.len() as u64),
    );
    Ok(Outcome {
        device: Some(format!("cpu, {} threads", context.run().cores())),
        versions: vec![("libtorch".to_owned(), LIBTORCH_VERSION.to_owned())],
        ..outcome(&tokens, &model, line)
    })
}

/// Mean cross-entropy at the temperature that makes it lowest: a model is calibrated afterwards
/// anyway, so that a weak penalty should not lose for being too sure of itself.
fn calibrated_loss(scores: &[f64], labels: &[u8]) -> f64 {
    let single: Vec<f32> = scores.iter().map(|score| *score as f32).collect();
    let temperature = fit_temperature(&single, labels).unwrap_or(1.0);
    let scaled: Vec<f64> = scores.iter().map(|score| score / temperature).collect();
    cross_entropy(&scaled, &numbers(labels))
}

/// Labels as the regression wants them.
fn numbers(labels: &[u8]) -> Vec<f64> {
    labels.iter().map(|label| f64::from(*label)).collect()
}

/// The penalty that does best on validation; each is shown and recorded. The rows are those to learn from
/// and those of the validation split, with their class ids.
pub(crate) fn fit_penalties<D: DesignMatrix>(
    context: &Context,
    [(train, train_labels), (validation, labels)]: [(&D, &[u8]); 2],
    penalties: &[f64],
    tolerance: f64,
) -> Result<PenaltyResult, Failure> {
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

/// What the features were, as their step was told.
fn feature_settings(context: &Context) -> Result<FeatureSettings, Failure> {
    let artifact = context.input(StageName::Embed);
    let settings: EmbeddingSettings = recorded_settings(artifact, "features")?;
    match (settings.features, &artifact.manifest().contract) {
        (Some(features), Contract::Features { .. }) => Ok(features),
        _ => Err(Failure::new("The probe's embedding holds no features")),
    }
}

/// Puts the weights into the network's output layer, half for each class.
fn set_output(
    network: &Network,
    weights: &mut Weights,
    learned: &Tensor,
    bias_learned: f64,
) -> Result<(), ClassifierError> {
    let values =
        Vec::<f64>::try_from(learned).map_err(ClassifierError::torch("read the weights"))?;
    let [weight, bias] = network
        .output()
        .map(|id| network.layout().spec(id).range.clone());
    let flat = as_slice_mut(&mut weights.flat);
    let (negative, positive) = flat[weight].split_at_mut(values.len());
    for ((negative, positive), value) in negative.iter_mut().zip(positive).zip(values) {
        *positive = (value / 2.0) as f32;
        *negative = -*positive;
    }
    let half = (bias_learned / 2.0) as f32;
    flat[bias].copy_from_slice(&[-half, half]);
    Ok(())
}
