//! Packed rows without padding, as cuDNN's recurrent kernels read them: first the first token of every row, the longest
//! row first, then the second tokens, and so on (`torch.nn.utils.rnn.PackedSequence`).

use tch::Tensor;

/// The mapping between a padded batch and its packed tokens.
#[derive(Debug)]
pub struct Packing {
    /// `[N]` i64: the index in the padded batch `[T * B]` of each packed token.
    tokens: Tensor,
    /// `[T * B]` i64: the packed token of each index of the padded batch; token 0 for padding.
    indices: Tensor,
    /// `[S]` i64 on the host: rows that still have a token at each step.
    pub(crate) steps: Tensor,
    /// Rows of the batch.
    pub(crate) rows: i64,
}

impl Packing {
    /// The two index lists of [`Packing`] and the number of rows at each step. Every row must have a token.
    pub(crate) fn indices(lengths: &[usize], time: usize) -> (Vec<i64>, Vec<i64>, Vec<i64>) {
        let count = lengths.len();
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by_key(|&row| std::cmp::Reverse(lengths[row]));
        let (mut tokens, mut steps) = (Vec::new(), Vec::new());
        let mut indices = vec![0; time * count];
        for position in 0..lengths.iter().copied().max().unwrap_or(0) {
            let first = tokens.len();
            for row in order.iter().take_while(|&&row| lengths[row] > position) {
                let index = position * count + row;
                indices[index] = tokens.len() as i64;
                tokens.push(index as i64);
            }
            steps.push((tokens.len() - first) as i64);
        }
        (tokens, indices, steps)
    }

    pub(crate) fn new(tokens: Tensor, indices: Tensor, steps: &[i64]) -> Self {
        Self {
            tokens,
            indices,
            steps: Tensor::from_slice(steps),
            rows: steps.first().copied().unwrap_or(0),
        }
    }

    /// From `[T, B, D]` to `[N, D]`.
    pub(crate) fn pack(&self, padded: &Tensor) -> Tensor {
        let width = *padded.size().last().expect("three dimensions");
        padded.reshape([-1, width]).index_select(0, &self.tokens)
    }

    /// From `[N, W]` to `[T, B, W]`. Padding gets the state of token 0, which pooling must mask.
    pub(crate) fn unpack(&self, packed: &Tensor, time: i64, rows: i64) -> Tensor {
        packed.index_select(0, &self.indices).view([time, rows, -1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_packed_step_by_step_and_longest_row_first() {
        // Rows of one, three and two tokens in a batch of four steps.
        let (tokens, indices, steps) = Packing::indices(&[1, 3, 2], 4);
        assert_eq!(steps, [3, 2, 1]);
        // Indices are numbered step by step: 0 to 2 are the first tokens.
        assert_eq!(tokens, [1, 2, 0, 4, 5, 7]);
        assert_eq!(indices, [2, 0, 1, 0, 3, 4, 0, 5, 0, 0, 0, 0]);
    }

    #[test]
    fn unpacking_reverses_packing() {
        let lengths = [2, 5, 1, 5];
        let (time, rows) = (6, lengths.len());
        let (tokens, indices, steps) = Packing::indices(&lengths, time);
        let packing = Packing::new(
            Tensor::from_slice(&tokens),
            Tensor::from_slice(&indices),
            &steps,
        );
        let padded = Tensor::arange((time * rows) as i64, tch::kind::FLOAT_CPU);
        let padded = padded.view([time as i64, rows as i64, 1]);
        let again = packing.unpack(&packing.pack(&padded), time as i64, rows as i64);
        for (row, &length) in lengths.iter().enumerate() {
            for position in 0..length as i64 {
                let at = |tensor: &Tensor| tensor.double_value(&[position, row as i64, 0]);
                assert_eq!(at(&again), at(&padded), "{row} {position}");
            }
        }
    }
}
