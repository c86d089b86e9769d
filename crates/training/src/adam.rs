//! AdamW (Loshchilov and Hutter 2019) over one flat buffer, so that its whole state is two arrays
//! and a number of steps: tch's own optimizers cannot save theirs.

use classifier::{ParameterLayout, as_slice, as_slice_mut};
use rayon::prelude::*;
use settings::TrainingSettings;
use tch::{Device, Kind, Tensor, no_grad};

/// Elements that a thread updates at a time: 16 Ki values of four arrays fit the second-level cache.
const CHUNK: usize = 1 << 14;

/// Added to the root of the second moment, so that nothing is divided by zero.
const EPSILON: f64 = 1e-8;

/// What the count of steps on a GPU begins with: bias corrections are divisors, and must not be 0 if
/// the first step is bad. A power of two, so that sums stay exact.
const ALMOST_NO_STEP: f64 = 1.0 / (1_u64 << 30) as f64;

/// The optimizer and its state, for the elements of [`ParameterLayout::trained`].
#[derive(Debug)]
pub struct AdamW {
    /// `[T]` each: the running means of the gradient and of its square.
    moments: [Tensor; 2],
    groups: Vec<ParameterGroup>,
    betas: [f64; 2],
    /// Steps applied so far, which the bias correction follows from; on a GPU they are counted there.
    steps: i32,
    device: Option<GpuState>,
}

/// Neighbouring parameters that are treated alike.
#[derive(Clone, Copy, Debug)]
struct ParameterGroup {
    start: usize,
    end: usize,
    /// Weight decay, relative to the rate.
    decay: f64,
    /// Factor of the learning rate.
    share: f64,
}

/// What a step on a GPU reads beside weights and gradient: made once, so that a step allocates
/// scalars only.
#[derive(Debug)]
struct GpuState {
    /// f64 scalar: steps applied. A step with a non-finite gradient does not count.
    applied: Tensor,
    /// `[2]` f64: natural logarithms of the two betas.
    log_betas: Tensor,
    /// `[T]`: weight decay times the share of the learning rate; none without decay.
    decay: Option<Tensor>,
    /// `[T]`: share of the learning rate, where it differs between parameters.
    shares: Option<Tensor>,
}

impl AdamW {
    /// An optimizer without history for the parameters of a layout.
    ///
    /// `layer_decay` is what the rate is multiplied by for every level below the top one. With
    /// `on_gpu` the steps are those of [`AdamW::step_on_gpu`].
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
            let share = layer_decay.powf(f64::from(layout.top() - spec.level));
            let decay = if spec.decays {
                settings.weight_decay
            } else {
                0.0
            };
            let [start, end] = [spec.range.start, spec.range.end].map(|at| at - trained.start);
            match groups.last_mut() {
                Some(last) if last.decay == decay && last.share == share => last.end = end,
                _ => groups.push(ParameterGroup {
                    start,
                    end,
                    decay,
                    share,
                }),
            }
        }
        let zeros = || Tensor::zeros([trained.len() as i64], (Kind::Float, device));
        Self {
            moments: [zeros(), zeros()],
            device: on_gpu.then(|| GpuState::new(&groups, settings, device)),
            groups,
            betas: [settings.beta1, settings.beta2],
            steps: 0,
        }
    }

    /// The running means of the gradient and of its square, `[T]` each.
    pub fn moments(&self) -> &[Tensor; 2] {
        &self.moments
    }

    /// Steps applied. On a GPU this waits for all that is under way.
    pub fn steps(&self) -> i32 {
        match &self.device {
            None => self.steps,
            Some(device) => device.applied.double_value(&[]) as i32,
        }
    }

    /// Resumes from the state of another optimizer for the same layout.
    ///
    /// # Panics
    /// The moments are of another length than the layout.
    pub fn restore(&mut self, moments: [&Tensor; 2], steps: i32) {
        for (own, other) in self.moments.iter_mut().zip(moments) {
            assert_eq!(own.numel(), other.numel(), "moments of another layout");
            no_grad(|| own.copy_(other));
        }
        self.steps = steps;
        if let Some(device) = &mut self.device {
            let _ = device.applied.fill_(f64::from(steps) + ALMOST_NO_STEP);
        }
    }

    /// Moves the weights `[T]` against the gradient `[T]`, in one pass over memory instead of the ten
    /// that tensor operations take.
    ///
    /// # Panics
    /// The tensors are not in the CPU's memory.
    pub fn step(&mut self, weights: &mut Tensor, gradient: &Tensor, rate: f64) {
        self.steps += 1;
        let [first, second] = &mut self.moments;
        let (weights, gradient) = (as_slice_mut(weights), as_slice(gradient));
        let (first, second) = (as_slice_mut(first), as_slice_mut(second));
        let corrections = self.betas.map(|beta| 1.0 - beta.powi(self.steps));
        let [beta1, beta2] = self.betas.map(|beta| beta as f32);
        for group in &self.groups {
            let rate = rate * group.share;
            // What decay leaves of a weight.
            let keep = (1.0 - rate * group.decay) as f32;
            let root = (1.0 / corrections[1].sqrt()) as f32;
            let rate = (rate / corrections[0]) as f32;
            let update = |weight: &mut f32, first: &mut f32, second: &mut f32, gradient: f32| {
                *first = beta1 * *first + (1.0 - beta1) * gradient;
                *second = beta2 * *second + (1.0 - beta2) * gradient * gradient;
                *weight = *weight * keep - rate * *first / (second.sqrt() * root + EPSILON as f32);
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

    /// The same by at most 20 operations, whatever the number of parameters, none of which waits for the
    /// device. Where `good`, a scalar bool, is false, neither weights nor moments nor the number of steps
    /// change. The gradient must be finite, and is overwritten.
    ///
    /// # Panics
    /// The optimizer was not made for a device.
    pub fn step_on_gpu(
        &mut self,
        weights: &mut Tensor,
        gradient: &mut Tensor,
        good: &Tensor,
        rate: f64,
    ) {
        let device = self.device.as_mut();
        let device = device.expect("an optimizer for a device takes its steps there");
        let [first, second] = &mut self.moments;
        let [beta1, beta2] = self.betas;
        // Factors are multiplied by `good`: those of a bad step are 0 and change nothing.
        let _ = device.applied.g_add_(good);
        let mut corrections = &device.log_betas * &device.applied;
        let _ = corrections.expm1_();
        let _ = corrections.abs_();
        let corrections = corrections.unbind(0);
        let _ = first.lerp_tensor_(gradient, &(good * (1.0 - beta1)));
        let _ = gradient.square_();
        let _ = second.lerp_tensor_(gradient, &(good * (1.0 - beta2)));
        // From here on the gradient's memory holds what the weights move by.
        let _ = second.div_out(gradient, &corrections[1]);
        let _ = gradient.sqrt_();
        let _ = gradient.g_add_scalar_(EPSILON);
        let _ = first.div_out(gradient, gradient);
        let _ = gradient.g_div_(&corrections[0]);
        if let Some(shares) = &device.shares {
            let _ = gradient.g_mul_(shares);
        }
        if let Some(decay) = &device.decay {
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
        let has_shares = groups.iter().any(|group| group.share != 1.0);
        let log_betas = [settings.beta1.ln(), settings.beta2.ln()];
        Self {
            applied: Tensor::full([], ALMOST_NO_STEP, (Kind::Double, device)),
            log_betas: Tensor::from_slice(&log_betas).to_device(device),
            decay: has_decay.then(|| filled(&|group| group.share * group.decay)),
            shares: has_shares.then(|| filled(&|group| group.share)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(count: usize) -> ParameterLayout {
        layout_of(count, 0)
    }

    /// `top` is the level of the second parameter; the first is of level 0.
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
    fn the_first_step_moves_each_weight_by_the_rate_against_its_gradient() {
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
    fn steps_on_the_processor_and_on_a_device_agree() {
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
            for (one, two) in one.moments().iter().zip(two.moments()) {
                assert!(largest_difference(one, two) < 1e-6);
            }
            assert_eq!((one.steps(), two.steps()), (4, 4));
        }
    }

    #[test]
    fn a_bad_step_on_a_device_changes_nothing_and_does_not_count() {
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
            let moments = adam.moments().each_ref().map(Tensor::copy);
            (weights, moments)
        };
        let ((weights, moments), (expected, expected_moments)) = (run(true), run(false));
        assert!(weights == expected);
        assert!(moments == expected_moments);
    }

    #[test]
    fn a_restored_optimizer_continues_as_the_first_would() {
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
            two.restore(one.moments().each_ref(), one.steps());
            step(&mut one, &mut weights_one, 2);
            step(&mut two, &mut weights_two, 2);
            assert!(weights_one == weights_two, "{on_gpu}");
        }
    }
}
