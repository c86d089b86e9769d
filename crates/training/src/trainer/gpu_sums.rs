//! Sums of losses and checks of gradients that stay on the GPU until they are read, because reading a number makes the
//! CPU wait for all queued work.

use tch::{Device, Kind, Tensor, no_grad};

/// Sums of losses, and whether all steps were finite, on the GPU.
#[derive(Debug)]
pub(super) struct GpuSums {
    /// f64 scalar: sum of the losses of the examples.
    loss: Tensor,
    /// i64 scalar: number of examples predicted correctly.
    correct: Tensor,
    /// f32 scalar: norm of the last gradient before clipping.
    norm: Tensor,
    /// bool scalar: true if no step was bad so far.
    all_good: Tensor,
    /// i64 scalar: number of steps before the first bad one.
    good_steps: Tensor,
    /// f32 scalar: the norm above which gradients are clipped; `None` without clipping.
    limit: Option<Tensor>,
}

/// The values of the sums.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SumValues {
    pub(super) loss: f64,
    pub(super) correct: u64,
    pub(super) norm: f64,
    /// Index from 0 of the first non-finite step since the last read; `None` if all were finite.
    pub(super) first_bad: Option<u64>,
}

impl GpuSums {
    pub(super) fn new(clip_norm: f64, device: Device) -> Self {
        let scalar = |kind| Tensor::zeros([], (kind, device));
        Self {
            loss: scalar(Kind::Double),
            correct: scalar(Kind::Int64),
            norm: scalar(Kind::Float),
            all_good: scalar(Kind::Bool).logical_not(),
            good_steps: scalar(Kind::Int64),
            limit: (clip_norm > 0.0).then(|| Tensor::full([], clip_norm, (Kind::Float, device))),
        }
    }

    /// Clips a gradient and sets it to 0 if it is not finite. Returns a bool scalar: whether gradient and losses were
    /// finite. Waits for nothing.
    pub(super) fn clip(&mut self, gradient: &mut Tensor, losses: &[(Tensor, Tensor)]) -> Tensor {
        let norm = gradient.norm();
        let mut sum = norm.shallow_clone();
        for (loss, correct) in losses {
            sum = &sum + loss;
            let _ = self.loss.g_add_(loss);
            let _ = self.correct.g_add_(correct);
        }
        let good = sum.isfinite();
        if let Some(limit) = &self.limit {
            let mut factor = limit / &norm;
            let _ = factor.clamp_max_(1.0);
            let _ = gradient.g_mul_(&factor);
        }
        // Non-finite values must not reach the moments: NaN times 0 is NaN.
        let _ = gradient.masked_fill_(&good.logical_not(), 0.0);
        self.norm.copy_(&norm);
        let _ = self.all_good.logical_and_(&good);
        let _ = self.good_steps.g_add_(&self.all_good);
        good
    }

    /// Reads the sums with one copy, and resets them.
    pub(super) fn read(&mut self) -> SumValues {
        let as_double = |tensor: &Tensor| tensor.to_kind(Kind::Double);
        let [loss, correct, norm] = [&self.loss, &self.correct, &self.norm].map(as_double);
        let [good, steps] = [&self.all_good, &self.good_steps].map(as_double);
        let all = Tensor::stack(&[loss, correct, norm, good, steps], 0);
        let found = Vec::<f64>::try_from(all.to_device(Device::Cpu)).expect("five numbers");
        no_grad(|| {
            let _ = self.loss.zero_();
            let _ = self.correct.zero_();
            let _ = self.good_steps.zero_();
            let _ = self.all_good.fill_(1);
        });
        SumValues {
            loss: found[0],
            correct: found[1] as u64,
            norm: found[2],
            first_bad: (found[3] == 0.0).then_some(found[4] as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn losses(loss: f32) -> [(Tensor, Tensor); 1] {
        [(Tensor::from(loss), Tensor::from(3_i64))]
    }

    #[test]
    fn gradients_are_clipped_and_losses_are_summed() {
        let mut sums = GpuSums::new(2.0, Device::Cpu);
        let mut gradient = Tensor::from_slice(&[3.0_f32, 4.0]);
        let good = sums.clip(&mut gradient, &losses(0.5));
        assert_eq!(good.int64_value(&[]), 1);
        let found = Vec::<f32>::try_from(&gradient).expect("two numbers");
        assert!(
            (found[0] - 1.2).abs() < 1e-6 && (found[1] - 1.6).abs() < 1e-6,
            "{found:?}"
        );
        let mut small = Tensor::from_slice(&[0.3_f32, 0.4]);
        let _ = sums.clip(&mut small, &losses(0.25));
        assert_eq!(
            Vec::<f32>::try_from(&small).expect("two numbers"),
            [0.3, 0.4]
        );
        let expected = SumValues {
            loss: 0.75,
            correct: 6,
            norm: 0.5,
            first_bad: None,
        };
        assert_eq!(sums.read(), expected);
        assert_eq!((sums.read().loss, sums.read().correct), (0.0, 0));
    }

    #[test]
    fn the_first_bad_step_is_found_and_its_gradient_is_zero() {
        // The square of 1e20 is not finite, so its norm is not.
        for (bad, limit) in [(f32::NAN, 1.0), (f32::INFINITY, 1.0), (1e20, 0.0)] {
            let mut sums = GpuSums::new(limit, Device::Cpu);
            let mut step = |gradient: [f32; 2], loss| {
                let mut gradient = Tensor::from_slice(&gradient);
                let good = sums.clip(&mut gradient, &losses(loss));
                let good = good.int64_value(&[]) == 1;
                let largest = gradient.abs().max().double_value(&[]);
                assert!(largest.is_finite() && (good || largest == 0.0), "{largest}");
                good
            };
            let good = [
                step([1.0, 2.0], 0.1),
                step([1.0, 2.0], 0.1),
                step([bad, 2.0], 0.1),
                step([1.0, 2.0], 0.1),
                step([1.0, 2.0], f32::NAN),
            ];
            assert_eq!(good, [true, true, false, true, false]);
            assert_eq!(sums.read().first_bad, Some(2));
            assert_eq!(sums.read().first_bad, None);
        }
    }
}
