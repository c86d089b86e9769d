//! `[model.NAME]`: a network or a linear model, and how it is trained.

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::defaults::{number, percent};
use crate::{RangeTestSettings, RungSettings, TrainingSettings, WindowSettings};

/// `[model.NAME]`, with the training settings that hold for it. Vocabulary size, width and number
/// of classes are not here: they follow from the artifacts. All but the kind has a default.
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
    #[serde(default = "number::<128>")]
    pub hidden: u32,
    /// Recurrent layers, or hidden layers of the naive net.
    #[serde(default = "number::<1>")]
    pub layers: u32,
    /// Whether a recurrent net also reads from the end.
    #[serde(default)]
    pub bidirectional: bool,
    /// How a recurrent net's states become one vector; never reads padding.
    #[serde(default)]
    pub pooling: Pooling,
    /// Share of the pooled vector dropped while training, 0 to 1.
    #[serde(default = "percent::<50>")]
    pub dropout: f64,
    /// Share of each token vector's components dropped while training, 0 to 1.
    #[serde(default = "percent::<20>")]
    pub embedding_dropout: f64,
    /// Share of tokens dropped whole while training, 0 to 1 (Iyyer et al. 2015).
    #[serde(default)]
    pub word_dropout: f64,
    /// Whether the embedding is learned further.
    #[serde(default = "yes")]
    pub train_embedding: bool,
    /// Feature maps per kernel width of the cnn.
    #[serde(default = "number::<100>")]
    pub filters: u32,
    /// Kernel widths of the cnn, in tokens.
    #[serde(default = "three_to_five")]
    pub kernel_widths: Vec<u32>,
    /// Layers of an encoder, counted from its embedding, that stay as they were pretrained.
    #[serde(default)]
    pub frozen_layers: u32,
    /// How an encoder reads a review that is longer than it can; it is cut where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub windows: Option<WindowSettings>,
    /// The sweep whose best trial it is, where it is that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sweep: Option<String>,
    /// How far it is trained and against whom, where it is a trial of a sweep that stops the worst early.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rung: Option<RungSettings>,
    /// How its learning rate rises, where it is trained for nothing but to see how the loss takes that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range_test: Option<RangeTestSettings>,
    /// The sequences of words that a linear model knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ngrams: Option<NgramSettings>,
    /// Training reviews it learns from, drawn at random; 0 is all. For learning curves.
    #[serde(skip_serializing_if = "is_default", default)]
    pub reviews: u32,
    /// Whether the training labels are dealt out anew at random: a control, which must land at chance.
    #[serde(skip_serializing_if = "is_default", default)]
    pub shuffled_labels: bool,
    /// What the rate of each layer of an encoder is multiplied by for every layer above it, 0 to 1
    /// (Howard and Ruder 2018).
    #[serde(default = "percent::<100>")]
    pub layer_decay: f64,
    /// What makes its probabilities honest, fitted on validation.
    #[serde(skip_serializing_if = "is_default", default)]
    pub calibration: CalibrationKind,
    /// Seed of the initial weights, the order and the dropout; the pipeline's where none is given.
    #[serde(default)]
    pub seed: u64,
    /// How often it is trained, each time with a seed of its own, and judged: the spread that chance
    /// makes. The first is the model itself.
    #[serde(skip_serializing, default = "number::<1>")]
    pub seeds: u32,
    /// How it is trained.
    #[serde(default)]
    pub training: TrainingSettings,
}

fn yes() -> bool {
    true
}

fn three_to_five() -> Vec<u32> {
    vec![3, 4, 5]
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
        let kind = Value::try_from(kind).expect("a kind is a word");
        let written = Table::from_iter([("kind".to_owned(), kind)]);
        Self::of_table(&written, &TrainingSettings::default(), 0)
            .expect("all but the kind has a default")
    }

    /// A model as its table is written, with what the pipeline says for all of them.
    pub(crate) fn of_table(
        written: &Table,
        shared: &TrainingSettings,
        seed: u64,
    ) -> Result<Self, toml::de::Error> {
        let mut model: Self = written.clone().try_into()?;
        let is_open = |setting: &str| !written.contains_key(setting);
        let pretrained = model.kind == ModelKind::Transformer;
        // A pretrained encoder knows its words already, and much dropout only makes it forget them.
        if pretrained && is_open("dropout") {
            model.dropout = 0.1;
        }
        if pretrained && is_open("embedding_dropout") {
            model.embedding_dropout = 0.1;
        }
        if model.kind == ModelKind::Linear {
            model.ngrams.get_or_insert_default();
        }
        if is_open("seed") {
            model.seed = seed;
        }
        if model.kind.trains_in_epochs() {
            let mut training = Table::try_from(shared).expect("training settings are plain data");
            let own = written.get("training").and_then(Value::as_table);
            training.extend(own.cloned().unwrap_or_default());
            model.training = training.try_into()?;
            // Few reviews are matrices too small for a recurrent net, and large enough for an encoder.
            let shard_size = if pretrained { 8 } else { 16 };
            model.training.shard_size.get_or_insert(shard_size);
        }
        Ok(model)
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
    #[serde(rename = "best_of_sweep")]
    BestOfSweep,
}

impl ModelKind {
    /// Whether it reads token after token.
    pub fn is_recurrent(self) -> bool {
        matches!(self, Self::Rnn | Self::Lstm | Self::Gru)
    }

    /// Whether it is trained step by step, as `[training]` says; the others are fitted to their
    /// minimum.
    pub fn trains_in_epochs(self) -> bool {
        !matches!(self, Self::Probe | Self::Linear | Self::BestOfSweep)
    }
}

/// How the states of a recurrent net become one vector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The state after the last real token (and, reading backwards, after the first).
    #[default]
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
