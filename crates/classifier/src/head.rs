//! From one vector per row to logits.

use settings::ModelSettings;
use tch::Tensor;

use crate::dense::Dense;
use crate::dropout::dropout;
use crate::encoder::Family;
use crate::parameters::{ParameterId, ParameterLayout, Parameters};
use crate::{CounterRng, Mode, initialization};

/// Fully connected layers and the output layer.
#[derive(Debug)]
pub(crate) struct Head {
    hidden: Vec<Dense>,
    /// Whether hidden layers are followed by a rectifier, instead of a hyperbolic tangent.
    is_rectified: bool,
    output: Dense,
    dropout: f64,
    /// Whether there is dropout before the first layer, too.
    drops_input: bool,
}

impl Head {
    /// `layers` hidden layers of `settings.hidden` units with rectifiers, and the output layer.
    pub(crate) fn new(
        settings: &ModelSettings,
        layers: u32,
        inputs: i64,
        classes: i64,
        layout: &mut ParameterLayout,
    ) -> Self {
        let rng = initialization::initial_rng(settings);
        let mut width = inputs;
        let mut layer = |name: &str, outputs: i64, rng: CounterRng| {
            let weight = initialization::glorot_uniform(rng, outputs, width);
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
            is_rectified: true,
            output: layer("output", classes, rng.child(2)),
            dropout: settings.dropout,
            drops_input: true,
        }
    }

    /// The classification head that `transformers` gives this family, under the names it has there.
    /// `pooler` is where its hidden layer starts from; a random start otherwise, as for the output
    /// layer: normal with deviation 0.02 (Devlin et al. 2019).
    pub(crate) fn of_family(
        family: &Family,
        settings: &ModelSettings,
        width: i64,
        classes: i64,
        pooler: Option<[Vec<f32>; 2]>,
        layout: &mut ParameterLayout,
    ) -> Self {
        let rng = initialization::initial_rng(settings);
        let [hidden, output] = family.head;
        let random = |rng, rows: i64| initialization::normal(rng, (rows * width) as usize, 0.02);
        let [weight, bias] =
            pooler.unwrap_or_else(|| [random(rng.child(10), width), vec![0.0; width as usize]]);
        let hidden = Dense::new(hidden, &[width, width], &weight, Some(&bias), layout);
        let weight = random(rng.child(2), classes);
        Self {
            hidden: vec![hidden],
            is_rectified: family.head_is_rectified,
            output: Dense::new(output, &[classes, width], &weight, None, layout),
            dropout: settings.dropout,
            drops_input: family.head_drops_input,
        }
    }

    /// The output layer alone, all zeros, under the name it has everywhere.
    pub(crate) fn linear(inputs: i64, classes: i64, layout: &mut ParameterLayout) -> Self {
        let weight = vec![0.0; (classes * inputs) as usize];
        Self {
            hidden: Vec::new(),
            is_rectified: true,
            output: Dense::new("output", &[classes, inputs], &weight, None, layout),
            dropout: 0.0,
            drops_input: false,
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
            if index > 0 || self.drops_input {
                state = dropout(&state, self.dropout, mode, 10 + index as u64);
            }
            state = layer.apply(&state, parameters);
            state = match self.is_rectified {
                true => state.relu(),
                false => state.tanh(),
            };
        }
        let state = dropout(&state, self.dropout, mode, 2);
        self.output.apply(&state, parameters)
    }
}
