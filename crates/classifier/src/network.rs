//! The networks: from token vectors to logits.

use std::path::Path;

use bundle::Sizes;
use settings::{FeaturePooling, FeatureSettings, ModelKind, ModelSettings, WindowSettings};
use tch::{Device, Tensor};

use crate::batch::Direction;
use crate::convolution::Convolution;
use crate::dropout::dropout;
use crate::encoder::{Encoder, EncoderConfig, Loaded};
use crate::features::Features;
use crate::head::Head;
use crate::parameters::{Layout, ParameterId, Parameters};
use crate::pooling::masked_mean;
use crate::recurrent::Recurrent;
use crate::{Batch, ClassifierError, Mode, Reading, Stream, Weights};

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

/// A network that starts from a pretrained encoder.
#[derive(Debug)]
pub struct Pretrained {
    /// The network.
    pub network: Network,
    /// The encoder's word table `[V, W]`, for networks that do not learn it.
    pub words: Vec<f32>,
}

impl Pretrained {
    /// The first weights on a device.
    pub fn weights(&self, device: Device) -> Weights {
        let frozen = self.network.embedding().is_none().then(|| {
            let table = Tensor::from_slice(&self.words).view([-1, self.network.width]);
            table.to_device(device)
        });
        Weights {
            flat: self.network.initial(device),
            frozen,
        }
    }

    /// The sizes it has from its encoder.
    pub fn sizes(&self) -> Sizes {
        let classes = u32::try_from(self.network.head.classes()).unwrap_or(u32::MAX);
        let width = u32::try_from(self.network.width).unwrap_or(u32::MAX);
        Sizes {
            vocabulary_size: (self.words.len() / width as usize) as u32,
            width,
            classes,
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
        let stream = Stream::new(settings.seed).child(0);
        let mut layout = Layout::default();
        let width = i64::from(sizes.width);
        let embedding_name = "embedding.weight".to_owned();
        let (body, inputs, hidden_layers) = match settings.kind {
            ModelKind::Naive => (Body::Mean, width, settings.layers),
            ModelKind::Cnn => {
                let convolution = Convolution::new(settings, width, &mut layout, stream.child(1));
                let output = convolution.output_width();
                (Body::Convolution(convolution), output, 0)
            }
            ModelKind::Rnn | ModelKind::Lstm | ModelKind::Gru => {
                let recurrent = Recurrent::new(settings, width, &mut layout, stream.child(1));
                let output = recurrent.output_width();
                (Body::Recurrent(recurrent), output, 0)
            }
            ModelKind::Transformer | ModelKind::Probe | ModelKind::Linear | ModelKind::Winner => {
                unreachable!("what has an encoder starts from it, and the others are no network")
            }
        };
        let classes = i64::from(sizes.classes);
        let head = Head::new(
            settings,
            hidden_layers,
            inputs,
            classes,
            &mut layout,
            stream,
        );
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
    pub fn pretrained(
        settings: &ModelSettings,
        folder: &Path,
        classes: u32,
    ) -> Result<Pretrained, ClassifierError> {
        let config = Encoder::config_of(folder)?;
        let mut layout = Layout::default();
        let words = Encoder::words_of(folder, &config)?;
        let Loaded { encoder, pooler } = Encoder::load(folder, &mut layout)?;
        let network = Self::with_encoder(settings, encoder, &words, pooler, classes, layout);
        Ok(Pretrained { network, words })
    }

    /// The network of a bundle with an encoder of this shape, all zeros.
    pub(crate) fn empty_transformer(
        settings: &ModelSettings,
        config: EncoderConfig,
        classes: u32,
    ) -> Self {
        let mut layout = Layout::default();
        let zeros = vec![0.0; (config.vocabulary_size * config.width) as usize];
        let encoder = Encoder::empty(config, &mut layout);
        Self::with_encoder(settings, encoder, &zeros, None, classes, layout)
    }

    fn with_encoder(
        settings: &ModelSettings,
        encoder: Encoder,
        words: &[f32],
        pooler: Option<[Vec<f32>; 2]>,
        classes: u32,
        mut layout: Layout,
    ) -> Self {
        let config = encoder.config();
        let (family, width) = (config.family, config.width);
        layout.begin_level(config.layers as u32 + 1);
        let stream = Stream::new(settings.seed).child(0);
        let classes = i64::from(classes);
        let head = Head::of_family(
            family,
            settings,
            width,
            classes,
            pooler,
            &mut layout,
            stream,
        );
        layout.freeze(settings.frozen_layers);
        let embedding_name = Encoder::word_table_name(family);
        if settings.train_embedding && settings.frozen_layers == 0 {
            let shape = [encoder.config().vocabulary_size, width];
            layout.add_word_table(&embedding_name, &shape, words);
        }
        Self {
            layout,
            embedding_name,
            body: Body::Encoder(encoder),
            head,
            embedding_dropout: settings.embedding_dropout,
            windows: settings.windows,
            width,
        }
    }

    /// An encoder from its folder that stays as it is, and the output layer of a probe, all zeros.
    ///
    /// # Errors
    /// The folder does not hold what it should: see [`Encoder::load`].
    pub fn frozen(
        features: &FeatureSettings,
        folder: &Path,
        classes: u32,
    ) -> Result<Pretrained, ClassifierError> {
        let config = Encoder::config_of(folder)?;
        let words = Encoder::words_of(folder, &config)?;
        let mut layout = Layout::default();
        let encoder = Encoder::load(folder, &mut layout)?.encoder;
        let network = Self::with_features(features, encoder, classes, layout);
        Ok(Pretrained { network, words })
    }

    /// The network of a probe's bundle with an encoder of this shape, all zeros.
    pub(crate) fn empty_frozen(
        features: &FeatureSettings,
        config: EncoderConfig,
        classes: u32,
    ) -> Self {
        let mut layout = Layout::default();
        let encoder = Encoder::empty(config, &mut layout);
        Self::with_features(features, encoder, classes, layout)
    }

    fn with_features(
        features: &FeatureSettings,
        encoder: Encoder,
        classes: u32,
        mut layout: Layout,
    ) -> Self {
        let (family, width) = (encoder.config().family, encoder.config().width);
        let body = Features::new(encoder, features);
        let head = Head::linear(body.width(), i64::from(classes), &mut layout);
        Self {
            layout,
            embedding_name: Encoder::word_table_name(family),
            body: Body::Features(body),
            head,
            embedding_dropout: 0.0,
            windows: features.windows,
            width,
        }
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
        match &self.body {
            Body::Encoder(encoder) => Some(encoder.config()),
            Body::Features(features) => Some(features.encoder().config()),
            _ => None,
        }
    }

    /// The matrices of its encoder, if it has one.
    pub(crate) fn matrices(&self) -> Vec<ParameterId> {
        match &self.body {
            Body::Encoder(encoder) => encoder.matrices(),
            Body::Features(features) => features.encoder().matrices(),
            _ => Vec::new(),
        }
    }

    /// How it reads rows.
    pub fn reading(&self) -> Reading {
        let least_length = match &self.body {
            Body::Convolution(convolution) => convolution.least_length(),
            _ => 1,
        };
        let direction = match &self.body {
            Body::Recurrent(_) => Direction::Reversed,
            _ => Direction::Any,
        };
        Reading {
            least_length,
            windows: self.windows,
            direction,
        }
    }

    /// Components of what its output layer, or its head, reads of a row.
    pub fn state_width(&self) -> i64 {
        match &self.body {
            Body::Mean => self.width,
            Body::Recurrent(recurrent) => recurrent.output_width(),
            Body::Convolution(convolution) => convolution.output_width(),
            Body::Encoder(encoder) => encoder.config().width,
            Body::Features(features) => features.width(),
        }
    }

    /// Weight and bias of the output layer.
    pub fn output(&self) -> [ParameterId; 2] {
        self.head.output()
    }

    /// Token vectors of a batch from an embedding matrix: `[V, D]` to `[T, B, D]`.
    pub fn look_up(&self, embedding: &Tensor, batch: &Batch) -> Tensor {
        let size = batch.ids.size();
        embedding
            .index_select(0, &batch.ids.view([-1]))
            .view([size[0], size[1], self.width])
    }

    /// Logits `[R, C]` from token vectors `[T, B, D]`.
    pub fn forward(
        &self,
        vectors: &Tensor,
        batch: &Batch,
        parameters: &Parameters,
        mode: Mode,
    ) -> Tensor {
        let state = self.state(vectors, batch, parameters, mode);
        self.head.forward(&state, parameters, mode)
    }

    /// What the head reads, `[R, W]` with W of [`Network::state_width`].
    pub fn state(
        &self,
        vectors: &Tensor,
        batch: &Batch,
        parameters: &Parameters,
        mode: Mode,
    ) -> Tensor {
        match &self.body {
            Body::Encoder(encoder) => {
                let drop = self.embedding_dropout;
                let state = encoder.first_state(vectors, batch, parameters, mode, drop);
                batch.pool_windows(&state, FeaturePooling::Cls)
            }
            Body::Features(features) => features.forward(vectors, batch, parameters),
            body => {
                let vectors = dropout(vectors, self.embedding_dropout, mode, 1);
                match body {
                    Body::Recurrent(recurrent) => {
                        recurrent.forward(&vectors, batch, parameters, mode)
                    }
                    Body::Convolution(convolution) => {
                        convolution.forward(&vectors, batch, parameters)
                    }
                    _ => masked_mean(&vectors, batch),
                }
            }
        }
    }

    /// The initial parameters as one buffer on a device.
    pub fn initial(&self, device: Device) -> Tensor {
        self.layout.initial(device)
    }
}
