//! The whole state of a training under way as one file: to go on from it is to have never stopped.
//!
//! A step's random numbers follow from the seed and its number, an epoch's order from the seed and
//! its number. So the tensors, the numbers of step and epoch, and the sums under way are all.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use artifact::{ArtifactError, Digest, guarded};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

/// The layout of the file; one of another layout is left alone.
const FORMAT: u32 = 1;

/// Where the state stands in the file's metadata.
const STATE: &str = "state";

/// What a checkpoint's name ends with.
const EXTENSION: &str = "safetensors";

/// Numbers by their bits: what is written in decimal may come back a bit different.
mod bits {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(value.to_bits())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        u64::deserialize(from).map(f64::from_bits)
    }
}

/// Sums over some steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sums {
    /// Of the rows' losses, in nats.
    #[serde(with = "bits")]
    pub(crate) loss: f64,
    /// Rows classified rightly.
    pub(crate) correct: u64,
    /// Rows.
    pub(crate) rows: u64,
    /// Tokens, padding not counted.
    pub(crate) tokens: u64,
    /// Of training itself, validation not counted.
    #[serde(with = "bits")]
    pub(crate) seconds: f64,
}

/// The best epoch so far, without its weights.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Best {
    /// From 1.
    pub(crate) epoch: u32,
    /// Mean loss on validation, in nats.
    #[serde(with = "bits")]
    pub(crate) loss: f64,
    /// Share of validation rows classified rightly.
    #[serde(with = "bits")]
    pub(crate) accuracy: f64,
}

/// Where training stands, but for the tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// [`FORMAT`] of the program that wrote it.
    pub(crate) format: u32,
    /// Steps done.
    pub(crate) step: u64,
    /// The epoch under way, from 1. Which of its batches are done follows from the step.
    pub(crate) epoch: u32,
    /// Sums over the epoch so far.
    pub(crate) whole: Sums,
    /// Sums since the last line of `metrics.jsonl`.
    pub(crate) recent: Sums,
    /// The best epoch so far.
    pub(crate) best: Option<Best>,
    /// Steps of the optimizer.
    pub(crate) optimizer_steps: i32,
    /// Rate of the last step.
    #[serde(with = "bits")]
    pub(crate) last_rate: f64,
    /// Norm of the last step's gradient before clipping.
    #[serde(with = "bits")]
    pub(crate) last_norm: f64,
    /// Micro-batches a batch is split into: more than the settings say where memory was short.
    pub(crate) accumulation: u32,
    /// What the learning rate is multiplied by: less than 1 after a loss that was no number.
    #[serde(with = "bits")]
    pub(crate) rate_share: f64,
    /// Seconds of training in all runs before this one.
    #[serde(with = "bits")]
    pub(crate) seconds: f64,
    /// `cuda` or `cpu`.
    pub(crate) device: String,
}

impl Position {
    /// Before the first step.
    pub(crate) fn start(accumulation: u32, device: &str) -> Self {
        Self {
            format: FORMAT,
            step: 0,
            epoch: 1,
            whole: Sums::default(),
            recent: Sums::default(),
            best: None,
            optimizer_steps: 0,
            last_rate: 0.0,
            last_norm: 0.0,
            accumulation,
            rate_share: 1.0,
            seconds: 0.0,
            device: device.to_owned(),
        }
    }
}

/// A training under way, whole.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Checkpoint {
    /// Where it stands.
    pub(crate) position: Position,
    /// The weights.
    pub(crate) weights: Vec<f32>,
    /// Running means of the gradient and of its square.
    pub(crate) moments: [Vec<f32>; 2],
    /// Weights of the best epoch and its logits on validation; empty before the first epoch's end.
    pub(crate) best: [Vec<f32>; 2],
    /// `metrics.jsonl` so far.
    pub(crate) record: Vec<u8>,
}

/// Names of the tensors in the file.
const WEIGHTS: &str = "weights";
const MOMENTS: [&str; 2] = ["optimizer.first_moment", "optimizer.second_moment"];
const BEST: [&str; 2] = ["best.weights", "best.logits"];
const RECORD: &str = "record";

impl Checkpoint {
    /// Writes the file into `folder`, named by its step and its digest: it is there whole, or not.
    ///
    /// # Errors
    /// The disk refuses; what was there before is untouched.
    pub(crate) fn write(&self, folder: &Path) -> Result<PathBuf, ArtifactError> {
        let pending = folder.join("checkpoint.partial");
        let failed = |error: safetensors::SafeTensorError| {
            let error = match error {
                safetensors::SafeTensorError::IoError(error) => error,
                other => std::io::Error::other(other),
            };
            ArtifactError::io("write", &pending)(error)
        };
        let position = serde_json::to_string(&self.position).expect("numbers are plain data");
        let metadata = HashMap::from([(STATE.to_owned(), position)]);
        let floats = [
            (WEIGHTS, &self.weights),
            (MOMENTS[0], &self.moments[0]),
            (MOMENTS[1], &self.moments[1]),
            (BEST[0], &self.best[0]),
            (BEST[1], &self.best[1]),
        ];
        let mut tensors = Vec::new();
        for (name, values) in floats {
            let view = TensorView::new(Dtype::F32, vec![values.len()], bytes_of(values));
            tensors.push((name, view.map_err(failed)?));
        }
        let view = TensorView::new(Dtype::U8, vec![self.record.len()], &self.record);
        tensors.push((RECORD, view.map_err(failed)?));
        crate::faults::on_write().map_err(ArtifactError::io("write", &pending))?;
        safetensors::serialize_to_file(tensors, Some(metadata), &pending).map_err(failed)?;
        artifact::sync(&pending)?;
        let digest = Digest::of_file(&pending).map_err(ArtifactError::io("read", &pending))?;
        let name = format!("{:012}-{}.{EXTENSION}", self.position.step, digest.to_hex());
        let path = folder.join(name);
        fs::rename(&pending, &path).map_err(ArtifactError::io("write", &path))?;
        artifact::sync(folder)?;
        Ok(path)
    }

    /// Reads a file that [`Checkpoint::write`] made; `None` where it is damaged in any byte, or of
    /// another layout.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        let bytes = fs::read(path).ok()?;
        let (_, digest) = name_of(path)?;
        if Digest::of_bytes(&bytes).to_hex() != digest {
            return None;
        }
        guarded(|_| (), || Self::parse(&bytes).ok_or(())).ok()
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (_, metadata) = SafeTensors::read_metadata(bytes).ok()?;
        let position = metadata.metadata().as_ref()?.get(STATE)?;
        let position: Position = serde_json::from_str(position).ok()?;
        let tensors = SafeTensors::deserialize(bytes).ok()?;
        let floats = |name: &str| {
            let view = tensors.tensor(name).ok()?;
            let values = view.data().chunks_exact(4);
            let value = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            (view.dtype() == Dtype::F32).then(|| values.map(value).collect::<Vec<f32>>())
        };
        (position.format == FORMAT).then_some(())?;
        Some(Self {
            position,
            weights: floats(WEIGHTS)?,
            moments: [floats(MOMENTS[0])?, floats(MOMENTS[1])?],
            best: [floats(BEST[0])?, floats(BEST[1])?],
            record: tensors.tensor(RECORD).ok()?.data().to_vec(),
        })
    }
}

/// Checkpoints in a folder, the newest first.
pub(crate) fn checkpoints_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| name_of(path).is_some())
        .collect();
    paths.sort_unstable_by_key(|path| std::cmp::Reverse(name_of(path)));
    paths
}

/// Step and digest, if this is the name of a checkpoint.
fn name_of(path: &Path) -> Option<(u64, String)> {
    let is_ours = path.extension().is_some_and(|found| found == EXTENSION);
    let (step, digest) = path.file_stem()?.to_str()?.split_once('-')?;
    is_ours.then_some((step.parse().ok()?, digest.to_owned()))
}

/// The values as they stand in a little-endian file.
fn bytes_of(values: &[f32]) -> &[u8] {
    const {
        assert!(
            cfg!(target_endian = "little"),
            "weights are copied byte for byte"
        )
    }
    // SAFETY: any bytes are valid as u8, and the length is that of the same memory.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn made_up(step: u64) -> Checkpoint {
        let mut position = Position::start(2, "cpu");
        position.step = step;
        position.best = Some(Best {
            epoch: 1,
            loss: 0.1 + 0.2,
            accuracy: 0.75,
        });
        Checkpoint {
            position,
            weights: vec![1.0, -0.0, f32::MIN_POSITIVE],
            moments: [vec![0.5; 3], vec![0.25; 3]],
            best: [vec![1.5; 3], vec![0.1, 0.9]],
            record: b"{}\n".to_vec(),
        }
    }

    #[test]
    fn what_is_written_is_read_to_the_bit() {
        let folder = tempfile::tempdir().expect("a folder");
        let written = made_up(7);
        let path = written.write(folder.path()).expect("the disk is willing");
        assert_eq!(Checkpoint::read(&path).expect("it is whole"), written);
        assert_eq!(checkpoints_in(folder.path()), [path]);
    }

    #[test]
    fn a_flipped_bit_anywhere_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = made_up(7)
            .write(folder.path())
            .expect("the disk is willing");
        let whole = fs::read(&path).expect("it is there");
        for place in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[place] ^= 1 << (place % 8);
            fs::write(&path, &bytes).expect("written");
            assert!(Checkpoint::read(&path).is_none(), "byte {place}");
        }
        fs::write(&path, &whole[..whole.len() / 2]).expect("written");
        assert!(Checkpoint::read(&path).is_none());
    }

    #[test]
    fn the_newest_comes_first_and_other_files_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        for step in [9, 120, 30] {
            made_up(step)
                .write(folder.path())
                .expect("the disk is willing");
        }
        for other in ["checkpoint.partial", "notes.safetensors", "7-ab.json"] {
            fs::write(folder.path().join(other), "x").expect("written");
        }
        let steps = checkpoints_in(folder.path());
        let steps: Vec<u64> = steps
            .iter()
            .filter_map(|path| Some(name_of(path)?.0))
            .collect();
        assert_eq!(steps, [120, 30, 9]);
    }
}
