//! Which rows come together in a batch.

use std::ops::Range;

use crate::{CounterRng, IdRows};

/// BatchSize per pool: large enough that neighbours after sorting have nearly the same length, small
/// enough that the batches of an epoch stay random.
const POOL: usize = 40;

/// The batches of one training epoch: `count` rows shuffled, sorted by length within pools, the batches
/// shuffled again. A function of the rng alone.
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

/// BatchSize for predicting: some rows, sorted by length, as many in a batch as have about this many
/// tokens together.
pub fn batches_of_tokens(rows: &dyn IdRows, span: Range<usize>, tokens: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = span.collect();
    order.sort_by_key(|&row| rows.length(row));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for row in order {
        match batches.last_mut() {
            // Rows come by length, so this one is the longest.
            Some(batch) if (batch.len() + 1) * rows.length(row) <= tokens => batch.push(row),
            _ => batches.push(vec![row]),
        }
    }
    batches
}

/// BatchSize for predicting: all rows, sorted by length.
pub fn sorted_batches(rows: &dyn IdRows, batch_size: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|&row| rows.length(row));
    order.chunks(batch_size).map(<[usize]>::to_vec).collect()
}
