//! The classification head: from one vector per row to logits.

use settings::ModelSettings;
use tch::Tensor;

use crate::dense::Dense;
use crate::dropout::dropout;
use crate::encoder::Family;
use crate::parameters::{ParameterId, ParameterLayout, Parameters};
use crate::{CounterRng, Mode, init};

/// Fully connected layers and the output layer.
#[derive(Debug)]
pub(crate) struct Head {
    hidden: Vec<Dense>,
    /// Whether the activation of hidden layers is ReLU instead of tanh.
    uses_relu: bool,
    output: Dense,
    dropout: f64,
    /// Whether dropout is also applied before the first layer.
    has_input_dropout: bool,
}

impl Head {
    /// `layers` hidden layers of `settings.hidden` units with ReLU, and the output layer.
    pub(crate) fn new(
        settings: &ModelSettings,
        layers: u32,
        inputs: i64,
        classes: i64,
        layout: &mut ParameterLayout,
    ) -> Self {
        let rng = init::rng(settings);
        let mut width = inputs;
        let mut layer = |name: &str, outputs: i64, rng: CounterRng| {
            let weight = init::glorot_uniform(rng, outputs, width);
            let layer = Dense::new(name, &[outputs, width], &weight, None, layout);
            width = outputs;
            layer
        };
        let hidden = (0..layers).map(|number| {
            let rng = rng.child(10 + u64::from(number));
            layer(&format!("hidden{number}"), settings.hidden.into(), rng)
        });
        Self {
            hidden: hidden.collect(),
            uses_relu: true,
            output: layer("output", classes, rng.child(2)),
            dropout: settings.dropout,
            has_input_dropout: true,
        }
    }

    /// The classification head of an encoder family in `transformers`, with the same tensor names. `pooler` is the
    /// initial hidden layer if the encoder has one. Otherwise the hidden layer, like the output layer, starts from a
    /// normal distribution with standard deviation 0.02 (Devlin et al. 2019).
    pub(crate) fn of_family(
        family: &Family,
        settings: &ModelSettings,
        width: i64,
        classes: i64,
        pooler: Option<[Vec<f32>; 2]>,
        layout: &mut ParameterLayout,
    ) -> Self {
        let rng = init::rng(settings);
        let [hidden, output] = family.head;
        let random = |rng, rows: i64| init::normal(rng, (rows * width) as usize, 0.02);
        let [weight, bias] =
            pooler.unwrap_or_else(|| [random(rng.child(10), width), vec![0.0; width as usize]]);
        let hidden = Dense::new(hidden, &[width, width], &weight, Some(&bias), layout);
        let weight = random(rng.child(2), classes);
        Self {
            hidden: vec![hidden],
            uses_relu: family.head_uses_relu,
            output: Dense::new(output, &[classes, width], &weight, None, layout),
            dropout: settings.dropout,
            has_input_dropout: family.head_has_input_dropout,
        }
    }

    /// Only the output layer, all zeros, with its usual name.
    pub(crate) fn linear(inputs: i64, classes: i64, layout: &mut ParameterLayout) -> Self {
        let weight = vec![0.0; (classes * inputs) as usize];
        Self {
            hidden: Vec::new(),
            uses_relu: true,
            output: Dense::new("output", &[classes, inputs], &weight, None, layout),
            dropout: 0.0,
            has_input_dropout: false,
        }
    }

    /// Weight and bias of the output layer.
    pub(crate) fn output(&self) -> [ParameterId; 2] {
        [self.output.weight, self.output.bias]
    }

    /// Logits `[B, C]` from `[B, W]`.
    pub(crate) fn forward(&self, state: &Tensor, parameters: &Parameters, mode: Mode) -> Tensor {
        let mut state = state.shallow_clone();
        for (index, layer) in self.hidden.iter().enumerate() {
            if index > 0 || self.has_input_dropout {
                state = dropout(&state, self.dropout, mode, 10 + index as u64);
            }
            state = layer.apply(&state, parameters);
            state = match self.uses_relu {
                true => state.relu(),
                false => state.tanh(),
            };
        }
        let state = dropout(&state, self.dropout, mode, 2);
        self.output.apply(&state, parameters)
    }
}
