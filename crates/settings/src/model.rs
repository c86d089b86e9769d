//! `[model.NAME]`: a network or a linear model, and how it is trained.

use serde::{Deserialize, Serialize};

use crate::{RangeTestSettings, RungSettings, TrainingSettings, WindowSettings};

/// `[model.NAME]`, with the training settings that hold for it. Vocabulary size, width and number
/// of classes are not here: they follow from the artifacts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSettings {
    /// Which network.
    pub kind: ModelKind,
    /// The embedding it reads; none for a linear model.
    #[serde(skip_serializing, default)]
    pub embedding: String,
    /// The tokenizer whose tokens a linear model reads; for the others it only asks for a check, because their
    /// tokenizer follows from the embedding.
    #[serde(skip_serializing, default)]
    pub tokenizer: String,
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
    /// The sweep whose best trial it is, where it is that.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sweep: Option<String>,
    /// How far it is trained and against whom, where it is a trial of a sweep that stops the worst early.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rung: Option<RungSettings>,
    /// How its learning rate rises, where it is trained for nothing but to see how the loss takes that.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub range_test: Option<RangeTestSettings>,
    /// The sequences of words that a linear model knows.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ngrams: Option<NgramSettings>,
    /// Training reviews it learns from, drawn at random; 0 is all. For learning curves.
    #[serde(skip_serializing_if = "is_default", default)]
    pub reviews: u32,
    /// Whether the training labels are dealt out anew at random: a control, which must land at chance.
    #[serde(skip_serializing_if = "is_default", default)]
    pub shuffled_labels: bool,
    /// What the rate of each layer of an encoder is multiplied by for every layer above it, 0 to 1
    /// (Howard and Ruder 2018).
    pub layer_decay: f64,
    /// What makes its probabilities honest, fitted on validation.
    #[serde(skip_serializing_if = "is_default", default)]
    pub calibration: CalibrationKind,
    /// Seed of the initial weights, the order and the dropout.
    pub seed: u64,
    /// How it is trained.
    pub training: TrainingSettings,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// `[model.NAME.ngrams]`: the sequences of words that a linear model knows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NgramSettings {
    /// Tokens in the longest: up to 3 of two million words, 4 of 32,000, 5 of 4,000.
    pub longest: u32,
    /// Training reviews that must have one for it to count.
    pub min_count: u32,
    /// Added to every count before log-count ratios are taken (Wang and Manning 2012).
    pub smoothing: f64,
}

impl Default for NgramSettings {
    fn default() -> Self {
        Self {
            longest: 3,
            min_count: 2,
            smoothing: 1.0,
        }
    }
}

impl ModelSettings {
    /// The defaults of a kind, for a model that reads nothing yet.
    ///
    /// # Panics
    /// Never: a kind alone is a valid table.
    pub fn new(kind: ModelKind) -> Self {
        let kind = toml::Value::try_from(kind).expect("a kind is a word");
        let table = toml::Table::from_iter([("kind".to_owned(), kind)]);
        let table: ModelTable = table.try_into().expect("all but the kind has a default");
        table.resolve(TrainingSettings::default(), 0)
    }
}

/// `[model.NAME]` as written: everything but the kind has a default.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelTable {
    pub(crate) kind: ModelKind,
    #[serde(default)]
    pub(crate) embedding: String,
    #[serde(default)]
    pub(crate) tokenizer: String,
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
    pub(crate) sweep: Option<String>,
    ngrams: Option<NgramSettings>,
    #[serde(default)]
    reviews: u32,
    #[serde(default)]
    shuffled_labels: bool,
    #[serde(default)]
    calibration: CalibrationKind,
    seed: Option<u64>,
    /// How often it is trained, each time with a seed of its own, and judged: the spread that chance
    /// makes. The first is the model itself.
    #[serde(default = "one")]
    pub(crate) seeds: u32,
    /// Added to the seed: what tells the trials of a sweep that have the same settings.
    #[serde(skip)]
    pub(crate) seed_offset: u64,
    #[serde(default)]
    pub(crate) training: toml::Table,
}

fn one() -> u32 {
    1
}

impl ModelTable {
    pub(crate) fn resolve(self, mut training: TrainingSettings, seed: u64) -> ModelSettings {
        // A pretrained encoder knows its words already, and much dropout only makes it forget them.
        let pretrained = self.kind == ModelKind::Transformer;
        // Few reviews are matrices too small for a recurrent net, and large enough for an encoder.
        let shard_size = if pretrained { 8 } else { 16 };
        training.shard_size.get_or_insert(shard_size);
        ModelSettings {
            kind: self.kind,
            embedding: self.embedding,
            tokenizer: self.tokenizer,
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
            sweep: self.sweep,
            rung: None,
            range_test: None,
            ngrams: match self.kind {
                ModelKind::Linear => Some(self.ngrams.unwrap_or_default()),
                _ => self.ngrams,
            },
            reviews: self.reviews,
            shuffled_labels: self.shuffled_labels,
            calibration: self.calibration,
            layer_decay: self.layer_decay.unwrap_or(1.0),
            seed: self.seed.unwrap_or(seed).wrapping_add(self.seed_offset),
            training: if self.kind.takes_steps() {
                training
            } else {
                TrainingSettings::default()
            },
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
    /// Logistic regression on the log-count ratios of word n-grams (Wang and Manning 2012).
    Linear,
    /// The trial of a sweep that does best on validation, whatever it is.
    Winner,
}

impl ModelKind {
    /// Whether it reads token after token.
    pub fn is_recurrent(self) -> bool {
        matches!(self, Self::Rnn | Self::Lstm | Self::Gru)
    }

    /// Whether it is trained step by step, as `[training]` says; the others are fitted to their
    /// minimum.
    pub fn takes_steps(self) -> bool {
        !matches!(self, Self::Probe | Self::Linear | Self::Winner)
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

/// What makes probabilities honest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CalibrationKind {
    /// One number by which logits are divided; changes no decision (Guo et al. 2017).
    #[default]
    Temperature,
    /// A rising step function: follows any bend, and wants a thousand validation reviews or more
    /// (Zadrozny and Elkan 2002).
    Isotonic,
}
