//! What a model is trained on: the rows, and what its network starts from.

use std::path::PathBuf;

use artifact::{Artifact, Contract, Split, StageName};
use bundle::Sizes;
use classifier::{
    ChosenDevice, ClassifierError, EmbeddingMatrix, Network, TokenContract, TokenRows, Weights,
};
use settings::{ENCODER_FILES, ModelSettings};
use stage::Context;
use tch::Tensor;

/// The inputs of a training run, checked against each other.
pub(crate) struct Data {
    pub(crate) contract: TokenContract,
    pub(crate) train: TokenRows,
    pub(crate) validation: TokenRows,
    start: Start,
}

/// What the network starts from.
enum Start {
    Vectors(EmbeddingMatrix),
    /// The folder of a pretrained encoder inside the store.
    Encoder(PathBuf),
}

/// A network before its first step.
pub(crate) struct Beginning {
    pub(crate) network: Network,
    pub(crate) weights: Weights,
    pub(crate) sizes: Sizes,
}

impl Data {
    /// Opens the tokens and the embedding. The test rows are never looked at.
    pub(crate) fn open(
        context: &Context,
        settings: &ModelSettings,
    ) -> Result<Self, ClassifierError> {
        let tokens = context.input(StageName::Tokenize);
        let contract = TokenContract::of(tokens)?;
        let longest = settings
            .windows
            .map_or(contract.max_length, |windows| windows.length);
        let start = Start::open(context.input(StageName::Embed), &contract, longest)?;
        let train = TokenRows::to_learn_from(tokens, settings)?;
        let validation = TokenRows::open(tokens, Split::Validation)?;
        Ok(Self {
            contract,
            train,
            validation,
            start,
        })
    }

    /// The folder of the encoder, where the network starts from one.
    pub(crate) fn encoder(&self) -> Option<&PathBuf> {
        match &self.start {
            Start::Encoder(folder) => Some(folder),
            Start::Vectors(_) => None,
        }
    }

    /// The network of these settings with its first weights on a device.
    ///
    /// # Errors
    /// The encoder's files are damaged.
    pub(crate) fn begin(
        &self,
        settings: &ModelSettings,
        device: &ChosenDevice,
    ) -> Result<Beginning, ClassifierError> {
        let classes = self.contract.classes.len() as u32;
        match &self.start {
            Start::Vectors(matrix) => {
                let sizes = Sizes {
                    vocabulary_size: self.contract.vocabulary_size,
                    width: matrix.width,
                    classes,
                };
                let network = Network::new(settings, sizes, &matrix.values);
                let frozen = network.embedding().is_none().then(|| {
                    let table = Tensor::from_slice(&matrix.values);
                    table
                        .view([-1, i64::from(sizes.width)])
                        .to_device(device.device)
                });
                Ok(Beginning {
                    weights: Weights {
                        flat: network.initial(device.device),
                        frozen,
                    },
                    network,
                    sizes,
                })
            }
            Start::Encoder(folder) => {
                let start = Network::pretrained(settings, folder, classes)?;
                Ok(Beginning {
                    weights: start.weights(device.device),
                    sizes: start.sizes(),
                    network: start.network,
                })
            }
        }
    }
}

impl Start {
    /// `given` is the number of tokens that the network is given at a time, at most.
    fn open(
        embedding: &Artifact,
        tokens: &TokenContract,
        given: u32,
    ) -> Result<Self, ClassifierError> {
        let Contract::Encoder {
            tokenizer, longest, ..
        } = &embedding.manifest().contract
        else {
            return Ok(Self::Vectors(EmbeddingMatrix::open(embedding, tokens)?));
        };
        let misfit = |reason: String| ClassifierError::Misfit {
            left: "tokens",
            right: "encoder",
            reason,
        };
        if *tokenizer != tokens.tokenizer {
            return Err(misfit(format!(
                "the tokens come from the tokenizer {} and the encoder was trained with {tokenizer}",
                tokens.tokenizer
            )));
        }
        if given > *longest {
            return Err(misfit(format!(
                "rows have up to {given} tokens and the encoder reads {longest}"
            )));
        }
        for name in ENCODER_FILES {
            embedding.file(name)?;
        }
        Ok(Self::Encoder(embedding.folder().to_owned()))
    }
}
