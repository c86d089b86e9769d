use tch::{Device, Kind, Tensor};

use super::*;
use crate::TorchFault;

/// Bytes of an allocation that no machine can satisfy.
const ABSURD: i64 = 1 << 50;

/// Allocates one value per token, on an imaginary machine with room for `room` tokens. Larger amounts are requested
/// as an absurd size, which the system refuses.
fn allocate(rows: &[i64], room: i64) -> Result<Vec<i64>, ClassifierError> {
    let tokens: i64 = rows.iter().sum();
    let size = if tokens > room { ABSURD } else { tokens };
    ClassifierError::catch("allocate", || {
        let _ = Tensor::zeros([size], (Kind::Float, Device::Cpu));
        Ok(rows.to_vec())
    })
}

fn total(rows: &[i64]) -> usize {
    rows.iter().sum::<i64>() as usize
}

#[test]
fn rows_that_do_not_fit_are_halved_and_the_limit_stays() {
    let limit = MemoryLimit::default();
    assert_eq!(limit.take_note(), None);
    let rows = [1, 2, 3, 4, 5, 6, 7, 8];
    let mut attempts = Vec::new();
    let parts = limit.compute_in_parts(&rows, total, |part| {
        attempts.push(part.len());
        allocate(part, 13)
    });
    let parts = parts.expect("every row fits");
    assert_eq!(parts.concat(), rows);
    assert_eq!(attempts, [8, 4, 2, 2, 1, 1]);
    // 36 tokens did not fit, and then 15.
    assert_eq!(limit.tokens(), 7);
    let note = limit.take_note().expect("the limit has fallen");
    assert!(note.contains("at most 7 tokens"), "{note}");
    assert_eq!(limit.take_note(), None);
    // Later rows start below the limit, so no attempt fails.
    let later = limit.compute_in_parts(&rows, total, |part| {
        assert!(total(part) <= 7 || part.len() == 1, "{part:?}");
        allocate(part, 13)
    });
    assert_eq!(later.expect("it fits").concat(), rows);
    assert_eq!(limit.take_note(), None);
}

#[test]
fn a_single_row_that_does_not_fit_is_an_error() {
    let limit = MemoryLimit::default();
    let error = limit.compute_in_parts(&[1, 2, 90], total, |part| allocate(part, 50));
    let error = error.expect_err("90 tokens are too many");
    let expected = "A single row of 90 tokens does not fit into memory";
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.fault(), Some(TorchFault::HostMemory));
    // One large row does not lower the limit for the others.
    assert!(limit.tokens() >= 45, "{}", limit.tokens());
}

#[test]
fn other_errors_are_not_retried() {
    let limit = MemoryLimit::default();
    let mut attempts = 0;
    let failed = limit.compute_in_parts(&[1, 2], total, |_| {
        attempts += 1;
        ClassifierError::catch("reshape", || {
            let _ = Tensor::zeros([7], (Kind::Float, Device::Cpu)).view([2, 3]);
            Ok(())
        })
    });
    assert_eq!(
        failed.expect_err("no shape").fault(),
        Some(TorchFault::Other)
    );
    assert_eq!((attempts, limit.tokens()), (1, UNLIMITED));
}

#[test]
fn threads_that_report_the_same_shortage_halve_the_limit_once() {
    let limit = MemoryLimit::default();
    limit.reduce(1000);
    limit.reduce(1000);
    assert_eq!(limit.tokens(), 500);
    limit.reduce(4000);
    assert_eq!(limit.tokens(), 500);
    limit.reduce(1);
    assert_eq!(limit.tokens(), 1);
}
