//! Relative positions in buckets (Raffel et al. 2020, section 2.1), as MPNet has them.

use std::sync::{Mutex, PoisonError};

use tch::{Device, Tensor};

/// Distances from this one on share the last bucket.
const FARTHEST: f64 = 128.0;

/// The buckets of all pairs of places, computed once for the longest rows seen so far: a table for
/// shorter rows is its corner.
#[derive(Debug, Default)]
pub(super) struct Buckets(Mutex<Option<Tensor>>);

impl Buckets {
    /// For each pair of a reading and a read place, in row-major order `[T * T]`, the bucket of their
    /// distance.
    pub(super) fn of(&self, length: i64, count: i64, device: Device) -> Tensor {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |table: &Tensor| table.size()[0] >= length && table.device() == device;
        if !known.as_ref().is_some_and(fits) {
            *known = Some(buckets(length, count).to_device(device));
        }
        let table = known.as_ref().expect("just computed");
        let corner = table.narrow(0, 0, length).narrow(1, 0, length);
        corner.reshape([-1])
    }
}

/// The bucket of the distance of each reading place, by row, to each read place: `[T, T]` i64.
fn buckets(length: i64, count: i64) -> Tensor {
    let by_distance: Vec<i64> = (1 - length..length)
        .map(|distance| bucket(distance, count))
        .collect();
    let mut buckets = Vec::with_capacity((length * length) as usize);
    for reading in 0..length {
        // The read place minus the reading one runs from `-reading` up.
        let start = (length - 1 - reading) as usize;
        buckets.extend_from_slice(&by_distance[start..start + length as usize]);
    }
    Tensor::from_slice(&buckets).view([length, length])
}

/// The bucket of a distance: half of them for places behind, half for places ahead; near distances
/// each have their own, farther ones share by their logarithm. In f32, as the reference computes
/// it, because a rounding at the edge of a bucket is another row of the table.
fn bucket(distance: i64, count: i64) -> i64 {
    let half = count / 2;
    let ahead = if distance > 0 { half } else { 0 };
    let far = distance.abs();
    let exact = half / 2;
    if far < exact {
        return ahead + far;
    }
    let share = (far as f32 / exact as f32).ln() / (FARTHEST / exact as f64).ln() as f32;
    let shared = exact + (share * (half - exact) as f32) as i64;
    ahead + shared.min(half - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_places_have_their_own_bucket() {
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
    fn rows_are_the_reading_places() {
        let buckets = Buckets::default();
        let found = |length| {
            let found = buckets.of(length, 32, Device::Cpu);
            Vec::<i64>::try_from(found).expect("a vector")
        };
        let three = [0, 17, 18, 1, 0, 17, 2, 1, 0];
        assert_eq!(found(3), three);
        // Also as the corner of a larger table.
        assert_eq!(found(7).len(), 49);
        assert_eq!(found(3), three);
    }
}
