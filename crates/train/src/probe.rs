//! A linear probe: logistic regression on the features of an encoder that stays as it is.

use std::time::Instant;

use artifact::{Contract, Split, StageName};
use classifier::{
    ClassifierError, FeatureRows, LIBTORCH_VERSION, Network, TokenContract, Weights, as_slice_mut,
};
use settings::{ENCODER_FILES, EmbeddingSettings, FeatureSettings, ModelSettings};
use stage::{Context, Failure, Outcome, format};
use tch::{Device, Kind, Tensor};

use crate::logistic::{Scale, cross_entropy, fit};
use crate::record::{Line, Record};
use crate::{Fitted, check_rows, describe, failure, outcome, write_bundle};

/// Penalties tried, from the strongest: each fit starts from the one before.
const PENALTIES: [f64; 11] = [
    1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5,
];

/// Weaker penalties tried without a lower validation loss before none is tried any more.
const PATIENCE: usize = 2;

/// Fits the probe, with the penalty that does best on validation, and writes its bundle.
pub(crate) fn run(context: &Context, settings: &ModelSettings) -> Result<Outcome, Failure> {
    let artifact = context.input(StageName::Embed);
    let tokens = TokenContract::of(context.input(StageName::Tokenize)).map_err(failure)?;
    let open = |split| FeatureRows::open(artifact, &tokens, split).map_err(failure);
    let (train, validation) = (open(Split::Train)?, open(Split::Validation)?);
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
    let pretrained = Network::frozen(&features, artifact.folder(), classes).map_err(failure)?;
    let sizes = pretrained.sizes();
    let mut weights = pretrained.weights(Device::Cpu);
    let network = pretrained.network;
    set_output(&network, &mut weights, &best).map_err(failure)?;
    let fitted = Fitted {
        network: &network,
        weights: &weights,
        sizes,
        features: Some(features),
        contract: &tokens,
        labels: &validation.labels,
        differences: best.scores.clone(),
        epochs: 0,
        best_epoch: 0,
        loss: best.loss,
        accuracy: best.accuracy,
    };
    let model = describe(context, settings, &fitted)?;
    write_bundle(context, &model, &fitted, Some(artifact.folder())).map_err(failure)?;
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
        ..outcome(&fitted, &model, line)
    })
}

/// What is known of the best fit.
struct Best {
    penalty: f64,
    /// `[F]` f64, for features as they come.
    weights: Tensor,
    bias: f64,
    loss: f64,
    accuracy: f64,
    /// How far the positive class is ahead, for each validation row.
    scores: Vec<f64>,
}

fn choose(
    context: &Context,
    train: &FeatureRows,
    validation: &FeatureRows,
    record: &mut Record,
) -> Result<Best, Failure> {
    let scale = Scale::of(&train.values);
    let rows = scale.apply(&train.values);
    let judged = scale.apply(&validation.values);
    let numbers = |labels: &[u8]| {
        let labels: Vec<f64> = labels.iter().map(|label| f64::from(*label)).collect();
        Tensor::from_slice(&labels)
    };
    let (labels, judged_labels) = (numbers(&train.labels), numbers(&validation.labels));
    let total = Some(PENALTIES.len() as u64);
    let task = context.progress().task("fitting", total, "penalties");
    let clock = Instant::now();
    let mut start = Tensor::zeros([rows.size()[1]], (Kind::Double, Device::Cpu));
    let mut best: Option<Best> = None;
    let mut worse = 0;
    for penalty in PENALTIES {
        let found = fit(&rows, &labels, penalty, &start);
        let scores = Vec::<f64>::try_from(judged.mv(&found.weights))
            .map_err(ClassifierError::torch("read the scores"))
            .map_err(failure)?;
        let right = scores
            .iter()
            .zip(&validation.labels)
            .filter(|(score, label)| (**score > 0.0) == (**label == 1));
        let accuracy = right.count() as f64 / scores.len() as f64;
        let loss = cross_entropy(&judged, &judged_labels, &found.weights);
        let is_best = best.as_ref().is_none_or(|best| loss < best.loss);
        record.line(&Line::Penalty {
            penalty,
            steps: found.steps,
            train_loss: found.loss,
            validation_loss: loss,
            validation_accuracy: accuracy,
            seconds: clock.elapsed().as_secs_f64(),
            best: is_best,
        })?;
        if is_best {
            let (weights, bias) = scale.undo(&found.weights);
            best = Some(Best {
                penalty,
                weights,
                bias,
                loss,
                accuracy,
                scores,
            });
        }
        start = found.weights;
        task.advance(1);
        worse = if is_best { 0 } else { worse + 1 };
        if worse == PATIENCE {
            break;
        }
    }
    Ok(best.expect("there is at least one penalty"))
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
