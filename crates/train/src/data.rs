//! What a network is trained on and what it starts from.

use std::path::PathBuf;

use artifact::{Artifact, Contract, Failure, Split, StageName};
use bundle::Sizes;
use classifier::{
    ChosenDevice, ClassifierError, EmbeddingMatrix, IdRows, Network, TokenContract, TokenRows,
    UntrainedNetwork, Weights, choose_device,
};
use settings::{ENCODER_FILES, ModelSettings};
use stage::Context;

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
    /// Chooses the device, and says which; opens the tokens and the embedding, and makes the network with its
    /// first weights. The test rows are never looked at.
    pub(crate) fn open(
        context: &Context,
        settings: &ModelSettings,
    ) -> Result<(Self, Weights), Failure> {
        let device = choose_device(context.run())?;
        let note = format!("device: {}", device.describe());
        context.progress().note(&note);
        let tokens = context.input(StageName::Tokenize);
        let contract = TokenContract::of(tokens)?;
        let embedding = context.input(StageName::Embed);
        let classes = contract.classes.len() as u32;
        // Tokens that the network is given at a time, at most.
        let given = settings.windows.map(|windows| windows.length);
        let encoder = encoder_folder(embedding, &contract, given.unwrap_or(contract.max_length))?;
        let start = match &encoder {
            Some(folder) => Network::pretrained(settings, folder, classes)?,
            None => {
                let matrix = EmbeddingMatrix::open(embedding, &contract)?;
                let sizes = Sizes {
                    vocabulary_size: contract.vocabulary_size,
                    width: matrix.width,
                    classes,
                };
                UntrainedNetwork {
                    network: Network::new(settings, sizes, &matrix.values),
                    words: matrix.values,
                }
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

/// The folder of the encoder in an embedding, if it holds one.
fn encoder_folder(
    embedding: &Artifact,
    tokens: &TokenContract,
    given: u32,
) -> Result<Option<PathBuf>, ClassifierError> {
    let Contract::Encoder {
        tokenizer, longest, ..
    } = &embedding.manifest().contract
    else {
        return Ok(None);
    };
    tokens.check_tokenizer("encoder", *tokenizer)?;
    if given > *longest {
        let reason = format!("rows have up to {given} tokens and the encoder reads {longest}");
        return Err(ClassifierError::mismatch("tokens", "encoder")(reason));
    }
    for name in ENCODER_FILES {
        embedding.file(name)?;
    }
    Ok(Some(embedding.folder().to_owned()))
}

/// Refuses to train on nothing or to choose by nothing.
pub(crate) fn check_rows(
    context: &Context,
    train: usize,
    validation: usize,
) -> Result<(), Failure> {
    let (split, hint) = if train == 0 {
        (Split::Train, "Bring more labelled reviews")
    } else if validation == 0 {
        let hint = "Raise `clean.split.validation`, the share set aside to choose by";
        (Split::Validation, hint)
    } else {
        return Ok(());
    };
    let file = context.pipeline_file().display();
    let failure = Failure::new(format!("There are no {split} rows to train with"));
    Err(failure.with_hint(format!("{hint}; see `ressenti status --pipeline {file}`")))
}
