//! Windows: divides a long row into overlapping parts, and combines their results.

use std::ops::Range;

use settings::WindowSettings;
use tch::{Kind, Tensor};

/// The row of each window of a batch.
#[derive(Debug)]
pub struct WindowOwners {
    /// `[B]` i64: for each window the number of its row, in ascending order.
    rows: Tensor,
    /// `[R, 1]` f32: number of windows of each row.
    counts: Tensor,
    /// `counts` as numbers in CPU memory.
    spans: Vec<i64>,
}

impl WindowOwners {
    /// The owners of windows: `rows` has the row of each window, and `counts` `[R]` i64 the number of windows of each
    /// row, with the same values in `spans`.
    pub(crate) fn of(rows: Tensor, counts: &Tensor, spans: Vec<i64>) -> Self {
        Self {
            rows,
            counts: counts.to_kind(Kind::Float).unsqueeze(1),
            spans,
        }
    }

    /// The owners of windows, from the number of windows of each row.
    pub fn new(counts: &[usize], device: tch::Device) -> Self {
        let spans: Vec<i64> = counts.iter().map(|count| *count as i64).collect();
        let on_device = |numbers: &[i64]| Tensor::from_slice(numbers).to_device(device);
        Self::of(on_device(&window_owners(&spans)), &on_device(&spans), spans)
    }

    /// The mean of the windows of each row: `[B, W]` to `[R, W]`.
    pub(crate) fn mean(&self, windows: &Tensor) -> Tensor {
        let shape = [self.counts.size()[0], windows.size()[1]];
        let sums = Tensor::zeros(shape, (windows.kind(), windows.device()));
        sums.index_add(0, &self.rows, windows) / self.counts.to_kind(windows.kind())
    }

    /// The mean of the windows of each row, by weight: `[B, W]` and `[B]` to `[R, W]`.
    pub(crate) fn weighted_mean(&self, windows: &Tensor, weights: &Tensor) -> Tensor {
        let weights = weights.unsqueeze(1).to_kind(Kind::Float);
        let weighted = windows.to_kind(Kind::Float) * &weights;
        (self.mean(&weighted) / self.mean(&weights)).to_kind(windows.kind())
    }

    /// The maximum over the windows of each row: `[B, W]` to `[R, W]`.
    pub(crate) fn max(&self, windows: &Tensor) -> Tensor {
        let rows = windows.split_with_sizes(&self.spans, 0);
        let highest: Vec<Tensor> = rows.iter().map(|row| row.amax(0, false)).collect();
        Tensor::stack(&highest, 0)
    }
}

/// The row of each window, from the number of windows of each row.
pub(crate) fn window_owners(counts: &[i64]) -> Vec<i64> {
    let repeated = |(&count, row)| std::iter::repeat_n(row, count as usize);
    counts.iter().zip(0..).flat_map(repeated).collect()
}

/// Divides a row into windows. Each window starts and ends with the first and the last token of the row, which the
/// tokenizer adds to a text. A row that is short enough is not divided.
pub(crate) fn windows_of<I: Copy>(ids: &[I], settings: WindowSettings) -> Vec<Vec<I>> {
    let length = settings.length as usize;
    if ids.len() <= length {
        return vec![ids.to_vec()];
    }
    let (first, last) = (ids[0], ids[ids.len() - 1]);
    let body = &ids[1..ids.len() - 1];
    spans(body.len(), length - 2, settings.overlap as usize)
        .map(|span| [&[first], &body[span], &[last]].concat())
        .collect()
}

/// Overlapping spans of `length` elements that cover all of `all`. The last span starts early enough to have the full
/// length.
fn spans(all: usize, length: usize, overlap: usize) -> impl Iterator<Item = Range<usize>> {
    let step = length - overlap;
    let count = all.saturating_sub(length).div_ceil(step) + 1;
    (0..count).map(move |number| {
        let end = (number * step + length).min(all);
        end.saturating_sub(length)..end
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_a_row() {
        let check = |length: i64, window: u32, overlap: u32, expected: &[&[i64]]| {
            let ids: Vec<i64> = (0..length).collect();
            let settings = WindowSettings {
                length: window,
                overlap,
            };
            assert_eq!(
                windows_of(&ids, settings),
                expected,
                "{length} {window} {overlap}"
            );
        };
        check(5, 5, 1, &[&[0, 1, 2, 3, 4]]);
        check(6, 5, 0, &[&[0, 1, 2, 3, 5], &[0, 2, 3, 4, 5]]);
        check(8, 5, 0, &[&[0, 1, 2, 3, 7], &[0, 4, 5, 6, 7]]);
        check(
            8,
            5,
            1,
            &[&[0, 1, 2, 3, 7], &[0, 3, 4, 5, 7], &[0, 4, 5, 6, 7]],
        );
    }

    #[test]
    fn results_of_windows_are_combined_by_row() {
        let owners = WindowOwners::new(&[1, 2], tch::Device::Cpu);
        let windows = Tensor::from_slice(&[1.0_f32, -1.0, 2.0, 5.0, 4.0, 3.0]).view([3, 2]);
        let found = |tensor: Tensor| Vec::<f32>::try_from(tensor.view([-1])).expect("numbers");
        assert_eq!(found(owners.mean(&windows)), [1.0, -1.0, 3.0, 4.0]);
        assert_eq!(found(owners.max(&windows)), [1.0, -1.0, 4.0, 5.0]);
        let weights = Tensor::from_slice(&[7_i64, 3, 1]);
        assert_eq!(
            found(owners.weighted_mean(&windows, &weights)),
            [1.0, -1.0, 2.5, 4.5]
        );
    }
}
