//! The networks: from token vectors to logits.

use std::path::Path;

use bundle::{ModelFile, Sizes};
use settings::{FeaturePooling, FeatureSettings, ModelKind, ModelSettings, WindowSettings};
use tch::{Device, Tensor};

use crate::batch::RnnLayout;
use crate::convolution::Convolution;
use crate::dropout::dropout;
use crate::encoder::{Encoder, EncoderConfig, LoadedEncoder};
use crate::features::Features;
use crate::head::Head;
use crate::parameters::{ParameterId, ParameterLayout};
use crate::pooling::masked_mean;
use crate::recurrent::Recurrent;
use crate::{Batch, ForwardContext, InputFormat, Result, Weights};

/// The architecture of a network: its parameters and its operations. The values of the parameters are in a flat buffer
/// (see [`ParameterLayout`]).
#[derive(Debug)]
pub struct Network {
    layout: ParameterLayout,
    /// Name of the word table in `model.safetensors`, learned or not.
    pub(crate) embedding_name: String,
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
    /// Width of the output, for token vectors of width `inputs`.
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
            Self::Features(features) => Some(&features.encoder),
            _ => None,
        }
    }
}

/// A network before its first training step.
#[derive(Debug)]
pub struct NewNetwork {
    /// The network.
    pub network: Network,
    /// The word table `[V, W]` in row-major order.
    pub table: Vec<f32>,
}

impl NewNetwork {
    /// The initial weights on a device.
    pub fn weights(&self, device: Device) -> Weights {
        let words = || Tensor::from_slice(&self.table).view([-1, self.network.width]);
        let is_frozen = self.network.embedding().is_none();
        let flat = self.network.initial(device);
        let frozen = is_frozen.then(|| words().to_device(device));
        Weights { flat, frozen }
    }

    /// The sizes of the word table, and the number of classes.
    pub fn sizes(&self) -> Sizes {
        let width = self.network.width as u32;
        Sizes {
            vocabulary_size: (self.table.len() / width as usize) as u32,
            width,
            classes: self.network.classes() as u32,
        }
    }
}

impl Network {
    /// A network with these settings and initial values from their seed. `embedding` is the word table `[V, D]` in
    /// row-major order: the initial values if it is learned, and its fixed values otherwise.
    ///
    /// For a `transformer` see [`Network::pretrained`].
    pub fn new(settings: &ModelSettings, sizes: Sizes, embedding: &[f32]) -> Self {
        let mut layout = ParameterLayout::default();
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
                unreachable!("encoders are loaded elsewhere, and the other kinds are not networks")
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

    /// Loads a pretrained encoder from its folder, with the classification head of its family.
    ///
    /// # Errors
    /// The folder cannot be used: see [`Encoder::load`].
    pub fn pretrained(settings: &ModelSettings, folder: &Path, classes: u32) -> Result<NewNetwork> {
        let mut layout = ParameterLayout::default();
        let loaded = Encoder::load(folder, &mut layout)?;
        Ok(Self::with_encoder(settings, loaded, classes, layout))
    }

    /// The network of a bundle whose encoder has this configuration, with all values zero.
    pub(crate) fn empty(model: &ModelFile, config: EncoderConfig) -> Self {
        let mut layout = ParameterLayout::default();
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
        loaded: LoadedEncoder,
        classes: u32,
        mut layout: ParameterLayout,
    ) -> NewNetwork {
        let (encoder, table) = (loaded.encoder, loaded.table);
        let config = encoder.config();
        let (family, width) = (config.family, config.width);
        layout.begin_level(config.layers as u32 + 1);
        let classes = i64::from(classes);
        let pooler = loaded.pooler;
        let head = Head::of_family(family, settings, width, classes, pooler, &mut layout);
        layout.freeze(settings.frozen_layers);
        let embedding_name = Encoder::word_table_name(family);
        if settings.train_embedding && settings.frozen_layers == 0 {
            let shape = [config.vocabulary_size, width];
            layout.add_word_table(&embedding_name, &shape, &table);
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
        NewNetwork { network, table }
    }

    /// Loads a frozen encoder from its folder, with the output layer of a probe, all zeros.
    ///
    /// # Errors
    /// The folder cannot be used: see [`Encoder::load`].
    pub fn frozen(features: &FeatureSettings, folder: &Path, classes: u32) -> Result<NewNetwork> {
        let mut layout = ParameterLayout::default();
        let loaded = Encoder::load(folder, &mut layout)?;
        Ok(Self::with_features(features, loaded, classes, layout))
    }

    fn with_features(
        features: &FeatureSettings,
        LoadedEncoder { encoder, table, .. }: LoadedEncoder,
        classes: u32,
        mut layout: ParameterLayout,
    ) -> NewNetwork {
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
        NewNetwork { network, table }
    }

    /// The parameters of the network.
    pub fn layout(&self) -> &ParameterLayout {
        &self.layout
    }

    /// The word table, if it is learned.
    pub fn embedding(&self) -> Option<ParameterId> {
        self.layout.word_table()
    }

    /// The configuration of its encoder, if it has one.
    pub fn encoder(&self) -> Option<&EncoderConfig> {
        self.body.encoder().map(Encoder::config)
    }

    /// The matrices of its encoder, if it has one.
    pub(crate) fn matrices(&self) -> Vec<ParameterId> {
        self.body.encoder().map_or_else(Vec::new, Encoder::matrices)
    }

    /// The batch format that the network needs.
    pub fn input_format(&self) -> InputFormat {
        let (min_length, rnn_layout) = match &self.body {
            Body::Convolution(convolution) => (convolution.min_length(), RnnLayout::None),
            Body::Recurrent(_) => (1, RnnLayout::Reversed),
            _ => (1, RnnLayout::None),
        };
        InputFormat {
            min_length,
            windows: self.windows,
            rnn_layout,
        }
    }

    /// Width of the input of the head.
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

    /// Looks up the token vectors of a batch in a word table: `[V, D]` to `[T, B, D]`.
    pub fn look_up(&self, embedding: &Tensor, batch: &Batch) -> Tensor {
        let size = batch.ids.size();
        let vectors = embedding.index_select(0, &batch.ids.view([-1]));
        vectors.view([size[0], size[1], self.width])
    }

    /// Logits `[R, C]` from token vectors `[T, B, D]`.
    pub fn forward(&self, vectors: &Tensor, context: ForwardContext<'_>) -> Tensor {
        let state = self.state(vectors, context);
        self.head.forward(&state, context.parameters, context.mode)
    }

    /// The input of the head `[R, W]`, where W is [`Network::state_width`].
    pub fn state(&self, vectors: &Tensor, context: ForwardContext<'_>) -> Tensor {
        let (drop, batch) = (self.embedding_dropout, context.batch);
        let with_dropout = || dropout(vectors, drop, context.mode, 1);
        match &self.body {
            Body::Mean => masked_mean(&with_dropout(), batch),
            Body::Recurrent(body) => body.forward(&with_dropout(), context),
            Body::Convolution(body) => body.forward(&with_dropout(), context),
            Body::Encoder(encoder) => {
                let state = encoder.first_state(vectors, context, drop);
                batch.pool_windows(&state, FeaturePooling::Cls)
            }
            Body::Features(features) => features.forward(vectors, context),
        }
    }

    /// The initial parameters as one buffer on a GPU.
    pub fn initial(&self, device: Device) -> Tensor {
        self.layout.initial(device)
    }
}
