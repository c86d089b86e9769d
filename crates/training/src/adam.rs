//! AdamW (Loshchilov and Hutter 2019) over one flat buffer. Its whole state is two arrays and a step count, which a
//! checkpoint can store; the state of tch's own optimizers cannot be saved.

use classifier::{ParameterLayout, as_slice, as_slice_mut};
use rayon::prelude::*;
use settings::TrainingSettings;
use tch::{Device, Kind, Tensor, no_grad};

/// Number of elements of one work item of a thread: 16 Ki values of four arrays fit into the level-2 cache.
const CHUNK: usize = 1 << 14;

/// Added to the square root of the second moment, to avoid a division by zero.
const EPSILON: f64 = 1e-8;

/// The initial step count on a GPU. Bias corrections are divisors and must not be 0 if the first step is not applied.
/// A power of two keeps the sums exact.
const INITIAL_STEPS: f64 = 1.0 / (1_u64 << 30) as f64;

/// The optimizer and its state, for the elements of [`ParameterLayout::trained`].
#[derive(Debug)]
pub struct AdamW {
    /// The running means of the gradient and of its square, `[T]` each.
    pub(crate) moments: [Tensor; 2],
    groups: Vec<ParameterGroup>,
    betas: [f64; 2],
    /// Number of applied steps, for the bias correction. On a GPU, `gpu` counts them instead.
    steps: i32,
    gpu: Option<GpuState>,
}

/// Adjacent parameters with the same weight decay and the same learning rate.
#[derive(Clone, Copy, Debug)]
struct ParameterGroup {
    start: usize,
    end: usize,
    /// Weight decay, as a factor of the learning rate.
    decay: f64,
    /// Factor of the learning rate.
    factor: f64,
}

/// The tensors that a step on a GPU reads besides weights and gradient. They are allocated once, so that a step
/// allocates only scalars.
#[derive(Debug)]
struct GpuState {
    /// f64 scalar: number of applied steps. A step with a non-finite gradient does not count.
    applied: Tensor,
    /// `[2]` f64: the natural logarithms of the two betas.
    log_betas: Tensor,
    /// `[T]`: weight decay times the learning-rate factor; `None` without weight decay.
    decay: Option<Tensor>,
    /// `[T]`: the learning-rate factor; `None` if it is 1 for all parameters.
    rate_factors: Option<Tensor>,
}

impl AdamW {
    /// A new optimizer for the parameters of a layout.
    ///
    /// `layer_decay` multiplies the learning rate once for every level below the top one. With `on_gpu` the optimizer
    /// is used through [`AdamW::step_on_gpu`].
    pub fn new(
        layout: &ParameterLayout,
        settings: &TrainingSettings,
        layer_decay: f64,
        device: Device,
        on_gpu: bool,
    ) -> Self {
        let trained = layout.trained();
        let mut groups: Vec<ParameterGroup> = Vec::new();
        for spec in layout.specs().iter().filter(|spec| !spec.frozen) {
            let factor = layer_decay.powf(f64::from(layout.top() - spec.level));
            let decay = settings.weight_decay;
            let decay = if spec.decays { decay } else { 0.0 };
            let [start, end] = [spec.range.start, spec.range.end].map(|at| at - trained.start);
            match groups.last_mut() {
                Some(last) if last.decay == decay && last.factor == factor => last.end = end,
                _ => groups.push(ParameterGroup {
                    start,
                    end,
                    decay,
                    factor,
                }),
            }
        }
        let zeros = || Tensor::zeros([trained.len() as i64], (Kind::Float, device));
        Self {
            moments: [zeros(), zeros()],
            gpu: on_gpu.then(|| GpuState::new(&groups, settings, device)),
            groups,
            betas: [settings.beta1, settings.beta2],
            steps: 0,
        }
    }

    /// Number of applied steps. On a GPU this waits for all queued work.
    pub fn steps(&self) -> i32 {
        match &self.gpu {
            None => self.steps,
            Some(gpu) => gpu.applied.double_value(&[]) as i32,
        }
    }

    /// Resumes from the state of another optimizer for the same layout.
    ///
    /// # Panics
    /// The moments have another length than the layout.
    pub fn restore(&mut self, moments: [&Tensor; 2], steps: i32) {
        for (own, other) in self.moments.iter_mut().zip(moments) {
            assert_eq!(own.numel(), other.numel(), "moments of another layout");
            no_grad(|| own.copy_(other));
        }
        self.steps = steps;
        if let Some(gpu) = &mut self.gpu {
            let _ = gpu.applied.fill_(f64::from(steps) + INITIAL_STEPS);
        }
    }

    /// Updates the weights `[T]` with the gradient `[T]` in one pass over memory; tensor operations would need ten.
    ///
    /// # Panics
    /// The tensors are not in the memory of the CPU.
    pub fn step(&mut self, weights: &mut Tensor, gradient: &Tensor, rate: f64) {
        self.steps += 1;
        let [first, second] = &mut self.moments;
        let (weights, gradient) = (as_slice_mut(weights), as_slice(gradient));
        let (first, second) = (as_slice_mut(first), as_slice_mut(second));
        let corrections = self.betas.map(|beta| 1.0 - beta.powi(self.steps));
        let [beta1, beta2] = self.betas.map(|beta| beta as f32);
        for group in &self.groups {
            let rate = rate * group.factor;
            // The factor of a weight after weight decay.
            let decay = (1.0 - rate * group.decay) as f32;
            let root = (1.0 / corrections[1].sqrt()) as f32;
            let rate = (rate / corrections[0]) as f32;
            let update = |weight: &mut f32, first: &mut f32, second: &mut f32, gradient: f32| {
                *first = beta1 * *first + (1.0 - beta1) * gradient;
                *second = beta2 * *second + (1.0 - beta2) * gradient * gradient;
                *weight = *weight * decay - rate * *first / (second.sqrt() * root + EPSILON as f32);
            };
            let span = group.start..group.end;
            weights[span.clone()]
                .par_chunks_mut(CHUNK)
                .zip(first[span.clone()].par_chunks_mut(CHUNK))
                .zip(second[span.clone()].par_chunks_mut(CHUNK))
                .zip(gradient[span].par_chunks(CHUNK))
                .for_each(|(((weights, first), second), gradient)| {
                    let all = weights.iter_mut().zip(first).zip(second).zip(gradient);
                    all.for_each(|(((weight, first), second), gradient)| {
                        update(weight, first, second, *gradient);
                    });
                });
        }
    }

    /// Like [`AdamW::step`], with at most 20 operations for any number of parameters, and without waiting for the GPU.
    /// If `good`, a bool scalar, is false, weights, moments and step count do not change. The gradient must be finite,
    /// and is overwritten.
    ///
    /// # Panics
    /// The optimizer was not made with `on_gpu`.
    pub fn step_on_gpu(
        &mut self,
        weights: &mut Tensor,
        gradient: &mut Tensor,
        good: &Tensor,
        rate: f64,
    ) {
        let gpu = self.gpu.as_mut();
        let gpu = gpu.expect("the optimizer was made for a GPU");
        let [first, second] = &mut self.moments;
        let [beta1, beta2] = self.betas;
        // All factors are multiplied by `good`, so those of a bad step are 0.
        let _ = gpu.applied.g_add_(good);
        let mut corrections = &gpu.log_betas * &gpu.applied;
        let _ = corrections.expm1_();
        let _ = corrections.abs_();
        let corrections = corrections.unbind(0);
        let _ = first.lerp_tensor_(gradient, &(good * (1.0 - beta1)));
        let _ = gradient.square_();
        let _ = second.lerp_tensor_(gradient, &(good * (1.0 - beta2)));
        // From here on the gradient tensor holds the update of the weights.
        let _ = second.div_out(gradient, &corrections[1]);
        let _ = gradient.sqrt_();
        let _ = gradient.g_add_scalar_(EPSILON);
        let _ = first.div_out(gradient, gradient);
        let _ = gradient.g_div_(&corrections[0]);
        if let Some(factors) = &gpu.rate_factors {
            let _ = gradient.g_mul_(factors);
        }
        if let Some(decay) = &gpu.decay {
            let _ = gradient.addcmul_(weights, decay);
        }
        let _ = gradient.g_mul_(&(good * rate));
        let _ = weights.g_sub_(gradient);
    }
}

impl GpuState {
    fn new(groups: &[ParameterGroup], settings: &TrainingSettings, device: Device) -> Self {
        let filled = |value: &dyn Fn(&ParameterGroup) -> f64| {
            let parts = groups.iter().map(|group| {
                let length = (group.end - group.start) as i64;
                Tensor::full([length], value(group), (Kind::Float, device))
            });
            Tensor::cat(&parts.collect::<Vec<_>>(), 0)
        };
        let has_decay = groups.iter().any(|group| group.decay != 0.0);
        let has_rate_factors = groups.iter().any(|group| group.factor != 1.0);
        let log_betas = [settings.beta1.ln(), settings.beta2.ln()];
        Self {
            applied: Tensor::full([], INITIAL_STEPS, (Kind::Double, device)),
            log_betas: Tensor::from_slice(&log_betas).to_device(device),
            decay: has_decay.then(|| filled(&|group| group.factor * group.decay)),
            rate_factors: has_rate_factors.then(|| filled(&|group| group.factor)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(count: usize) -> ParameterLayout {
        layout_of(count, 0)
    }

    /// `top` is the level of the second parameter; the first has level 0.
    fn layout_of(count: usize, top: u32) -> ParameterLayout {
        let mut layout = ParameterLayout::default();
        let values: Vec<f32> = (0..count).map(|n| (n as f32 * 0.37).sin()).collect();
        let half = count / 2;
        layout.add("bias", &[half as i64], false, &values[..half]);
        layout.begin_level(top);
        layout.add("weight", &[(count - half) as i64], true, &values[half..]);
        layout
    }

    fn optimizer(layout: &ParameterLayout, layer_decay: f64, on_gpu: bool) -> (AdamW, Tensor) {
        let settings = TrainingSettings {
            weight_decay: 0.1,
            ..TrainingSettings::default()
        };
        let adam = AdamW::new(layout, &settings, layer_decay, Device::Cpu, on_gpu);
        (adam, layout.initial(Device::Cpu))
    }

    fn gradient(count: usize, step: usize) -> Tensor {
        Tensor::from_slice(
            &(0..count)
                .map(|n| ((n + 31 * step) as f32 * 0.11).cos())
                .collect::<Vec<f32>>(),
        )
    }

    fn largest_difference(one: &Tensor, two: &Tensor) -> f64 {
        (one - two).abs().max().double_value(&[])
    }

    #[test]
    fn the_first_step_changes_each_weight_by_the_learning_rate() {
        let (mut adam, mut weights) = optimizer(&layout(8), 1.0, false);
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
    fn steps_on_the_cpu_and_on_the_gpu_path_agree() {
        let count = 3 * CHUNK + 7;
        for (layout, layer_decay) in [(layout(count), 1.0), (layout_of(count, 2), 0.7)] {
            let (mut one, mut weights_one) = optimizer(&layout, layer_decay, false);
            let (mut two, mut weights_two) = optimizer(&layout, layer_decay, true);
            let good = Tensor::from(true);
            for number in 1..5 {
                let mut gradient = gradient(count, number);
                one.step(&mut weights_one, &gradient, 0.01);
                two.step_on_gpu(&mut weights_two, &mut gradient, &good, 0.01);
                let difference = largest_difference(&weights_one, &weights_two);
                assert!(difference < 1e-6, "step {number}: {difference}");
            }
            for (one, two) in one.moments.iter().zip(&two.moments) {
                assert!(largest_difference(one, two) < 1e-6);
            }
            assert_eq!((one.steps(), two.steps()), (4, 4));
        }
    }

    #[test]
    fn a_bad_step_on_the_gpu_path_changes_nothing_and_does_not_count() {
        let count = 50;
        let layout = layout(count);
        let run = |with_bad: bool| {
            let (mut adam, mut weights) = optimizer(&layout, 1.0, true);
            let steps: &[(usize, bool)] = match with_bad {
                true => &[(3, false), (1, true), (7, false), (2, true)],
                false => &[(1, true), (2, true)],
            };
            for (number, good) in steps {
                let before = weights.copy();
                let good = Tensor::from(*good);
                adam.step_on_gpu(&mut weights, &mut gradient(count, *number), &good, 0.01);
                let moved = weights != before;
                assert_eq!(moved, good.int64_value(&[]) == 1);
            }
            assert_eq!(adam.steps(), 2);
            let moments = adam.moments.each_ref().map(Tensor::copy);
            (weights, moments)
        };
        let ((weights, moments), (expected, expected_moments)) = (run(true), run(false));
        assert!(weights == expected);
        assert!(moments == expected_moments);
    }

    #[test]
    fn a_restored_optimizer_continues_like_the_original() {
        let count = 40;
        let layout = layout(count);
        for on_gpu in [false, true] {
            let step = |adam: &mut AdamW, weights: &mut Tensor, number: usize| {
                let mut gradient = gradient(count, number);
                match on_gpu {
                    true => adam.step_on_gpu(weights, &mut gradient, &Tensor::from(true), 0.01),
                    false => adam.step(weights, &gradient, 0.01),
                }
            };
            let (mut one, mut weights_one) = optimizer(&layout, 1.0, on_gpu);
            step(&mut one, &mut weights_one, 1);
            let (mut two, _) = optimizer(&layout, 1.0, on_gpu);
            let mut weights_two = weights_one.copy();
            two.restore(one.moments.each_ref(), one.steps());
            step(&mut one, &mut weights_one, 2);
            step(&mut two, &mut weights_two, 2);
            assert!(weights_one == weights_two, "{on_gpu}");
        }
    }
}
