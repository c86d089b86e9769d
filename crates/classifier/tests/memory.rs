//! Predictions with full memory and with a missing device. This file is a separate process with a limited address
//! space, so that allocations of libtorch really fail.

#![allow(missing_docs, reason = "tests")]
#![cfg(target_os = "linux")]

use std::fs;
use std::ops::ControlFlow;

use artifact::{Failure, FailureKind};
use bundle::Sizes;
use classifier::{
    ClassifierError, Inference, Logits, MemoryLimit, Network, Replica, TorchFault, Weights,
};
use settings::{ModelKind, ModelSettings};
use tch::{Device, Kind};

const VOCABULARY: u32 = 50;
const WIDTH: u32 = 512;
const ROWS: usize = 2048;
const LONGEST: usize = 48;

/// Room beyond the memory of the process at the start: enough for one tensor of the whole batch, which takes 192 MiB,
/// but not for two.
const ROOM: u64 = 256 << 20;

struct Machine {
    network: Network,
    replicas: Vec<Replica>,
    rows: Vec<Vec<u32>>,
}

impl Machine {
    fn new() -> Self {
        let sizes = Sizes {
            vocabulary_size: VOCABULARY,
            width: WIDTH,
            classes: 2,
        };
        let values: Vec<f32> = (0..VOCABULARY * WIDTH)
            .map(|n| (n as f32 * 0.37).sin())
            .collect();
        let network = Network::new(&ModelSettings::new(ModelKind::Naive), sizes, &values);
        let weights = Weights {
            flat: network.initial(Device::Cpu),
            frozen: None,
        };
        let replicas = vec![Replica::new(&network, &weights, Kind::Float)];
        let row = |row: usize| -> Vec<u32> {
            let length = LONGEST - row % 5;
            (0..length)
                .map(|position| ((row * 7 + position * 3) % VOCABULARY as usize) as u32)
                .collect()
        };
        Self {
            network,
            replicas,
            rows: (0..ROWS).map(row).collect(),
        }
    }

    fn logits(
        &mut self,
        batch_size: usize,
        device: Device,
        memory: &MemoryLimit,
    ) -> Result<Logits, ClassifierError> {
        let inference = Inference {
            network: &self.network,
            rows: &self.rows.as_slice(),
            pad_id: 0,
            device,
            memory,
            progress: &|_| ControlFlow::Continue(()),
        };
        inference.logits(&mut self.replicas, batch_size)
    }

    fn states(&mut self, memory: &MemoryLimit) -> Result<Vec<f32>, ClassifierError> {
        let inference = Inference {
            network: &self.network,
            rows: &self.rows.as_slice(),
            pad_id: 0,
            device: Device::Cpu,
            memory,
            progress: &|_| ControlFlow::Continue(()),
        };
        let batches = classifier::sorted_batches(&self.rows.as_slice(), ROWS);
        inference.states(&mut self.replicas, &batches, 0..ROWS)
    }
}

/// Limits the address space to its current size plus `room`; `None` removes the limit.
fn limit_memory(room: Option<u64>) {
    let maximum = room.map_or(libc::RLIM_INFINITY, |room| {
        let statm = fs::read_to_string("/proc/self/statm").expect("Linux has it");
        let pages: u64 = statm
            .split(' ')
            .next()
            .and_then(|pages| pages.parse().ok())
            .expect("a number");
        pages * 4096 + room
    });
    let limit = libc::rlimit {
        rlim_cur: maximum,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: the pointer is to a value that lives through the call.
    let set = unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) };
    assert_eq!(set, 0);
}

#[track_caller]
fn check_close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (row, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() < 1e-5, "{row}: {found} {expected}");
    }
}

#[test]
fn predictions_work_with_full_memory_and_report_a_missing_device() {
    let mut machine = Machine::new();
    let enough = MemoryLimit::default();
    let expected = machine.logits(64, Device::Cpu, &enough).expect("it fits");
    let states = machine.states(&enough).expect("it fits");
    assert_eq!(enough.take_note(), None);

    limit_memory(Some(ROOM));
    let memory = MemoryLimit::default();
    let found = machine.logits(ROWS, Device::Cpu, &memory);
    let again = machine.logits(ROWS, Device::Cpu, &memory);
    let limit = memory.tokens();
    let other = MemoryLimit::default();
    let found_states = machine.states(&other);
    limit_memory(None);

    check_close(&found.expect("parts fit").values, &expected.values);
    check_close(&again.expect("parts fit").values, &expected.values);
    assert!(limit < ROWS * LONGEST, "the memory was full: {limit}");
    assert!(memory.take_note().is_some_and(|note| note.contains("full")));
    // No attempt failed the second time.
    assert_eq!(memory.tokens(), limit);
    check_close(&found_states.expect("parts fit"), &states);
    assert!(other.tokens() < ROWS * LONGEST);

    // No machine has a device with this number.
    let missing = machine.logits(64, Device::Cuda(99), &enough);
    let error = missing.expect_err("there is no such device");
    assert_eq!(error.fault(), Some(TorchFault::Device), "{error:?}");
    assert_eq!(Failure::from(error).kind(), FailureKind::Transient);
}
