//! A linear probe: logistic regression on the features of an encoder that stays as it is.

use std::time::Instant;

use artifact::{Contract, Failure, Split, StageName, format};
use classifier::{
    ClassifierError, FeatureRows, LIBTORCH_VERSION, Network, TokenContract, Weights, as_slice_mut,
};
use linear::newton::{Design, Path, Tried, cross_entropy};
use metrics::fit_temperature;
use settings::{ENCODER_FILES, EmbeddingSettings, FeatureSettings, ModelSettings};
use stage::{Context, Outcome};
use tch::{Device, Tensor};
use training::{Line, Record};

use crate::dense::{Dense, Scale};
use crate::fitted::{Fitted, describe, outcome, write_network};
use crate::{check_rows, numbers_of};

/// Penalties tried, from the strongest: each fit starts from the one before.
const PENALTIES: [f64; 11] = [
    1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5,
];

/// Weaker penalties tried without a lower validation loss before none is tried any more.
pub(crate) const PATIENCE: usize = 2;

/// A gradient whose largest component is below this is taken for none.
const TOLERANCE: f64 = 1e-7;

/// Fits the probe, with the penalty that does best on validation, and writes its bundle.
pub(crate) fn run(context: &Context, settings: &ModelSettings) -> Result<Outcome, Failure> {
    let artifact = context.input(StageName::Embed);
    let tokens = TokenContract::of(context.input(StageName::Tokenize))?;
    let open = |split| FeatureRows::open(artifact, &tokens, split);
    let (mut train, validation) = (open(Split::Train)?, open(Split::Validation)?);
    if settings.reviews > 0 {
        train.keep(settings.reviews as usize, settings.seed);
    }
    if settings.shuffled_labels {
        train.shuffle_labels(settings.seed);
    }
    check_rows(context, train.labels.len(), validation.labels.len())?;
    // A few large products, unlike anything else here: shared by all cores.
    tch::set_num_threads(context.run().cores() as i32);
    let mut record = Record::create(&context.output().join("metrics.jsonl"))?;
    let best = choose(context, &train, &validation, &mut record)?;

    for name in ENCODER_FILES {
        artifact.file(name)?;
    }
    let features = features_of(context)?;
    let classes = tokens.classes.len() as u32;
    let pretrained = Network::frozen(&features, artifact.folder(), classes)?;
    let sizes = pretrained.sizes();
    let mut weights = pretrained.weights(Device::Cpu);
    let network = pretrained.network;
    set_output(&network, &mut weights, &best)?;
    let fitted = Fitted {
        sizes,
        parameters: numbers_of(&network, &weights),
        features: Some(features),
        contract: &tokens,
        labels: &validation.labels,
        differences: best.tried.scores.clone(),
        penalty: Some(best.tried.penalty),
        epochs: 0,
        best_epoch: 0,
        loss: best.tried.loss,
        accuracy: best.tried.accuracy,
    };
    let model = describe(context, settings, &fitted)?;
    let parts = (&network, &weights);
    write_network(context, &model, parts, Some(artifact.folder()))?;
    let line = format!(
        "{} train reviews of {} features, penalty {:e}, {} right on {} validation reviews",
        format::count(train.labels.len() as u64),
        format::count(train.values.size()[1] as u64),
        best.tried.penalty,
        format::percent(best.tried.accuracy),
        format::count(validation.labels.len() as u64),
    );
    Ok(Outcome {
        device: Some(format!("cpu, {} threads", context.run().cores())),
        versions: vec![("libtorch".to_owned(), LIBTORCH_VERSION.to_owned())],
        ..outcome(&fitted, &model, line)
    })
}

/// What is known of the best fit.
struct Best {
    tried: Tried,
    /// `[F]` f64, for features as they come.
    weights: Tensor,
    bias: f64,
}

fn choose(
    context: &Context,
    train: &FeatureRows,
    validation: &FeatureRows,
    record: &mut Record,
) -> Result<Best, Failure> {
    let scale = Scale::of(&train.values);
    let rows = |rows: &FeatureRows| Dense(scale.apply(&rows.values));
    let path = Path {
        train: &rows(train),
        labels: &numbers(&train.labels),
        validation: &rows(validation),
        judged_by: &numbers(&validation.labels),
        criterion: &|scores| calibrated_loss(scores, &validation.labels),
        penalties: &PENALTIES,
        tolerance: TOLERANCE,
        patience: PATIENCE,
    };
    let tried = best_of(context, &path, record)?;
    let (weights, bias) = scale.undo(&Tensor::from_slice(&tried.fit.weights));
    Ok(Best {
        tried,
        weights,
        bias,
    })
}

/// Mean cross-entropy at the temperature that makes it lowest: a model is calibrated afterwards
/// anyway, so that a weak penalty should not lose for being too sure of itself.
pub(crate) fn calibrated_loss(scores: &[f64], labels: &[u8]) -> f64 {
    let single: Vec<f32> = scores.iter().map(|score| *score as f32).collect();
    let temperature = fit_temperature(&single, labels).unwrap_or(1.0);
    let scaled: Vec<f64> = scores.iter().map(|score| score / temperature).collect();
    cross_entropy(&scaled, &numbers(labels))
}

/// Labels as the regression wants them.
pub(crate) fn numbers(labels: &[u8]) -> Vec<f64> {
    labels.iter().map(|label| f64::from(*label)).collect()
}

/// The best penalty of a path; each is shown and recorded.
pub(crate) fn best_of(
    context: &Context,
    path: &Path<'_, impl Design>,
    record: &mut Record,
) -> Result<Tried, Failure> {
    let total = Some(path.penalties.len() as u64);
    let task = context.progress().task("fitting", total, "penalties");
    let clock = Instant::now();
    path.best(|tried, is_best| {
        task.advance(1);
        task.message(&format!("validation loss {:.4}", tried.criterion));
        record.line(&Line::Penalty {
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
fn features_of(context: &Context) -> Result<FeatureSettings, Failure> {
    let manifest = context.input(StageName::Embed).manifest();
    let settings: EmbeddingSettings =
        serde_json::from_value(manifest.settings.clone()).map_err(|error| {
            Failure::new(format!(
                "The settings recorded with the features cannot be read: {error}"
            ))
        })?;
    match (settings.features, &manifest.contract) {
        (Some(features), Contract::Features { .. }) => Ok(features),
        _ => Err(Failure::new("The probe's embedding holds no features")),
    }
}

/// Puts the weights into the network's output layer, half for each class.
fn set_output(
    network: &Network,
    weights: &mut Weights,
    best: &Best,
) -> Result<(), ClassifierError> {
    let values =
        Vec::<f64>::try_from(&best.weights).map_err(ClassifierError::torch("read the weights"))?;
    let [weight, bias] = network
        .output()
        .map(|id| network.layout().spec(id).range.clone());
    let flat = as_slice_mut(&mut weights.flat);
    let (negative, positive) = flat[weight].split_at_mut(values.len());
    for ((negative, positive), value) in negative.iter_mut().zip(positive).zip(values) {
        *positive = (value / 2.0) as f32;
        *negative = -*positive;
    }
    let half = (best.bias / 2.0) as f32;
    flat[bias].copy_from_slice(&[-half, half]);
    Ok(())
}
