//! Relative positions in buckets (Raffel et al. 2020, section 2.1), as MPNet has them.

use std::sync::{Mutex, PoisonError};

use tch::{Device, Tensor};

/// Larger distances share the last bucket.
const FARTHEST: f64 = 128.0;

/// The buckets of all pairs of positions, computed once for the longest rows so far. The table for shorter rows is a
/// corner of it.
#[derive(Debug, Default)]
pub(super) struct Buckets(Mutex<Option<Tensor>>);

impl Buckets {
    /// The bucket of the distance between each query position and each key position, in row-major order `[T * T]`.
    pub(super) fn for_length(&self, length: i64, count: i64, device: Device) -> Tensor {
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |table: &Tensor| table.size()[0] >= length && table.device() == device;
        if !cached.as_ref().is_some_and(fits) {
            *cached = Some(buckets(length, count).to_device(device));
        }
        let table = cached.as_ref().expect("just computed");
        let corner = table.narrow(0, 0, length).narrow(1, 0, length);
        corner.reshape([-1])
    }
}

/// The bucket of the distance from each query position (row) to each key position (column): `[T, T]` i64.
fn buckets(length: i64, count: i64) -> Tensor {
    let distances = 1 - length..length;
    let by_distance: Vec<i64> = distances.map(|it| bucket(it, count)).collect();
    let mut buckets = Vec::with_capacity((length * length) as usize);
    for query in 0..length {
        // The key position minus the query position runs from `-query` up.
        let start = (length - 1 - query) as usize;
        buckets.extend_from_slice(&by_distance[start..start + length as usize]);
    }
    Tensor::from_slice(&buckets).view([length, length])
}

/// The bucket of a distance. Half of the buckets are for earlier positions, half for later ones. Small distances have
/// a bucket each; larger ones share buckets on a logarithmic scale. Computed in f32 like the reference, because
/// rounding at the edge of a bucket selects another row of the table.
fn bucket(distance: i64, count: i64) -> i64 {
    let half = count / 2;
    let offset = if distance > 0 { half } else { 0 };
    let size = distance.abs();
    let exact = half / 2;
    if size < exact {
        return offset + size;
    }
    let share = (size as f32 / exact as f32).ln() / (FARTHEST / exact as f64).ln() as f32;
    let shared = exact + (share * (half - exact) as f32) as i64;
    offset + shared.min(half - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_distances_have_their_own_bucket() {
        let check =
            |distance: i64, expected: i64| assert_eq!(bucket(distance, 32), expected, "{distance}");
        check(0, 0);
        check(-1, 1);
        check(-7, 7);
        check(-8, 8);
        check(1, 17);
        check(7, 23);
        check(-128, 15);
        check(-5000, 15);
        check(5000, 31);
    }

    #[test]
    fn rows_are_queries_and_columns_are_keys() {
        let buckets = Buckets::default();
        let found = |length| {
            let found = buckets.for_length(length, 32, Device::Cpu);
            Vec::<i64>::try_from(found).expect("a vector")
        };
        let three = [0, 17, 18, 1, 0, 17, 2, 1, 0];
        assert_eq!(found(3), three);
        // The corner of a larger table is the same.
        assert_eq!(found(7).len(), 49);
        assert_eq!(found(3), three);
    }
}
