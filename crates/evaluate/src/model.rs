//! A model read back from its bundle, whatever it is, and what it says of the rows of a split.

use std::ops::{ControlFlow, Range};
use std::path::Path;

use artifact::{Split, StageName};
use classifier::{
    Asked, Attributions, Bundle, ChosenDevice, ClassifierError, FeatureRows, Logits, MarkedRow,
    ModelFile, Replica, TokenContract, TokenRows, attributions, attributions_of_rows, logits_of,
    sorted_batches, states_of,
};
use linear::NgramModel;
use rayon::prelude::*;
use settings::{EvaluationSettings, ModelKind};
use stage::{Context, Failure};
use tch::{Kind, Tensor};

use crate::words::words_of;
use crate::{TextReader, Word, failure};

/// What a model says of one review.
pub(crate) struct Answer {
    /// The review's id, as in `clean.parquet`.
    pub(crate) row_id: u64,
    /// Its true class id.
    pub(crate) label: u8,
    /// How far the logit of the positive class is ahead.
    pub(crate) difference: f64,
}

/// A model that can be asked.
#[derive(Debug)]
pub enum Model {
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
        Self::open(folder, description, device)
    }

    /// Loads the model of a bundle that was described before.
    ///
    /// # Errors
    /// A file is missing or not what it should be.
    pub fn open(
        folder: &Path,
        description: ModelFile,
        device: &ChosenDevice,
    ) -> Result<Self, Failure> {
        let network = || {
            Bundle::load(folder, device.device)
                .map(Box::new)
                .map_err(failure)
        };
        Ok(match description.architecture.kind {
            ModelKind::Linear => {
                let path = folder.join("model.safetensors");
                let model = NgramModel::load(&path).map_err(Failure::from_error)?;
                Self::Linear(Box::new(description), model)
            }
            ModelKind::Probe => Self::Probe(network()?),
            _ => Self::Network(network()?),
        })
    }

    /// Its description.
    pub fn description(&self) -> &ModelFile {
        match self {
            Self::Network(bundle) | Self::Probe(bundle) => &bundle.model,
            Self::Linear(description, _) => description,
        }
    }

    /// The calibrated probability that each row of tokens is positive. A row must have an id and no
    /// more than the model reads, see [`crate::TextReader`].
    ///
    /// # Errors
    /// libtorch refuses, for example for want of memory.
    pub fn ask(
        &self,
        rows: &[Vec<u32>],
        device: &ChosenDevice,
        batch_size: u32,
    ) -> Result<Vec<f32>, Failure> {
        let description = self.description();
        let differences = match self {
            Self::Linear(_, model) => rows.par_iter().map(|ids| model.difference(ids)).collect(),
            Self::Probe(bundle) => {
                let contract = description.token_contract();
                let rows = TokenRows::from_ids(rows, &contract).map_err(failure)?;
                probe_differences(bundle, &rows, device, batch_size).map_err(failure)?
            }
            Self::Network(bundle) => {
                let contract = description.token_contract();
                let rows = TokenRows::from_ids(rows, &contract).map_err(failure)?;
                let logits = logits(bundle, &rows, device, batch_size, &|_| ());
                logits.map_err(failure)?.differences()
            }
        };
        let probability = |difference: f64| description.calibration.probability(difference) as f32;
        Ok(differences.into_iter().map(probability).collect())
    }

    /// What each token of a row contributes to the answer; `added` says which were not in the text.
    /// Integrated gradients for a network, the weights of the n-grams themselves for a linear model.
    ///
    /// # Errors
    /// As for [`Model::ask`].
    pub fn attributions(&self, ids: &[u32], added: &[bool]) -> Result<Attributions, Failure> {
        match self {
            Self::Network(bundle) | Self::Probe(bundle) => {
                attributions(bundle, ids, added).map_err(failure)
            }
            Self::Linear(_, model) => Ok(Attributions {
                tokens: model.contributions(ids),
                difference: model.difference(ids),
                baseline: model.difference(&[]),
            }),
        }
    }

    /// What each word of a normalised text contributes to the answer.
    ///
    /// # Errors
    /// As for [`Model::attributions`], or the tokenizer refuses the text.
    pub fn words(&self, reader: &TextReader, normalised: &str) -> Result<Vec<Word>, Failure> {
        let located = reader.located(normalised)?;
        let added: Vec<bool> = located.places.iter().map(Option::is_none).collect();
        let found = self.attributions(&located.ids, &added)?;
        let tokens = located.places.into_iter().zip(found.tokens);
        Ok(words_of(normalised, tokens))
    }

    /// The same of many texts, on all cores.
    ///
    /// # Errors
    /// As for [`Model::words`].
    pub fn words_of_texts<T: AsRef<str> + Sync>(
        &self,
        reader: &TextReader,
        normalised: &[T],
        device: &ChosenDevice,
    ) -> Result<Vec<Vec<Word>>, Failure> {
        let bundle = match self {
            Self::Network(bundle) | Self::Probe(bundle) => bundle,
            Self::Linear(_, model) => {
                let words = |text: &T| {
                    let located = reader.located(text.as_ref())?;
                    let tokens = located
                        .places
                        .into_iter()
                        .zip(model.contributions(&located.ids));
                    Ok(words_of(text.as_ref(), tokens))
                };
                return normalised.par_iter().map(words).collect();
            }
        };
        let located = normalised
            .par_iter()
            .map(|text| reader.located(text.as_ref()))
            .collect::<Result<Vec<_>, Failure>>()?;
        let added = |places: &[Option<Range<usize>>]| places.iter().map(Option::is_none).collect();
        let (rows, places): (Vec<MarkedRow>, Vec<_>) = located
            .into_iter()
            .map(|located| ((located.ids, added(&located.places)), located.places))
            .unzip();
        let found = attributions_of_rows(bundle, &rows, device.replicas).map_err(failure)?;
        let words = normalised.iter().zip(places).zip(found);
        Ok(words
            .map(|((text, places), found)| {
                words_of(text.as_ref(), places.into_iter().zip(found.tokens))
            })
            .collect())
    }

    /// What it says of each row of a split.
    pub(crate) fn predict(
        &self,
        context: &Context,
        settings: &EvaluationSettings,
        device: &ChosenDevice,
        split: Split,
    ) -> Result<Vec<Answer>, Failure> {
        match self {
            Self::Network(bundle) => predict_tokens(context, settings, bundle, device, split),
            Self::Probe(bundle) => predict_features(context, bundle, split),
            Self::Linear(_, model) => predict_ngrams(context, model, split),
        }
        .map_err(failure)
    }
}

/// What a linear model says of the tokens.
fn predict_ngrams(
    context: &Context,
    model: &NgramModel,
    split: Split,
) -> Result<Vec<Answer>, ClassifierError> {
    let rows = TokenRows::open(context.input(StageName::Tokenize), split)?;
    let predict = |row| Answer {
        row_id: rows.row_id(row),
        label: rows.label(row),
        difference: model.difference(&rows.ids(row)),
    };
    Ok((0..rows.len()).into_par_iter().map(predict).collect())
}

/// The logits of rows, asked on all cores.
fn logits(
    bundle: &Bundle,
    rows: &TokenRows,
    device: &ChosenDevice,
    batch_size: u32,
    on_rows: &(impl Fn(u64) + Sync),
) -> Result<Logits, ClassifierError> {
    let mut replicas: Vec<Replica> = (0..device.replicas)
        .map(|_| Replica::new(&bundle.network, &bundle.weights, false, Kind::Float))
        .collect();
    let classes = bundle.model.labels.len();
    let shape = (batch_size as usize, bundle.model.tokenizer.pad_id, classes);
    let progress = |rows| {
        on_rows(rows);
        ControlFlow::Continue(())
    };
    logits_of(
        &bundle.network,
        &mut replicas,
        rows,
        shape,
        device.device,
        &progress,
    )
}

/// How far the positive class is ahead on each row, for a probe: from features that are computed as
/// those were that it was fitted to, in their number format.
fn probe_differences(
    bundle: &Bundle,
    rows: &TokenRows,
    device: &ChosenDevice,
    batch_size: u32,
) -> Result<Vec<f64>, ClassifierError> {
    let features = bundle.model.features.as_ref();
    let kind = features.map_or(Kind::Float, |features| device.kind_of(features.precision).0);
    let mut replicas: Vec<Replica> = (0..device.replicas)
        .map(|_| Replica::new(&bundle.network, &bundle.weights, false, kind))
        .collect();
    let asked = Asked {
        network: &bundle.network,
        rows,
        pad_id: bundle.model.tokenizer.pad_id,
        device: device.device,
    };
    let batches = sorted_batches(rows, batch_size as usize);
    let progress = |_| ControlFlow::Continue(());
    let states = states_of(&asked, &mut replicas, &batches, 0..rows.len(), &progress)?;
    let states = Tensor::from_slice(&states).view([rows.len() as i64, -1]);
    bundle.differences_of_states(&states)
}

/// What a network says of the tokens.
fn predict_tokens(
    context: &Context,
    settings: &EvaluationSettings,
    bundle: &Bundle,
    device: &ChosenDevice,
    split: Split,
) -> Result<Vec<Answer>, ClassifierError> {
    let rows = TokenRows::open(context.input(StageName::Tokenize), split)?;
    let task = context.progress().task(
        &format!("predicting {split}"),
        Some(rows.len() as u64),
        "reviews",
    );
    let logits = logits(bundle, &rows, device, settings.batch_size, &|rows| {
        task.advance(rows);
    })?;
    let predict = |(row, difference)| Answer {
        row_id: rows.row_id(row),
        label: rows.label(row),
        difference,
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
) -> Result<Vec<Answer>, ClassifierError> {
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
    let differences = bundle.differences_of(&rows)?;
    let reviews = rows.row_ids.into_iter().zip(rows.labels);
    Ok(reviews
        .zip(differences)
        .map(|((row_id, label), difference)| Answer {
            row_id,
            label,
            difference,
        })
        .collect())
}
