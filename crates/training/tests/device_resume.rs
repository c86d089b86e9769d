//! In a process of its own: the generator that draws masks on a GPU is the process's.

mod common;

use std::fs;

use classifier::ComputePath;
use common::{run, setup, train_undisturbed};
use settings::ModelKind;

#[test]
fn a_resumed_training_on_a_device_gives_the_same_bits() {
    let setup = setup(ModelKind::Lstm, "", 6, 0.3);
    let (expected, _) = train_undisturbed(&setup, ComputePath::Gpu);
    let (other, _) = train_undisturbed(&setup, ComputePath::Cpu);
    assert!(
        expected.flat != other.flat,
        "masks come from another generator"
    );
    // A first run leaves checkpoints behind; the newest is that of the last step, so it is removed.
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
