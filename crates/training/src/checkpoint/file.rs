//! The whole state of a training as one file: to resume from it is to have never stopped.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use artifact::{ArtifactError, Digest, guarded};
use classifier::as_slice;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use tch::{Device, Tensor};

/// Where the position stands in the file's metadata. Alone, so that equal states are equal bytes.
const POSITION: &str = "position";

/// What a checkpoint's name ends with.
const EXTENSION: &str = "safetensors";

/// The tensor with the record.
const RECORD: &str = "record";

/// The state of a training at one moment, to be written. Its tensors are copies that no step changes,
/// on whatever device they are: the thread that writes them brings them to the host.
#[derive(Debug)]
pub struct Snapshot {
    /// Steps done: the newest state is the one with the most.
    pub step: u64,
    /// All that is not tensors, in JSON. The reader checks whether it is of its own layout.
    pub position: String,
    /// Weights and moments by name, flat f32.
    pub tensors: BTreeMap<String, Tensor>,
    /// What was recorded so far, byte for byte.
    pub record: Vec<u8>,
}

/// A state read back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoint {
    /// As in [`Snapshot`].
    pub step: u64,
    /// As in [`Snapshot`].
    pub position: String,
    /// Weights and moments by name.
    pub tensors: BTreeMap<String, Vec<f32>>,
    /// As in [`Snapshot`].
    pub record: Vec<u8>,
}

impl Snapshot {
    /// Writes the file into `folder`, named by its step and its digest: it is there whole, or not.
    ///
    /// # Errors
    /// The disk refuses; what was there before is untouched.
    pub(crate) fn write(
        &self,
        folder: &Path,
        before: impl Fn() -> io::Result<()>,
    ) -> Result<PathBuf, ArtifactError> {
        let pending = folder.join("checkpoint.partial");
        before().map_err(ArtifactError::io("write", &pending))?;
        self.write_to(&pending)?;
        artifact::sync(&pending)?;
        let digest = Digest::of_file(&pending).map_err(ArtifactError::io("read", &pending))?;
        let name = format!("{:012}-{}.{EXTENSION}", self.step, digest.to_hex());
        let path = folder.join(name);
        fs::rename(&pending, &path).map_err(ArtifactError::io("write", &path))?;
        artifact::sync(folder)?;
        Ok(path)
    }

    /// Writes the file under a name of the caller, who keeps its digest: equal states are equal bytes.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn write_to(&self, path: &Path) -> Result<(), ArtifactError> {
        let failed = |error: safetensors::SafeTensorError| {
            let error = match error {
                safetensors::SafeTensorError::IoError(error) => error,
                other => io::Error::other(other),
            };
            ArtifactError::io("write", path)(error)
        };
        let metadata = HashMap::from([(POSITION.to_owned(), self.position.clone())]);
        let on_host = self.tensors.iter();
        let on_host: Vec<(&String, Tensor)> = on_host
            .map(|(name, tensor)| (name, tensor.to_device(Device::Cpu)))
            .collect();
        let mut tensors = Vec::new();
        for (name, tensor) in &on_host {
            let values = as_slice(tensor);
            let view = TensorView::new(Dtype::F32, vec![values.len()], bytes_of(values));
            tensors.push((name.as_str(), view.map_err(failed)?));
        }
        let view = TensorView::new(Dtype::U8, vec![self.record.len()], &self.record);
        tensors.push((RECORD, view.map_err(failed)?));
        safetensors::serialize_to_file(tensors, Some(metadata), path).map_err(failed)
    }
}

impl Checkpoint {
    /// Removes a tensor and returns it.
    pub fn take(&mut self, name: &str) -> Option<Vec<f32>> {
        self.tensors.remove(name)
    }

    /// Reads a file that [`Snapshot::write`] made; `None` if any byte of it is damaged.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        let bytes = fs::read(path).ok()?;
        let (step, digest) = name_of(path)?;
        if Digest::of_bytes(&bytes).to_hex() != digest {
            return None;
        }
        Self::parse(&bytes, step)
    }

    /// Reads a file that [`Snapshot::write_to`] made and whose digest was checked. Its step is the
    /// caller's to know; here it is 0. `None` if the file holds no state.
    pub fn read_from(path: &Path) -> Option<Self> {
        Self::parse(&fs::read(path).ok()?, 0)
    }

    fn parse(bytes: &[u8], step: u64) -> Option<Self> {
        guarded(|_| (), || Self::parts(bytes, step).ok_or(())).ok()
    }

    fn parts(bytes: &[u8], step: u64) -> Option<Self> {
        let (_, metadata) = SafeTensors::read_metadata(bytes).ok()?;
        let metadata = metadata.metadata().as_ref()?;
        let mut checkpoint = Self {
            step,
            position: metadata.get(POSITION)?.clone(),
            ..Self::default()
        };
        for (name, view) in SafeTensors::deserialize(bytes).ok()?.tensors() {
            let values = view.data().chunks_exact(4);
            let value = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            match view.dtype() {
                Dtype::F32 => {
                    checkpoint.tensors.insert(name, values.map(value).collect());
                }
                _ if name == RECORD => checkpoint.record = view.data().to_vec(),
                _ => return None,
            }
        }
        Some(checkpoint)
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

    /// A snapshot, and what must be read back of it.
    pub(crate) fn made_up(step: u64) -> (Snapshot, Checkpoint) {
        let tensors = [
            ("weights", vec![1.0, -0.0, f32::MIN_POSITIVE]),
            ("best", vec![]),
        ];
        let tensors = tensors.map(|(name, values)| (name.to_owned(), values));
        let checkpoint = Checkpoint {
            step,
            position: format!("{{\"step\":{step}}}"),
            tensors: tensors.into(),
            record: b"{}\n".to_vec(),
        };
        let values = checkpoint.tensors.iter();
        let snapshot = Snapshot {
            step,
            position: checkpoint.position.clone(),
            tensors: values
                .map(|(name, values)| (name.clone(), Tensor::from_slice(values)))
                .collect(),
            record: checkpoint.record.clone(),
        };
        (snapshot, checkpoint)
    }

    fn write(snapshot: &Snapshot, folder: &Path) -> PathBuf {
        snapshot
            .write(folder, || Ok(()))
            .expect("the disk accepts it")
    }

    #[test]
    fn what_is_written_is_read_to_the_bit() {
        let folder = tempfile::tempdir().expect("a folder");
        let (snapshot, expected) = made_up(7);
        let path = write(&snapshot, folder.path());
        assert_eq!(Checkpoint::read(&path).expect("it is whole"), expected);
        assert_eq!(checkpoints_in(folder.path()), [path]);
    }

    #[test]
    fn a_flipped_bit_anywhere_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = write(&made_up(7).0, folder.path());
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
            write(&made_up(step).0, folder.path());
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
