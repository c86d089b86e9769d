//! The evaluated model (a network or a linear model), and its predictions for a split.

use artifact::files::Prediction;
use artifact::{Split, StageName};
use bundle::{ModelFile, Scorer, open_linear};
use classifier::{
    BatchSize, ChosenDevice, ClassifierError, FeatureRows, IdRows, NetworkScorer, TokenContract,
    TokenRows,
};
use linear::NgramModel;
use rayon::prelude::*;
use settings::{EvaluationSettings, ModelKind};
use stage::Context;

use crate::Result;

/// The prediction for one review.
pub(crate) struct ReviewPrediction {
    /// The calibrated prediction.
    pub(crate) prediction: Prediction,
    /// The probability before calibration.
    pub(crate) uncalibrated: f32,
}

/// An evaluated model.
#[derive(Debug)]
pub(crate) enum Model {
    /// A network over tokens, or a linear probe.
    Network(Box<NetworkScorer>),
    /// A linear model over word n-grams.
    Linear(Box<ModelFile>, NgramModel),
}

impl Model {
    /// Loads the bundle, verifies its files, and checks that its tokenizer produced the tokens.
    pub(crate) fn load(
        context: &Context,
        settings: &EvaluationSettings,
        device: &ChosenDevice,
    ) -> Result<Self> {
        let artifact = context.input(StageName::Train);
        artifact.verify()?;
        let folder = artifact.folder();
        let description = ModelFile::load(folder)?;
        let tokens = TokenContract::of(context.input(StageName::Tokenize))?;
        let (needed, found) = (description.tokenizer.fingerprint, tokens.tokenizer);
        if needed != found {
            let reason =
                format!("the model needs the tokenizer {needed}, and the tokens come from {found}");
            return Err(ClassifierError::mismatch("model", "tokens")(reason).into());
        }
        if description.architecture.kind == ModelKind::Linear {
            return Ok(Self::Linear(Box::new(description), open_linear(folder)?));
        }
        let batches = BatchSize::Fixed(settings.batch_size);
        let network = NetworkScorer::load(folder, device.clone(), batches)?;
        Ok(Self::Network(Box::new(network)))
    }

    /// The content of its `model.json`.
    pub(crate) fn description(&self) -> &ModelFile {
        match self {
            Self::Network(network) => &network.bundle.model,
            Self::Linear(description, _) => description,
        }
    }

    /// The scorer for texts that are not in a split.
    pub(crate) fn scorer(&self) -> &dyn Scorer {
        match self {
            Self::Network(network) => network.as_ref(),
            Self::Linear(_, model) => model,
        }
    }

    /// Predicts each row of a split.
    pub(crate) fn predict(&self, context: &Context, split: Split) -> Result<Vec<ReviewPrediction>> {
        let (reviews, differences) = match self {
            Self::Network(network) if network.is_probe() => {
                let rows = features(context, network, split)?;
                let differences = network.score_features(&rows)?;
                let reviews = rows.row_ids.into_iter().zip(rows.labels).collect();
                (reviews, differences)
            }
            Self::Network(network) => {
                let rows = TokenRows::open(context.input(StageName::Tokenize), split)?;
                let name = format!("predicting {split}");
                let progress = context.progress();
                let task = progress.task(&name, Some(rows.len() as u64), "reviews");
                let logits = network.logits(&rows, &|rows| task.advance(rows))?;
                (reviews(&rows), logits.scores())
            }
            Self::Linear(_, model) => {
                let rows = TokenRows::open(context.input(StageName::Tokenize), split)?;
                let difference = |row| model.score(&rows.ids(row));
                let all = (0..rows.len()).into_par_iter();
                (reviews(&rows), all.map(difference).collect())
            }
        };
        self.print_notes(context);
        let calibration = &self.description().calibration;
        let answer = |((row_id, label), difference): (_, f64)| ReviewPrediction {
            prediction: Prediction {
                row_id,
                split,
                label,
                probability: calibration.probability(difference) as f32,
            },
            uncalibrated: (1.0 / (1.0 + (-difference).exp())) as f32,
        };
        Ok(reviews.into_iter().zip(differences).map(answer).collect())
    }

    /// Prints the notes of the scorer.
    pub(crate) fn print_notes(&self, context: &Context) {
        for note in self.scorer().take_notes() {
            context.progress().note(&note);
        }
    }
}

/// The id and the label of each row.
fn reviews(rows: &TokenRows) -> Vec<(u64, u8)> {
    let all = 0..rows.len();
    all.map(|row| (rows.row_id(row), rows.label(row))).collect()
}

/// The features of the reviews, which the embed stage computed with the encoder of the probe.
fn features(
    context: &Context,
    network: &NetworkScorer,
    split: Split,
) -> Result<FeatureRows, ClassifierError> {
    let tokens = TokenContract::of(context.input(StageName::Tokenize))?;
    let features = context.input(StageName::Embed);
    if Some(features.identity()) != network.bundle.model.provenance.embedding {
        let reason = "the model was trained on other features".to_owned();
        return Err(ClassifierError::mismatch("model", "features")(reason));
    }
    let open = || FeatureRows::open(features, &tokens, split);
    ClassifierError::catch("read the features", open)
}
