//! AdamW (Loshchilov and Hutter 2019) over one flat buffer, so that its whole state is two arrays
//! and a step number: tch's own optimizers cannot save theirs.

use classifier::{Layout, as_slice, as_slice_mut};
use rayon::prelude::*;
use settings::TrainingSettings;
use tch::{Device, Tensor, no_grad};

/// Elements a thread updates at a time: 64 Ki values of four arrays fit the second-level cache.
const CHUNK: usize = 1 << 14;

/// The optimizer and its state.
#[derive(Debug)]
pub struct AdamW {
    first: Tensor,
    second: Tensor,
    groups: Vec<Group>,
    beta1: f64,
    beta2: f64,
    weight_decay: f64,
    steps: i32,
}

/// Neighbouring parameters that are treated alike.
#[derive(Clone, Copy, Debug)]
struct Group {
    start: usize,
    end: usize,
    decays: bool,
    /// What the rate is multiplied by.
    share: f64,
}

/// Added to the root of the second moment, so that nothing is divided by zero.
const EPSILON: f64 = 1e-8;

/// One step's numbers, the bias corrections folded in.
#[derive(Clone, Copy)]
struct Step {
    beta1: f32,
    beta2: f32,
    /// Rate divided by the first moment's bias correction.
    rate: f32,
    /// Reciprocal root of the second moment's bias correction.
    root: f32,
    /// What decay leaves of a weight.
    keep: f32,
}

impl AdamW {
    /// An optimizer at rest for the parameters of a layout.
    ///
    /// `layer_decay` is what the rate is multiplied by for every level below the top one; frozen
    /// parameters stay as they are.
    pub fn new(
        layout: &Layout,
        settings: &TrainingSettings,
        layer_decay: f64,
        device: Device,
    ) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for spec in layout.specs() {
            let share = if spec.frozen {
                0.0
            } else {
                layer_decay.powf(f64::from(layout.top() - spec.level))
            };
            match groups.last_mut() {
                Some(last) if last.decays == spec.decays && last.share == share => {
                    last.end = spec.range.end;
                }
                _ => groups.push(Group {
                    start: spec.range.start,
                    end: spec.range.end,
                    decays: spec.decays,
                    share,
                }),
            }
        }
        groups.retain(|group| group.share > 0.0);
        Self {
            first: layout.zeros(device),
            second: layout.zeros(device),
            groups,
            beta1: settings.beta1,
            beta2: settings.beta2,
            weight_decay: settings.weight_decay,
            steps: 0,
        }
    }

    /// The running means of the gradient and of its square, and the steps made: all that a later
    /// optimizer needs to go on as this one would.
    pub fn state(&self) -> ([&Tensor; 2], i32) {
        ([&self.first, &self.second], self.steps)
    }

    /// Goes on from a state of another optimizer for the same layout.
    ///
    /// # Panics
    /// The moments are of another length than the layout.
    pub fn restore(&mut self, moments: [&[f32]; 2], steps: i32) {
        for (own, values) in [&mut self.first, &mut self.second].into_iter().zip(moments) {
            assert_eq!(own.numel(), values.len(), "moments of another layout");
            no_grad(|| own.copy_(&Tensor::from_slice(values)));
        }
        self.steps = steps;
    }

    /// Moves the weights against the gradient.
    pub fn step(&mut self, weights: &mut Tensor, gradient: &Tensor, rate: f64) {
        self.steps += 1;
        for group in self.groups.clone() {
            let Group {
                start,
                end,
                decays,
                share,
            } = group;
            let rate = rate * share;
            let step = Step {
                beta1: self.beta1 as f32,
                beta2: self.beta2 as f32,
                rate: (rate / (1.0 - self.beta1.powi(self.steps))) as f32,
                root: (1.0 / (1.0 - self.beta2.powi(self.steps)).sqrt()) as f32,
                keep: if decays {
                    (1.0 - rate * self.weight_decay) as f32
                } else {
                    1.0
                },
            };
            if weights.device() == Device::Cpu {
                self.step_in_memory(weights, gradient, start..end, step);
            } else {
                no_grad(|| self.step_on_device(weights, gradient, (start, end), step));
            }
        }
    }

    /// One pass over memory instead of the ten that tensor operations take.
    fn step_in_memory(
        &mut self,
        weights: &mut Tensor,
        gradient: &Tensor,
        range: std::ops::Range<usize>,
        step: Step,
    ) {
        let weights = &mut as_slice_mut(weights)[range.clone()];
        let first = &mut as_slice_mut(&mut self.first)[range.clone()];
        let second = &mut as_slice_mut(&mut self.second)[range.clone()];
        let gradient = &as_slice(gradient)[range];
        weights
            .par_chunks_mut(CHUNK)
            .zip(first.par_chunks_mut(CHUNK))
            .zip(second.par_chunks_mut(CHUNK))
            .zip(gradient.par_chunks(CHUNK))
            .for_each(|(((weights, first), second), gradient)| {
                update(weights, first, second, gradient, step)
            });
    }

    fn step_on_device(
        &mut self,
        weights: &Tensor,
        gradient: &Tensor,
        (start, end): (usize, usize),
        step: Step,
    ) {
        let part = |tensor: &Tensor| tensor.narrow(0, start as i64, (end - start) as i64);
        let (mut weights, gradient) = (part(weights), part(gradient));
        let (mut first, mut second) = (part(&self.first), part(&self.second));
        let _ = first.g_mul_scalar_(f64::from(step.beta1));
        let _ = first.g_add_(&(&gradient * (1.0 - f64::from(step.beta1))));
        let _ = second.g_mul_scalar_(f64::from(step.beta2));
        let _ = second.g_add_(&(&gradient * &gradient * (1.0 - f64::from(step.beta2))));
        let _ = weights.g_mul_scalar_(f64::from(step.keep));
        let divisor = second.sqrt() * f64::from(step.root) + EPSILON;
        let _ = weights.g_sub_(&(&first / divisor * f64::from(step.rate)));
    }
}

fn update(
    weights: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
    gradient: &[f32],
    step: Step,
) {
    let Step {
        beta1,
        beta2,
        rate,
        root,
        keep,
    } = step;
    for (((weight, first), second), &gradient) in
        weights.iter_mut().zip(first).zip(second).zip(gradient)
    {
        *first = beta1 * *first + (1.0 - beta1) * gradient;
        *second = beta2 * *second + (1.0 - beta2) * gradient * gradient;
        *weight = *weight * keep - rate * *first / (second.sqrt() * root + EPSILON as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn optimizer(count: usize) -> (AdamW, Tensor) {
        let mut layout = Layout::default();
        let values: Vec<f32> = (0..count).map(|n| (n as f32 * 0.37).sin()).collect();
        let half = count / 2;
        layout.add("bias", &[half as i64], false, &values[..half]);
        layout.add("weight", &[(count - half) as i64], true, &values[half..]);
        let settings = TrainingSettings {
            weight_decay: 0.1,
            ..TrainingSettings::default()
        };
        (
            AdamW::new(&layout, &settings, 1.0, Device::Cpu),
            layout.initial(Device::Cpu),
        )
    }

    fn gradient(count: usize, step: usize) -> Tensor {
        Tensor::from_slice(
            &(0..count)
                .map(|n| ((n + 31 * step) as f32 * 0.11).cos())
                .collect::<Vec<f32>>(),
        )
    }

    #[test]
    fn the_first_step_moves_each_weight_by_the_rate_against_its_gradient() {
        let (mut adam, mut weights) = optimizer(8);
        let before: Vec<f32> = Vec::try_from(&weights).expect("a vector");
        let gradient = gradient(8, 1);
        adam.step(&mut weights, &gradient, 0.01);
        let signs: Vec<f32> = Vec::try_from(gradient.sign()).expect("a vector");
        for (index, after) in as_slice(&weights).iter().enumerate() {
            let decayed = if index < 4 {
                before[index]
            } else {
                before[index] * (1.0 - 0.01 * 0.1)
            };
            assert!(
                (after - (decayed - 0.01 * signs[index])).abs() < 1e-6,
                "weight {index}"
            );
        }
    }

    #[test]
    fn memory_and_device_versions_agree() {
        let count = 3 * CHUNK + 7;
        let ((mut one, mut weights_one), (mut two, weights_two)) =
            (optimizer(count), optimizer(count));
        for number in 1..5 {
            let gradient = gradient(count, number);
            one.step(&mut weights_one, &gradient, 0.01);
            two.steps += 1;
            for Group {
                start, end, decays, ..
            } in two.groups.clone()
            {
                let step = Step {
                    beta1: 0.9,
                    beta2: 0.999,
                    rate: (0.01 / (1.0 - 0.9_f64.powi(two.steps))) as f32,
                    root: (1.0 / (1.0 - 0.999_f64.powi(two.steps)).sqrt()) as f32,
                    keep: if decays { 1.0 - 0.01 * 0.1 } else { 1.0 },
                };
                two.step_on_device(&weights_two, &gradient, (start, end), step);
            }
        }
        let difference = (&weights_one - &weights_two).abs().max().double_value(&[]);
        assert!(difference < 1e-5, "{difference}");
    }
}
