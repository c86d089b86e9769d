//! The networks: from token vectors to logits.

use settings::{ModelKind, ModelSettings};
use tch::{Device, Tensor};

use crate::convolution::Convolution;
use crate::dropout::dropout;
use crate::parameters::{Layout, ParameterId, Parameters};
use crate::pooling::masked_mean;
use crate::recurrent::Recurrent;
use crate::{Batch, Mode, Stream, initial};

/// The sizes that a network takes over from the artifacts; none of them is a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Sizes {
    /// Entries of the vocabulary.
    pub vocabulary_size: u32,
    /// Components of a token vector.
    pub width: u32,
    /// Classes.
    pub classes: u32,
}

/// A network's shape: which parameters it has and what it does with them. The numbers themselves
/// are in a flat buffer (see [`Layout`]).
#[derive(Debug)]
pub struct Network {
    layout: Layout,
    /// The embedding matrix, where it is learned.
    embedding: Option<ParameterId>,
    body: Body,
    hidden: Vec<Dense>,
    output: Dense,
    embedding_dropout: f64,
    dropout: f64,
    width: i64,
}

#[derive(Debug)]
enum Body {
    Mean,
    Recurrent(Recurrent),
    Convolution(Convolution),
}

#[derive(Debug)]
struct Dense {
    weight: ParameterId,
    bias: ParameterId,
}

impl Network {
    /// The network of these settings, with initial values drawn from the settings' seed.
    /// `embedding` is `[V, D]` in row-major order: the start of the learned embedding, or what is
    /// looked up for good where the settings do not train it.
    pub fn new(settings: &ModelSettings, sizes: Sizes, embedding: &[f32]) -> Self {
        let stream = Stream::new(settings.seed).child(0);
        let mut layout = Layout::default();
        let width = i64::from(sizes.width);
        let table = settings.train_embedding.then(|| {
            layout.add(
                "embedding.weight",
                &[i64::from(sizes.vocabulary_size), width],
                false,
                embedding,
            )
        });
        let (body, body_width) = match settings.kind {
            ModelKind::Naive => (Body::Mean, width),
            ModelKind::Cnn => {
                let convolution = Convolution::new(settings, width, &mut layout, stream.child(1));
                let output = convolution.output_width();
                (Body::Convolution(convolution), output)
            }
            ModelKind::Rnn | ModelKind::Lstm | ModelKind::Gru => {
                let recurrent = Recurrent::new(settings, width, &mut layout, stream.child(1));
                let output = recurrent.output_width();
                (Body::Recurrent(recurrent), output)
            }
        };
        let mut inputs = body_width;
        let mut hidden = Vec::new();
        if settings.kind == ModelKind::Naive {
            for layer in 0..settings.layers {
                let outputs = i64::from(settings.hidden);
                hidden.push(Dense::new(
                    &format!("hidden{layer}"),
                    inputs,
                    outputs,
                    &mut layout,
                    stream.child(10 + u64::from(layer)),
                ));
                inputs = outputs;
            }
        }
        let output = Dense::new(
            "output",
            inputs,
            i64::from(sizes.classes),
            &mut layout,
            stream.child(2),
        );
        Self {
            layout,
            embedding: table,
            body,
            hidden,
            output,
            embedding_dropout: settings.embedding_dropout,
            dropout: settings.dropout,
            width,
        }
    }

    /// The places of its parameters.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The learned embedding's place, `None` where the embedding is not learned.
    pub fn embedding(&self) -> Option<ParameterId> {
        self.embedding
    }

    /// Rows of a batch must be at least this long, padding included.
    pub fn least_length(&self) -> usize {
        match &self.body {
            Body::Convolution(convolution) => convolution.least_length(),
            _ => 1,
        }
    }

    /// Token vectors of a batch from an embedding matrix: `[V, D]` to `[T, B, D]`.
    pub fn look_up(&self, embedding: &Tensor, batch: &Batch) -> Tensor {
        let size = batch.ids.size();
        embedding
            .index_select(0, &batch.ids.view([-1]))
            .view([size[0], size[1], self.width])
    }

    /// Logits `[B, C]` from token vectors `[T, B, D]`.
    pub fn forward(
        &self,
        vectors: &Tensor,
        batch: &Batch,
        parameters: &Parameters,
        mode: Mode,
    ) -> Tensor {
        let vectors = dropout(vectors, self.embedding_dropout, mode, 1);
        let mut state = match &self.body {
            Body::Mean => masked_mean(&vectors, batch),
            Body::Recurrent(recurrent) => recurrent.forward(&vectors, batch, parameters, mode),
            Body::Convolution(convolution) => convolution.forward(&vectors, batch, parameters),
        };
        for (index, layer) in self.hidden.iter().enumerate() {
            state = layer
                .apply(
                    &dropout(&state, self.dropout, mode, 10 + index as u64),
                    parameters,
                )
                .relu();
        }
        self.output
            .apply(&dropout(&state, self.dropout, mode, 2), parameters)
    }

    /// The initial parameters as one buffer on a device.
    pub fn initial(&self, device: Device) -> Tensor {
        self.layout.initial(device)
    }
}

impl Dense {
    fn new(name: &str, inputs: i64, outputs: i64, layout: &mut Layout, stream: Stream) -> Self {
        let weight = initial::glorot_uniform(stream, outputs, inputs);
        Self {
            weight: layout.add(format!("{name}.weight"), &[outputs, inputs], true, &weight),
            bias: layout.add(
                format!("{name}.bias"),
                &[outputs],
                false,
                &vec![0.0; outputs as usize],
            ),
        }
    }

    fn apply(&self, xs: &Tensor, parameters: &Parameters) -> Tensor {
        xs.linear(parameters.get(self.weight), Some(parameters.get(self.bias)))
    }
}
