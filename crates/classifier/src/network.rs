//! The networks: from token vectors to logits.

use std::path::Path;

use bundle::{ModelFile, Sizes};
use settings::{FeaturePooling, FeatureSettings, ModelKind, ModelSettings, WindowSettings};
use tch::{Device, Tensor};

use crate::batch::Direction;
use crate::convolution::Convolution;
use crate::dropout::dropout;
use crate::encoder::{Encoder, EncoderConfig, Loaded};
use crate::features::Features;
use crate::head::Head;
use crate::parameters::{Layout, ParameterId};
use crate::pooling::masked_mean;
use crate::recurrent::Recurrent;
use crate::{Batch, ForwardContext, Reading, Result, Weights};

/// A network's shape: which parameters it has and what it does with them. The numbers themselves
/// are in a flat buffer (see [`Layout`]).
#[derive(Debug)]
pub struct Network {
    layout: Layout,
    /// Name of the embedding matrix in `model.safetensors`, learned or not.
    embedding_name: String,
    body: Body,
    head: Head,
    embedding_dropout: f64,
    windows: Option<WindowSettings>,
    width: i64,
}

#[derive(Debug)]
enum Body {
    Mean,
    Recurrent(Recurrent),
    Convolution(Convolution),
    Encoder(Encoder),
    Features(Features),
}

impl Body {
    /// Components of what it makes of a row of vectors of width `inputs`.
    fn width(&self, inputs: i64) -> i64 {
        match self {
            Self::Mean => inputs,
            Self::Recurrent(recurrent) => recurrent.output_width(),
            Self::Convolution(convolution) => convolution.output_width(),
            Self::Encoder(encoder) => encoder.config().width,
            Self::Features(features) => features.width(),
        }
    }

    fn encoder(&self) -> Option<&Encoder> {
        match self {
            Self::Encoder(encoder) => Some(encoder),
            Self::Features(features) => Some(features.encoder()),
            _ => None,
        }
    }
}

/// A network before its first step.
#[derive(Debug)]
pub struct Untrained {
    /// The network.
    pub network: Network,
    /// The word table `[V, W]`, row after row, for networks that do not learn it.
    pub words: Vec<f32>,
}

impl Untrained {
    /// The first weights on a device.
    pub fn weights(&self, device: Device) -> Weights {
        let words = || Tensor::from_slice(&self.words).view([-1, self.network.width]);
        let is_frozen = self.network.embedding().is_none();
        Weights {
            flat: self.network.initial(device),
            frozen: is_frozen.then(|| words().to_device(device)),
        }
    }

    /// The sizes that it has from its word table, and its classes.
    pub fn sizes(&self) -> Sizes {
        let width = self.network.width as u32;
        Sizes {
            vocabulary_size: (self.words.len() / width as usize) as u32,
            width,
            classes: self.network.classes() as u32,
        }
    }
}

impl Network {
    /// The network of these settings, with initial values drawn from the settings' seed.
    /// `embedding` is `[V, D]` in row-major order: the start of the learned embedding, or what is
    /// looked up for good where the settings do not train it.
    ///
    /// A `transformer` has no such start: see [`Network::pretrained`].
    pub fn new(settings: &ModelSettings, sizes: Sizes, embedding: &[f32]) -> Self {
        let mut layout = Layout::default();
        let width = i64::from(sizes.width);
        let embedding_name = "embedding.weight".to_owned();
        let body = match settings.kind {
            ModelKind::Naive => Body::Mean,
            ModelKind::Cnn => Body::Convolution(Convolution::new(settings, width, &mut layout)),
            ModelKind::Rnn | ModelKind::Lstm | ModelKind::Gru => {
                Body::Recurrent(Recurrent::new(settings, width, &mut layout))
            }
            ModelKind::Transformer
            | ModelKind::Probe
            | ModelKind::Linear
            | ModelKind::BestOfSweep => {
                unreachable!("what has an encoder starts from it, and the others are no network")
            }
        };
        let hidden = match body {
            Body::Mean => settings.layers,
            _ => 0,
        };
        let (inputs, classes) = (body.width(width), i64::from(sizes.classes));
        let head = Head::new(settings, hidden, inputs, classes, &mut layout);
        let shape = [i64::from(sizes.vocabulary_size), width];
        if settings.train_embedding {
            layout.add_word_table(&embedding_name, &shape, embedding);
        }
        Self {
            layout,
            embedding_name,
            body,
            head,
            embedding_dropout: settings.embedding_dropout,
            windows: None,
            width,
        }
    }

    /// A pretrained encoder from its folder, with the classification head of its family.
    ///
    /// # Errors
    /// The folder does not hold what it should: see [`Encoder::load`].
    pub fn pretrained(settings: &ModelSettings, folder: &Path, classes: u32) -> Result<Untrained> {
        let mut layout = Layout::default();
        let loaded = Encoder::load(folder, &mut layout)?;
        Ok(Self::with_encoder(settings, loaded, classes, layout))
    }

    /// The network of a bundle with an encoder of this shape, all zeros.
    pub(crate) fn empty(model: &ModelFile, config: EncoderConfig) -> Self {
        let mut layout = Layout::default();
        let empty = Encoder::empty(config, &mut layout);
        let classes = model.sizes.classes;
        let untrained = match &model.features {
            Some(features) => Self::with_features(features, empty, classes, layout),
            None => Self::with_encoder(&model.architecture, empty, classes, layout),
        };
        untrained.network
    }

    fn with_encoder(
        settings: &ModelSettings,
        loaded: Loaded,
        classes: u32,
        mut layout: Layout,
    ) -> Untrained {
        let Loaded {
            encoder,
            words,
            pooler,
        } = loaded;
        let config = encoder.config();
        let (family, width) = (config.family, config.width);
        layout.begin_level(config.layers as u32 + 1);
        let classes = i64::from(classes);
        let head = Head::of_family(family, settings, width, classes, pooler, &mut layout);
        layout.freeze(settings.frozen_layers);
        let embedding_name = Encoder::word_table_name(family);
        if settings.train_embedding && settings.frozen_layers == 0 {
            let shape = [config.vocabulary_size, width];
            layout.add_word_table(&embedding_name, &shape, &words);
        }
        let network = Self {
            layout,
            embedding_name,
            body: Body::Encoder(encoder),
            head,
            embedding_dropout: settings.embedding_dropout,
            windows: settings.windows,
            width,
        };
        Untrained { network, words }
    }

    /// An encoder from its folder that stays as it is, and the output layer of a probe, all zeros.
    ///
    /// # Errors
    /// The folder does not hold what it should: see [`Encoder::load`].
    pub fn frozen(features: &FeatureSettings, folder: &Path, classes: u32) -> Result<Untrained> {
        let mut layout = Layout::default();
        let loaded = Encoder::load(folder, &mut layout)?;
        Ok(Self::with_features(features, loaded, classes, layout))
    }

    fn with_features(
        features: &FeatureSettings,
        Loaded { encoder, words, .. }: Loaded,
        classes: u32,
        mut layout: Layout,
    ) -> Untrained {
        let (family, width) = (encoder.config().family, encoder.config().width);
        let body = Features::new(encoder, features);
        let head = Head::linear(body.width(), i64::from(classes), &mut layout);
        let network = Self {
            layout,
            embedding_name: Encoder::word_table_name(family),
            body: Body::Features(body),
            head,
            embedding_dropout: 0.0,
            windows: features.windows,
            width,
        };
        Untrained { network, words }
    }

    /// The places of its parameters.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The learned embedding's place, `None` where the embedding is not learned.
    pub fn embedding(&self) -> Option<ParameterId> {
        self.layout.word_table()
    }

    /// What the embedding is called in `model.safetensors`, learned or not.
    pub fn embedding_name(&self) -> &str {
        &self.embedding_name
    }

    /// The shape of its encoder, if it has one.
    pub fn encoder(&self) -> Option<&EncoderConfig> {
        self.body.encoder().map(Encoder::config)
    }

    /// The matrices of its encoder, if it has one.
    pub(crate) fn matrices(&self) -> Vec<ParameterId> {
        self.body.encoder().map_or_else(Vec::new, Encoder::matrices)
    }

    /// How it reads rows.
    pub fn reading(&self) -> Reading {
        let (least_length, direction) = match &self.body {
            Body::Convolution(convolution) => (convolution.least_length(), Direction::Any),
            Body::Recurrent(_) => (1, Direction::Reversed),
            _ => (1, Direction::Any),
        };
        Reading {
            least_length,
            windows: self.windows,
            direction,
        }
    }

    /// Components of what its output layer, or its head, reads of a row.
    pub fn state_width(&self) -> i64 {
        self.body.width(self.width)
    }

    /// Weight and bias of the output layer.
    pub fn output(&self) -> [ParameterId; 2] {
        self.head.output()
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.layout.spec(self.output()[1]).range.len()
    }

    /// Token vectors of a batch from an embedding matrix: `[V, D]` to `[T, B, D]`.
    pub fn look_up(&self, embedding: &Tensor, batch: &Batch) -> Tensor {
        let size = batch.ids.size();
        embedding
            .index_select(0, &batch.ids.view([-1]))
            .view([size[0], size[1], self.width])
    }

    /// Logits `[R, C]` from token vectors `[T, B, D]`.
    pub fn forward(&self, vectors: &Tensor, context: ForwardContext<'_>) -> Tensor {
        let state = self.state(vectors, context);
        self.head.forward(&state, context.parameters, context.mode)
    }

    /// What the head reads, `[R, W]` with W of [`Network::state_width`].
    pub fn state(&self, vectors: &Tensor, context: ForwardContext<'_>) -> Tensor {
        let (drop, batch) = (self.embedding_dropout, context.batch);
        let dropped = || dropout(vectors, drop, context.mode, 1);
        match &self.body {
            Body::Mean => masked_mean(&dropped(), batch),
            Body::Recurrent(body) => body.forward(&dropped(), context),
            Body::Convolution(body) => body.forward(&dropped(), context),
            Body::Encoder(encoder) => {
                let state = encoder.first_state(vectors, context, drop);
                batch.pool_windows(&state, FeaturePooling::Cls)
            }
            Body::Features(features) => features.forward(vectors, context),
        }
    }

    /// The initial parameters as one buffer on a device.
    pub fn initial(&self, device: Device) -> Tensor {
        self.layout.initial(device)
    }
}
