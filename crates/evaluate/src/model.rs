//! A model read back from its bundle, whatever it is, and what it says of the rows of a split.

use std::ops::ControlFlow;

use artifact::{Split, StageName};
use classifier::{
    Bundle, ChosenDevice, ClassifierError, FeatureRows, ModelFile, Replica, TokenContract,
    TokenRows, logits_of,
};
use linear::NgramModel;
use rayon::prelude::*;
use settings::{EvaluationSettings, ModelKind};
use stage::{Context, Failure};
use tch::Kind;

use crate::{Prediction, failure};

/// A model that can be asked.
pub(crate) enum Model {
    /// A network over tokens.
    Network(Box<Bundle>),
    /// A probe, asked about features that its encoder has computed already.
    Probe(Box<Bundle>),
    /// Word n-grams.
    Linear(Box<ModelFile>, NgramModel),
}

impl Model {
    /// Loads the bundle, proves its files, and checks that it reads these tokens.
    pub(crate) fn load(context: &Context, device: &ChosenDevice) -> Result<Self, Failure> {
        let artifact = context.input(StageName::Train);
        artifact.verify()?;
        let folder = artifact.folder();
        let description = ModelFile::load(folder).map_err(failure)?;
        let tokens = TokenContract::of(context.input(StageName::Tokenize)).map_err(failure)?;
        if description.tokenizer.fingerprint != tokens.tokenizer {
            return Err(failure(ClassifierError::Misfit {
                left: "model",
                right: "tokens",
                reason: format!(
                    "the model reads the tokenizer {} and the tokens come from {}",
                    description.tokenizer.fingerprint, tokens.tokenizer
                ),
            }));
        }
        let network = || {
            Bundle::load(folder, device.device)
                .map(Box::new)
                .map_err(failure)
        };
        Ok(match description.architecture.kind {
            ModelKind::Linear => {
                let path = artifact.file("model.safetensors")?;
                let model = NgramModel::load(&path).map_err(Failure::from_error)?;
                Self::Linear(Box::new(description), model)
            }
            ModelKind::Probe => Self::Probe(network()?),
            _ => Self::Network(network()?),
        })
    }

    /// What it says of each row of a split.
    pub(crate) fn predict(
        &self,
        context: &Context,
        settings: &EvaluationSettings,
        device: &ChosenDevice,
        split: Split,
    ) -> Result<Vec<Prediction>, Failure> {
        match self {
            Self::Network(bundle) => predict_tokens(context, settings, bundle, device, split),
            Self::Probe(bundle) => predict_features(context, bundle, split),
            Self::Linear(description, model) => predict_ngrams(context, description, model, split),
        }
        .map_err(failure)
    }
}

/// What a linear model says of the tokens.
fn predict_ngrams(
    context: &Context,
    description: &ModelFile,
    model: &NgramModel,
    split: Split,
) -> Result<Vec<Prediction>, ClassifierError> {
    let rows = TokenRows::open(context.input(StageName::Tokenize), split)?;
    let calibration = description.calibration;
    let predict = |row| Prediction {
        row_id: rows.row_id(row),
        split,
        label: rows.label(row),
        probability: calibration.probability(model.difference(&rows.ids(row))) as f32,
    };
    Ok((0..rows.len()).into_par_iter().map(predict).collect())
}

/// What a network says of the tokens.
fn predict_tokens(
    context: &Context,
    settings: &EvaluationSettings,
    bundle: &Bundle,
    device: &ChosenDevice,
    split: Split,
) -> Result<Vec<Prediction>, ClassifierError> {
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
fn predict_features(
    context: &Context,
    bundle: &Bundle,
    split: Split,
) -> Result<Vec<Prediction>, ClassifierError> {
    let tokens = TokenContract::of(context.input(StageName::Tokenize))?;
    let features = context.input(StageName::Embed);
    if Some(features.identity()) != bundle.model.provenance.embedding {
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
