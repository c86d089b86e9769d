//! `[model.NAME]`: a network and how it is trained.

use serde::{Deserialize, Serialize};

use crate::{TrainingSettings, WindowSettings};

/// `[model.NAME]`, with the training settings that hold for it. Vocabulary size, width and number
/// of classes are not here: they follow from the artifacts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSettings {
    /// Which network.
    pub kind: ModelKind,
    /// The embedding it reads.
    #[serde(skip_serializing, default)]
    pub embedding: String,
    /// States per direction (recurrent nets) or hidden units (naive, cnn: of the head).
    pub hidden: u32,
    /// Recurrent layers, or hidden layers of the naive net.
    pub layers: u32,
    /// Whether a recurrent net also reads from the end.
    pub bidirectional: bool,
    /// How a recurrent net's states become one vector; never reads padding.
    pub pooling: Pooling,
    /// Share of the pooled vector dropped while training, 0 to 1.
    pub dropout: f64,
    /// Share of each token vector's components dropped while training, 0 to 1.
    pub embedding_dropout: f64,
    /// Share of tokens dropped whole while training, 0 to 1 (Iyyer et al. 2015).
    pub word_dropout: f64,
    /// Whether the embedding is learned further.
    pub train_embedding: bool,
    /// Feature maps per kernel width of the cnn.
    pub filters: u32,
    /// Kernel widths of the cnn, in tokens.
    pub kernel_widths: Vec<u32>,
    /// Layers of an encoder, counted from its embedding, that stay as they were pretrained.
    pub frozen_layers: u32,
    /// How an encoder reads a review that is longer than it can; it is cut where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub windows: Option<WindowSettings>,
    /// What the rate of each layer of an encoder is multiplied by for every layer above it, 0 to 1
    /// (Howard and Ruder 2018).
    pub layer_decay: f64,
    /// Seed of the initial weights, the order and the dropout.
    pub seed: u64,
    /// How it is trained.
    pub training: TrainingSettings,
}

/// `[model.NAME]` as written: everything but the kind has a default.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelTable {
    pub(crate) kind: ModelKind,
    pub(crate) embedding: String,
    /// Only asks for a check: the tokenizer follows from the embedding.
    pub(crate) tokenizer: Option<String>,
    hidden: Option<u32>,
    layers: Option<u32>,
    bidirectional: Option<bool>,
    pooling: Option<Pooling>,
    dropout: Option<f64>,
    embedding_dropout: Option<f64>,
    word_dropout: Option<f64>,
    train_embedding: Option<bool>,
    filters: Option<u32>,
    kernel_widths: Option<Vec<u32>>,
    frozen_layers: Option<u32>,
    windows: Option<WindowSettings>,
    layer_decay: Option<f64>,
    seed: Option<u64>,
    #[serde(default)]
    pub(crate) training: toml::Table,
}

impl ModelTable {
    pub(crate) fn resolve(self, training: TrainingSettings, seed: u64) -> ModelSettings {
        // A pretrained encoder knows its words already, and much dropout only makes it forget them.
        let pretrained = self.kind == ModelKind::Transformer;
        ModelSettings {
            kind: self.kind,
            embedding: self.embedding,
            hidden: self.hidden.unwrap_or(128),
            layers: self.layers.unwrap_or(1),
            bidirectional: self.bidirectional.unwrap_or(false),
            pooling: self.pooling.unwrap_or(Pooling::Last),
            dropout: self.dropout.unwrap_or(if pretrained { 0.1 } else { 0.5 }),
            embedding_dropout: self
                .embedding_dropout
                .unwrap_or(if pretrained { 0.1 } else { 0.2 }),
            word_dropout: self.word_dropout.unwrap_or(0.0),
            train_embedding: self.train_embedding.unwrap_or(true),
            filters: self.filters.unwrap_or(100),
            kernel_widths: self.kernel_widths.unwrap_or_else(|| vec![3, 4, 5]),
            frozen_layers: self.frozen_layers.unwrap_or(0),
            windows: self.windows,
            layer_decay: self.layer_decay.unwrap_or(1.0),
            seed: self.seed.unwrap_or(seed),
            training,
        }
    }
}

/// The networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// Mean of the token vectors, then a multilayer perceptron (the deep averaging network of
    /// Iyyer et al. 2015).
    Naive,
    /// Elman's recurrent net (1990).
    Rnn,
    /// Long short-term memory (Hochreiter and Schmidhuber 1997).
    Lstm,
    /// Gated recurrent unit (Cho et al. 2014).
    Gru,
    /// Convolutions over the token vectors, maximum over time (Kim 2014).
    Cnn,
    /// A pretrained transformer encoder, trained further, with the classification head of its family
    /// (Devlin et al. 2019).
    Transformer,
    /// Logistic regression on the features of an encoder that stays as it is: a linear probe
    /// (Alain and Bengio 2016).
    Probe,
}

impl ModelKind {
    /// Whether it reads token after token.
    pub fn is_recurrent(self) -> bool {
        matches!(self, Self::Rnn | Self::Lstm | Self::Gru)
    }
}

/// How the states of a recurrent net become one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The state after the last real token (and, reading backwards, after the first).
    Last,
    /// The mean over real tokens.
    Mean,
    /// The maximum over real tokens.
    Max,
    /// A learned weighted mean over real tokens (Yang et al. 2016).
    Attention,
}
