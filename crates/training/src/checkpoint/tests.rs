use std::fs;
use std::path::{Path, PathBuf};

use classifier::as_slice;
use tch::Tensor;

use super::Checkpoint;
use super::file::{list_checkpoints, parse_name};

/// A made-up state after this many steps.
pub(crate) fn made_up(step: u64) -> Checkpoint {
    let tensors: [(&str, &[f32]); 2] =
        [("weights", &[1.0, -0.0, f32::MIN_POSITIVE]), ("best", &[])];
    let tensors = tensors.map(|(name, values)| (name.to_owned(), Tensor::from_slice(values)));
    Checkpoint {
        step,
        position: format!("{{\"step\":{step}}}"),
        tensors: tensors.into(),
        record: b"{}\n".to_vec(),
    }
}

fn write(checkpoint: &Checkpoint, folder: &Path) -> PathBuf {
    checkpoint.write(folder).expect("it is written")
}

/// The tensors of a checkpoint, with values as bits.
fn bits(checkpoint: &Checkpoint) -> Vec<(&str, Vec<u32>)> {
    let tensors = checkpoint.tensors.iter().map(|(name, tensor)| {
        let bits = as_slice(tensor).iter().map(|value| value.to_bits());
        (name.as_str(), bits.collect())
    });
    tensors.collect()
}

#[test]
fn a_checkpoint_is_read_back_bit_for_bit() {
    let folder = tempfile::tempdir().expect("a folder");
    let expected = made_up(7);
    let path = write(&expected, folder.path());
    let found = Checkpoint::read(&path).expect("it is whole");
    assert_eq!(bits(&found), bits(&expected));
    assert_eq!((found.step, found.position), (7, expected.position));
    assert_eq!(found.record, expected.record);
    assert_eq!(list_checkpoints(folder.path()), [path]);
}

#[test]
fn a_flipped_bit_anywhere_is_detected() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = write(&made_up(7), folder.path());
    let whole = fs::read(&path).expect("it is there");
    for position in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[position] ^= 1 << (position % 8);
        fs::write(&path, &bytes).expect("written");
        assert!(Checkpoint::read(&path).is_none(), "byte {position}");
    }
    fs::write(&path, &whole[..whole.len() / 2]).expect("written");
    assert!(Checkpoint::read(&path).is_none());
}

#[test]
fn checkpoints_are_listed_newest_first_without_other_files() {
    let folder = tempfile::tempdir().expect("a folder");
    for step in [9, 120, 30] {
        write(&made_up(step), folder.path());
    }
    for other in ["checkpoint.partial", "notes.safetensors", "7-ab.json"] {
        fs::write(folder.path().join(other), "x").expect("written");
    }
    let steps = list_checkpoints(folder.path());
    let steps: Vec<u64> = steps
        .iter()
        .filter_map(|path| Some(parse_name(path)?.0))
        .collect();
    assert_eq!(steps, [120, 30, 9]);
}
