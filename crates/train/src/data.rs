//! The inputs of a training, and the network with its first weights.

use std::path::PathBuf;

use artifact::{Artifact, Contract, Failure, Split, StageName};
use bundle::Sizes;
use classifier::{
    ChosenDevice, ClassifierError, EmbeddingMatrix, IdRows, Network, NewNetwork, TokenContract,
    TokenRows, Weights, choose_device,
};
use settings::{ENCODER_FILES, ModelSettings};
use stage::Context;

use crate::Result;

/// The inputs of a training, checked against each other, and a network for them.
pub(crate) struct TrainingInputs {
    pub(crate) device: ChosenDevice,
    pub(crate) contract: TokenContract,
    pub(crate) train: TokenRows,
    pub(crate) validation: TokenRows,
    pub(crate) network: Network,
    pub(crate) sizes: Sizes,
    /// The folder of the pretrained encoder that the network starts from, inside the store.
    pub(crate) encoder: Option<PathBuf>,
}

impl TrainingInputs {
    /// Chooses and prints the device, opens the tokens and the embedding, and makes the network with its first weights.
    /// Test rows are never opened.
    pub(crate) fn open(context: &Context, settings: &ModelSettings) -> Result<(Self, Weights)> {
        let device = choose_device(context.run())?;
        let progress = context.progress();
        progress.note(&format!("device: {}", device.describe()));
        let tokens = context.input(StageName::Tokenize);
        let contract = TokenContract::of(tokens)?;
        let embedding = context.input(StageName::Embed);
        let classes = contract.classes.len() as u32;
        // The maximum number of tokens that the network reads at once.
        let limit = settings.windows.map(|windows| windows.length);
        let encoder = encoder_folder(embedding, &contract, limit.unwrap_or(contract.max_length))?;
        let start = match &encoder {
            Some(folder) => Network::pretrained(settings, folder, classes)?,
            None => {
                let matrix = EmbeddingMatrix::open(embedding, &contract)?;
                let sizes = Sizes {
                    vocabulary_size: contract.vocabulary_size,
                    width: matrix.width,
                    classes,
                };
                let network = Network::new(settings, sizes, &matrix.values);
                let table = matrix.values;
                NewNetwork { network, table }
            }
        };
        let train = TokenRows::open_training_rows(tokens, settings)?;
        let validation = TokenRows::open(tokens, Split::Validation)?;
        check_rows(context, train.len(), validation.len())?;
        let weights = start.weights(device.device);
        let data = Self {
            device,
            contract,
            train,
            validation,
            sizes: start.sizes(),
            network: start.network,
            encoder,
        };
        Ok((data, weights))
    }
}

/// The folder of the encoder in an embedding artifact; `None` if it has no encoder.
fn encoder_folder(
    embedding: &Artifact,
    tokens: &TokenContract,
    limit: u32,
) -> Result<Option<PathBuf>, ClassifierError> {
    let Contract::Encoder {
        tokenizer, longest, ..
    } = &embedding.manifest().contract
    else {
        return Ok(None);
    };
    tokens.check_tokenizer("encoder", *tokenizer)?;
    if limit > *longest {
        let reason =
            format!("rows have up to {limit} tokens, but the encoder reads at most {longest}");
        return Err(ClassifierError::mismatch("tokens", "encoder")(reason));
    }
    for name in ENCODER_FILES {
        embedding.file(name)?;
    }
    Ok(Some(embedding.folder().to_owned()))
}

/// Fails if there are no training or no validation rows.
pub(crate) fn check_rows(context: &Context, train: usize, validation: usize) -> Result<()> {
    let raise = "Raise `clean.split.validation`, the share of reviews for validation";
    let (split, hint) = match (train, validation) {
        (0, _) => (Split::Train, "Add more labelled reviews"),
        (_, 0) => (Split::Validation, raise),
        _ => return Ok(()),
    };
    let file = context.pipeline_file().display();
    let failure = Failure::new(format!("Failed to train: no reviews in the {split} split"));
    Err(failure.with_hint(format!("{hint}; see `ressenti status --pipeline {file}`")))
}
