//! Resuming on the GPU path. This file is a separate process, because the process has one generator for dropout masks.

mod common;

use std::fs;

use classifier::ComputePath;
use common::{run, setup, train_without_checkpoints};
use settings::ModelKind;

#[test]
fn a_resumed_training_on_the_gpu_path_gives_the_same_bits() {
    let setup = setup(ModelKind::Lstm, "", 6, 0.3);
    let (expected, _) = train_without_checkpoints(&setup, ComputePath::Gpu);
    let (other, _) = train_without_checkpoints(&setup, ComputePath::Cpu);
    assert!(
        expected.flat != other.flat,
        "the masks of the two paths differ"
    );
    // A first run leaves checkpoints; the newest one, of the last step, is removed.
    let folder = tempfile::tempdir().expect("a folder");
    let (trained, ..) = run(&setup, ComputePath::Gpu, folder.path(), 2);
    trained.expect("it trains");
    let mut checkpoints: Vec<_> = fs::read_dir(folder.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|found| found == "safetensors"))
        .collect();
    checkpoints.sort();
    assert!(checkpoints.len() == 2, "{checkpoints:?}");
    fs::remove_file(&checkpoints[1]).expect("removed");
    let (resumed, weights, _) = run(&setup, ComputePath::Gpu, folder.path(), 2);
    resumed.expect("it resumes");
    assert!(weights.flat == expected.flat);
}
