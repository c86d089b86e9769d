//! Groups rows into batches.

use std::ops::Range;

use crate::{CounterRng, IdRows};

/// Number of batches per pool: large enough that neighbours after sorting have similar lengths, small enough that the
/// batches of an epoch stay random.
const POOL: usize = 40;

/// The batches of one training epoch: `count` rows shuffled, sorted by length within pools, and the batches shuffled
/// again. They depend on `rng` alone.
pub fn epoch_batches(
    count: usize,
    length: impl Fn(usize) -> usize,
    batch_size: usize,
    rng: CounterRng,
) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..count).collect();
    rng.child(0).shuffle(&mut order);
    let mut batches = Vec::with_capacity(order.len().div_ceil(batch_size));
    for pool in order.chunks_mut(POOL * batch_size) {
        pool.sort_by_key(|&row| length(row));
        batches.extend(pool.chunks(batch_size).map(<[usize]>::to_vec));
    }
    rng.child(1).shuffle(&mut batches);
    batches
}

/// Batches for prediction: the rows of `span` sorted by length, with about this many tokens in each batch, padding
/// included.
pub fn batches_of_tokens(rows: &dyn IdRows, span: Range<usize>, tokens: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = span.collect();
    order.sort_by_key(|&row| rows.length(row));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for row in order {
        match batches.last_mut() {
            // Rows are sorted by length, so this row is the longest of the batch.
            Some(batch) if (batch.len() + 1) * rows.length(row) <= tokens => batch.push(row),
            _ => batches.push(vec![row]),
        }
    }
    batches
}

/// Batches for prediction: all rows, sorted by length.
pub fn sorted_batches(rows: &dyn IdRows, batch_size: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|&row| rows.length(row));
    order.chunks(batch_size).map(<[usize]>::to_vec).collect()
}
