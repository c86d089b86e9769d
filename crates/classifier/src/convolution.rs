//! Convolutions over token vectors, the maximum over time of each feature map (Kim 2014).

use settings::ModelSettings;
use tch::Tensor;

use crate::parameters::{Layout, ParameterId, Parameters};
use crate::pooling::masked_max;
use crate::{Batch, Stream, initial};

/// One bank of filters for each kernel width.
#[derive(Debug)]
pub(crate) struct Convolution {
    banks: Vec<Bank>,
    filters: i64,
}

#[derive(Debug)]
struct Bank {
    kernel: i64,
    weight: ParameterId,
    bias: ParameterId,
}

impl Convolution {
    pub(crate) fn new(
        settings: &ModelSettings,
        width: i64,
        layout: &mut Layout,
        stream: Stream,
    ) -> Self {
        let filters = i64::from(settings.filters);
        let banks = settings
            .kernel_widths
            .iter()
            .enumerate()
            .map(|(index, &kernel)| {
                let kernel = i64::from(kernel);
                let count = (filters * width * kernel) as usize;
                let weight = initial::he_uniform(stream.child(index as u64), count, width * kernel);
                Bank {
                    kernel,
                    weight: layout.add(
                        format!("kernel{kernel}.{index}.weight"),
                        &[filters, width, kernel],
                        true,
                        &weight,
                    ),
                    bias: layout.add(
                        format!("kernel{kernel}.{index}.bias"),
                        &[filters],
                        false,
                        &vec![0.0; filters as usize],
                    ),
                }
            })
            .collect();
        Self { banks, filters }
    }

    pub(crate) fn output_width(&self) -> i64 {
        self.filters * self.banks.len() as i64
    }

    /// Rows of a batch must be at least this long, padding included.
    pub(crate) fn least_length(&self) -> usize {
        self.banks
            .iter()
            .map(|bank| bank.kernel as usize)
            .max()
            .unwrap_or(1)
    }

    /// `vectors` is `[T, B, D]`; gives `[B, W]`.
    ///
    /// A window counts if it lies within the row, and the first one always, so that a row shorter
    /// than the kernel has one window, filled up with zeros; all of it independent of the batch.
    pub(crate) fn forward(
        &self,
        vectors: &Tensor,
        batch: &Batch,
        parameters: &Parameters,
    ) -> Tensor {
        let xs = (vectors * &batch.mask).permute([1, 2, 0]);
        let time = vectors.size()[0];
        let pooled: Vec<Tensor> = self
            .banks
            .iter()
            .map(|bank| {
                let maps = xs
                    .conv1d(
                        parameters.get(bank.weight),
                        Some(parameters.get(bank.bias)),
                        1,
                        0,
                        1,
                        1,
                    )
                    .relu();
                let windows = batch
                    .mask
                    .narrow(0, bank.kernel - 1, time - bank.kernel + 1);
                let first = batch.mask.narrow(0, 0, 1);
                let rest = windows.narrow(0, 1, windows.size()[0] - 1);
                masked_max(&maps.permute([2, 0, 1]), &Tensor::cat(&[first, rest], 0))
            })
            .collect();
        Tensor::cat(&pooled, 1)
    }
}
