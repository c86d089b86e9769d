//! From one vector per row to logits.

use settings::ModelSettings;
use tch::Tensor;

use crate::dropout::dropout;
use crate::encoder::Family;
use crate::parameters::{Layout, ParameterId, Parameters};
use crate::{Mode, Stream, initial};

/// Fully connected layers and the output layer.
#[derive(Debug)]
pub(crate) struct Head {
    hidden: Vec<Dense>,
    activation: Activation,
    output: Dense,
    classes: i64,
    dropout: f64,
    /// Whether there is dropout before the first layer, too.
    drops_input: bool,
}

#[derive(Clone, Copy, Debug)]
enum Activation {
    Relu,
    Tanh,
}

#[derive(Debug)]
struct Dense {
    weight: ParameterId,
    bias: ParameterId,
}

impl Head {
    /// `layers` hidden layers of `settings.hidden` units with rectifiers, and the output layer.
    pub(crate) fn new(
        settings: &ModelSettings,
        layers: u32,
        inputs: i64,
        classes: i64,
        layout: &mut Layout,
        stream: Stream,
    ) -> Self {
        let mut width = inputs;
        let mut hidden = Vec::new();
        for layer in 0..layers {
            let outputs = i64::from(settings.hidden);
            let weight =
                initial::glorot_uniform(stream.child(10 + u64::from(layer)), outputs, width);
            hidden.push(Dense::new(
                &format!("hidden{layer}"),
                [outputs, width],
                &weight,
                None,
                layout,
            ));
            width = outputs;
        }
        let weight = initial::glorot_uniform(stream.child(2), classes, width);
        Self {
            hidden,
            activation: Activation::Relu,
            output: Dense::new("output", [classes, width], &weight, None, layout),
            classes,
            dropout: settings.dropout,
            drops_input: true,
        }
    }

    /// The classification head that `transformers` gives this family, under the names it has there.
    /// `pooler` is where its hidden layer starts from; a random start otherwise, as for the output
    /// layer: normal with deviation 0.02 (Devlin et al. 2019).
    pub(crate) fn of_family(
        family: Family,
        settings: &ModelSettings,
        width: i64,
        classes: i64,
        pooler: Option<[Vec<f32>; 2]>,
        layout: &mut Layout,
        stream: Stream,
    ) -> Self {
        let (hidden, output, activation) = match family {
            Family::Bert => ("bert.pooler.dense", "classifier", Activation::Tanh),
            Family::DistilBert => ("pre_classifier", "classifier", Activation::Relu),
            Family::Roberta | Family::Mpnet => {
                ("classifier.dense", "classifier.out_proj", Activation::Tanh)
            }
        };
        let random = |stream, rows: i64| initial::normal(stream, (rows * width) as usize, 0.02);
        let [weight, bias] =
            pooler.unwrap_or_else(|| [random(stream.child(10), width), vec![0.0; width as usize]]);
        Self {
            hidden: vec![Dense::new(
                hidden,
                [width, width],
                &weight,
                Some(&bias),
                layout,
            )],
            activation,
            output: Dense::new(
                output,
                [classes, width],
                &random(stream.child(2), classes),
                None,
                layout,
            ),
            classes,
            dropout: settings.dropout,
            drops_input: matches!(family, Family::Roberta | Family::Mpnet),
        }
    }

    /// The output layer alone, all zeros, under the name it has everywhere.
    pub(crate) fn linear(inputs: i64, classes: i64, layout: &mut Layout) -> Self {
        let weight = vec![0.0; (classes * inputs) as usize];
        Self {
            hidden: Vec::new(),
            activation: Activation::Relu,
            output: Dense::new("output", [classes, inputs], &weight, None, layout),
            classes,
            dropout: 0.0,
            drops_input: false,
        }
    }

    /// Weight and bias of the output layer.
    pub(crate) fn output(&self) -> [ParameterId; 2] {
        [self.output.weight, self.output.bias]
    }

    /// Number of logits.
    pub(crate) fn classes(&self) -> i64 {
        self.classes
    }

    /// Logits `[B, C]` from `[B, W]`.
    pub(crate) fn forward(&self, state: &Tensor, parameters: &Parameters, mode: Mode) -> Tensor {
        let mut state = state.shallow_clone();
        for (index, layer) in self.hidden.iter().enumerate() {
            if index > 0 || self.drops_input {
                state = dropout(&state, self.dropout, mode, 10 + index as u64);
            }
            state = layer.apply(&state, parameters);
            state = match self.activation {
                Activation::Relu => state.relu(),
                Activation::Tanh => state.tanh(),
            };
        }
        self.output
            .apply(&dropout(&state, self.dropout, mode, 2), parameters)
    }
}

impl Dense {
    fn new(
        name: &str,
        shape: [i64; 2],
        weight: &[f32],
        bias: Option<&[f32]>,
        layout: &mut Layout,
    ) -> Self {
        let zeros = vec![0.0; shape[0] as usize];
        Self {
            weight: layout.add(format!("{name}.weight"), &shape, true, weight),
            bias: layout.add(
                format!("{name}.bias"),
                &shape[..1],
                false,
                bias.unwrap_or(&zeros),
            ),
        }
    }

    fn apply(&self, xs: &Tensor, parameters: &Parameters) -> Tensor {
        xs.linear(parameters.get(self.weight), Some(parameters.get(self.bias)))
    }
}
