//! Convolutions over token vectors, followed by the maximum over time of each feature map (Kim 2014).

use settings::ModelSettings;
use tch::Tensor;

use crate::dense::Dense;
use crate::parameters::ParameterLayout;
use crate::pooling::masked_max;
use crate::{ForwardContext, init};

/// One bank of filters for each kernel width.
#[derive(Debug)]
pub(crate) struct Convolution {
    /// Kernel width, and the filters `[filters, D, kernel]` with their bias.
    banks: Vec<(i64, Dense)>,
    filters: i64,
}

impl Convolution {
    pub(crate) fn new(settings: &ModelSettings, width: i64, layout: &mut ParameterLayout) -> Self {
        let rng = init::rng(settings).child(1);
        let filters = i64::from(settings.filters);
        let bank = |(index, kernel): (usize, &u32)| {
            let kernel = i64::from(*kernel);
            let count = (filters * width * kernel) as usize;
            let weight = init::he_uniform(rng.child(index as u64), count, width * kernel);
            let (name, shape) = (format!("kernel{kernel}.{index}"), [filters, width, kernel]);
            (kernel, Dense::new(&name, &shape, &weight, None, layout))
        };
        let widths = settings.kernel_widths.iter().enumerate();
        let banks = widths.map(bank).collect();
        Self { banks, filters }
    }

    pub(crate) fn output_width(&self) -> i64 {
        self.filters * self.banks.len() as i64
    }

    /// Minimum length of a batch, padding included.
    pub(crate) fn min_length(&self) -> usize {
        let kernels = self.banks.iter().map(|(kernel, _)| *kernel as usize);
        kernels.max().unwrap_or(1)
    }

    /// From `[T, B, D]` to `[B, W]`.
    ///
    /// A kernel position counts if it lies within the row. The first position always counts, so that a row shorter
    /// than the kernel, which is padded with zeros, has one. The result does not depend on the other rows of the
    /// batch.
    pub(crate) fn forward(&self, vectors: &Tensor, context: ForwardContext<'_>) -> Tensor {
        let batch = context.batch;
        let xs = (vectors * &batch.mask).permute([1, 2, 0]);
        let time = vectors.size()[0];
        let pool = |(kernel, filters): &(i64, Dense)| {
            let [weight, bias] = filters.tensors(context.parameters);
            let maps = xs.conv1d(weight, Some(bias), 1, 0, 1, 1).relu();
            let windows = batch.mask.narrow(0, kernel - 1, time - kernel + 1);
            let first = batch.mask.narrow(0, 0, 1);
            let rest = windows.narrow(0, 1, windows.size()[0] - 1);
            masked_max(&maps.permute([2, 0, 1]), &Tensor::cat(&[first, rest], 0))
        };
        Tensor::cat(&self.banks.iter().map(pool).collect::<Vec<_>>(), 1)
    }
}
