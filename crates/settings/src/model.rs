//! `[model.NAME]`: the kind of a model, its hyperparameters and its training.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::defaults::{number, percent};
use crate::mismatch::{Mismatch, read};
use crate::{RangeTestSettings, RungSettings, TrainingSettings, WindowSettings};

/// A model and its hyperparameters. Vocabulary size, width of the vectors and number of classes are not
/// settings: they follow from the artifacts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelSettings {
    /// Kind of model.
    pub kind: ModelKind,
    /// Name of the embedding that the model reads. Required except for `linear` and `best_of_sweep`.
    #[serde(skip_serializing, default)]
    #[schemars(extend("default" = null))]
    pub embedding: String,
    /// Name of the tokenizer. Required for `linear`. Other models use the tokenizer of their embedding; if the
    /// setting is given, it must name the same one.
    #[serde(skip_serializing, default)]
    #[schemars(extend("default" = null))]
    pub tokenizer: String,
    /// Size of the hidden state per direction (`rnn`, `lstm`, `gru`), or hidden units (`naive`, `cnn`).
    #[serde(default = "number::<128>")]
    pub hidden: u32,
    /// Number of recurrent layers (`rnn`, `lstm`, `gru`) or hidden layers (`naive`).
    #[serde(default = "number::<1>")]
    pub layers: u32,
    /// A recurrent network reads every review in both directions.
    #[serde(default)]
    pub bidirectional: bool,
    /// How the states of a recurrent network become one vector. Padding is ignored.
    #[serde(default)]
    pub pooling: Pooling,
    /// Dropout rate of the pooled vector, 0 to 0.95. For `transformer` the default is 0.1.
    #[serde(default = "percent::<50>")]
    pub dropout: f64,
    /// Dropout rate of the components of token vectors, 0 to 0.95. For `transformer` the default is 0.1.
    #[serde(default = "percent::<20>")]
    pub embedding_dropout: f64,
    /// Dropout rate of whole tokens, 0 to 0.95 (Iyyer et al. 2015).
    #[serde(default)]
    pub word_dropout: f64,
    /// Trains the embedding together with the model; `false` keeps its vectors fixed.
    #[serde(default = "yes")]
    pub train_embedding: bool,
    /// Number of filters per kernel width of a `cnn`.
    #[serde(default = "number::<100>")]
    pub filters: u32,
    /// Kernel widths of a `cnn`, in tokens.
    #[serde(default = "three_to_five")]
    pub kernel_widths: Vec<u32>,
    /// Number of encoder layers that are not trained, counted from the embedding layer.
    #[serde(default)]
    pub frozen_layers: u32,
    /// Windows over reviews that are longer than the encoder allows. Without this table such reviews are
    /// truncated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub windows: Option<WindowSettings>,
    /// Name of the sweep. Required for `best_of_sweep`, which allows no other settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sweep: Option<String>,
    /// The rung of successive halving that this training is. Set by sweeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub rung: Option<RungSettings>,
    /// The range test that this training is. Set by `[range_test.NAME]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub range_test: Option<RangeTestSettings>,
    /// Word n-grams of a `linear` model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ngrams: Option<NgramSettings>,
    /// Number of training reviews, drawn at random; 0 uses all. For learning curves.
    #[serde(skip_serializing_if = "is_default", default)]
    #[schemars(extend("default" = 0))]
    pub reviews: u32,
    /// Shuffles the training labels. A control experiment: the accuracy must then be that of guessing.
    #[serde(skip_serializing_if = "is_default", default)]
    #[schemars(extend("default" = false))]
    pub shuffled_labels: bool,
    /// Layer-wise learning-rate decay of an encoder, 0.01 to 1: each layer's rate is that of the layer above it
    /// times this factor (Howard and Ruder 2018).
    #[serde(default = "percent::<100>")]
    pub layer_decay: f64,
    /// Calibration of the probabilities, fitted on validation.
    #[serde(skip_serializing_if = "is_default", default)]
    #[schemars(extend("default" = CalibrationKind::default()))]
    pub calibration: CalibrationKind,
    /// Seed of the initial weights, the order of reviews and dropout. Default: `pipeline.seed`.
    #[serde(default)]
    #[schemars(extend("default" = null))]
    pub seed: u64,
    /// Number of trainings with different seeds, 1 to 100. All are evaluated, and the report shows how much the
    /// results vary. For models trained in epochs.
    #[serde(skip_serializing, default = "number::<1>")]
    #[schemars(extend("default" = 1))]
    pub seeds: u32,
    /// Training settings that override `[training]`.
    #[serde(default)]
    pub training: TrainingSettings,
}

fn yes() -> bool {
    true
}

fn three_to_five() -> Vec<u32> {
    vec![3, 4, 5]
}

pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Word n-grams of a linear model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NgramSettings {
    /// Maximum length of an n-gram in tokens, 1 to 6. The vocabulary limits it: 3 with up to two million words, 4
    /// with up to 32,000, 5 with up to 4,000.
    pub longest: u32,
    /// Minimum number of training reviews that contain the n-gram. Rarer n-grams are ignored.
    pub min_count: u32,
    /// Smoothing of the log-count ratios: this number is added to every count, 0.001 to 1,000 (Wang and Manning
    /// 2012).
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
    /// The default settings of a kind, without an embedding or tokenizer.
    ///
    /// # Panics
    /// Never: all settings but the kind have defaults.
    pub fn new(kind: ModelKind) -> Self {
        let kind = Value::try_from(kind).expect("a kind is a text");
        let written = Table::from_iter([("kind".to_owned(), kind)]);
        Self::from_table(&written, "", &TrainingSettings::default(), 0)
            .expect("all settings but the kind have defaults")
    }

    /// A model from its table, with defaults from `[training]` and `pipeline.seed`.
    pub(crate) fn from_table(
        written: &Table,
        name: &str,
        shared: &TrainingSettings,
        seed: u64,
    ) -> Result<Self, Mismatch> {
        let mut model: Self = read(written.clone().into(), &["model", name])?;
        let is_absent = |setting: &str| !written.contains_key(setting);
        let is_encoder = model.kind == ModelKind::Transformer;
        // Fine-tuning a pretrained encoder needs less dropout than training from scratch.
        if is_encoder && is_absent("dropout") {
            model.dropout = 0.1;
        }
        if is_encoder && is_absent("embedding_dropout") {
            model.embedding_dropout = 0.1;
        }
        if model.kind == ModelKind::Linear {
            model.ngrams.get_or_insert_default();
        }
        if is_absent("seed") {
            model.seed = seed;
        }
        if model.kind.trains_in_epochs() {
            let mut training = Table::try_from(shared).expect("training settings are plain data");
            let own = written.get("training").and_then(Value::as_table);
            training.extend(own.cloned().unwrap_or_default());
            model.training = read(training.into(), &["model", name, "training"])?;
            // Small shards are too small for the matrix products of a recurrent network, not for an encoder's.
            let shard_size = if is_encoder { 8 } else { 16 };
            model.training.shard_size.get_or_insert(shard_size);
        }
        Ok(model)
    }
}

/// Kind of model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// Deep averaging network: the mean of the token vectors, then hidden layers (Iyyer et al. 2015).
    Naive,
    /// Recurrent neural network (Elman 1990).
    Rnn,
    /// Long short-term memory (Hochreiter and Schmidhuber 1997).
    Lstm,
    /// Gated recurrent unit (Cho et al. 2014).
    Gru,
    /// Convolutional network with maximum over time (Kim 2014).
    Cnn,
    /// Fine-tuned transformer encoder with a classification head (Devlin et al. 2019).
    Transformer,
    /// Linear probe: logistic regression on the features of a frozen encoder (Alain and Bengio 2016).
    Probe,
    /// Logistic regression on the log-count ratios of word n-grams (Wang and Manning 2012).
    Linear,
    /// The best trial of a sweep: the one with the lowest validation loss.
    #[serde(rename = "best_of_sweep")]
    BestOfSweep,
}

impl ModelKind {
    /// Whether it is a recurrent network.
    pub fn is_recurrent(self) -> bool {
        matches!(self, Self::Rnn | Self::Lstm | Self::Gru)
    }

    /// Whether models of this kind use a setting of `[model.NAME]`, given by its dotted name.
    pub fn uses(self, setting: &str) -> bool {
        match setting.split('.').next().unwrap_or_default() {
            "kind" | "sweep" => true,
            _ if self == Self::BestOfSweep => false,
            "hidden" => self.is_recurrent() || matches!(self, Self::Naive | Self::Cnn),
            "layers" => self.is_recurrent() || self == Self::Naive,
            "bidirectional" | "pooling" => self.is_recurrent(),
            "filters" | "kernel_widths" => self == Self::Cnn,
            "frozen_layers" | "layer_decay" => self == Self::Transformer,
            "dropout" | "embedding_dropout" | "word_dropout" | "train_embedding" | "training" => {
                self.trains_in_epochs()
            }
            _ => true,
        }
    }

    /// Whether it is trained in epochs with the settings of `[training]`. Other models are fitted to the minimum
    /// of their loss.
    pub fn trains_in_epochs(self) -> bool {
        !matches!(self, Self::Probe | Self::Linear | Self::BestOfSweep)
    }
}

/// How the states of a recurrent network become one vector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The state after the last token; in the backward direction, after the first.
    #[default]
    Last,
    /// The mean over all tokens.
    Mean,
    /// The maximum over all tokens.
    Max,
    /// A weighted mean over all tokens with learned weights (Yang et al. 2016).
    Attention,
}

/// Calibration of probabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CalibrationKind {
    /// Temperature scaling: divides the logits by one number; predicted labels stay the same (Guo et al. 2017).
    #[default]
    Temperature,
    /// Isotonic regression: more flexible, but needs at least 1,000 validation reviews (Zadrozny and Elkan
    /// 2002).
    Isotonic,
}
