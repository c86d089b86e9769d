//! The whole state of a training as one file: to resume from it is to have never stopped.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use artifact::{ArtifactError, Digest, catch_panics};
use classifier::{as_slice, tensor_view, write_tensors};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use tch::{Device, Kind, Tensor};

use crate::faults;

/// Where the position stands in the file's metadata. Alone, so that equal states are equal bytes.
const POSITION: &str = "position";

/// What a checkpoint's name ends with.
const EXTENSION: &str = "safetensors";

/// The tensor with the record.
const RECORD: &str = "record";

/// The state of a training at one moment. Tensors of a state to be written are copies that no step changes,
/// on whatever device they are: the thread that writes them brings them to the host.
#[derive(Debug)]
pub struct Checkpoint {
    /// Steps done: the newest state is the one with the most.
    pub step: u64,
    /// All that is not tensors, in JSON. The reader checks whether it is of its own layout.
    pub position: String,
    /// Weights and moments by name, flat f32.
    pub tensors: BTreeMap<String, Tensor>,
    /// What was recorded so far, byte for byte.
    pub record: Vec<u8>,
}

impl Checkpoint {
    /// Writes the file into `folder`, named by its step and its digest: it is there whole, or not.
    ///
    /// # Errors
    /// The disk refuses; what was there before is untouched.
    pub(crate) fn write(&self, folder: &Path) -> Result<PathBuf, ArtifactError> {
        let pending = folder.join("checkpoint.partial");
        faults::on_write().map_err(ArtifactError::io("write", &pending))?;
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
        let metadata = HashMap::from([(POSITION.to_owned(), self.position.clone())]);
        let on_host =
            |(name, tensor): (&String, &Tensor)| (name.clone(), tensor.to_device(Device::Cpu));
        let on_host: Vec<(String, Tensor)> = self.tensors.iter().map(on_host).collect();
        let record = TensorView::new(Dtype::U8, vec![self.record.len()], &self.record);
        let record = record.map_err(ArtifactError::table("write", path))?;
        let mut tensors = vec![(RECORD.to_owned(), record)];
        for (name, tensor) in &on_host {
            let values = as_slice(tensor);
            tensors.push((name.clone(), tensor_view(vec![values.len()], values)));
        }
        write_tensors(path, tensors, Some(metadata))
    }

    /// Reads a file that [`Checkpoint::write`] made; `None` if any byte of it is damaged.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        let bytes = fs::read(path).ok()?;
        let (step, digest) = name_of(path)?;
        if Digest::of_bytes(&bytes).to_hex() != digest {
            return None;
        }
        Self::parse(&bytes, step)
    }

    /// Reads a file that [`Checkpoint::write_to`] made and whose digest was checked. Its step is the
    /// caller's to know; here it is 0. `None` if the file holds no state.
    pub fn read_from(path: &Path) -> Option<Self> {
        Self::parse(&fs::read(path).ok()?, 0)
    }

    fn parse(bytes: &[u8], step: u64) -> Option<Self> {
        catch_panics(|_| (), || Self::parts(bytes, step).ok_or(())).ok()
    }

    fn parts(bytes: &[u8], step: u64) -> Option<Self> {
        let (_, metadata) = SafeTensors::read_metadata(bytes).ok()?;
        let metadata = metadata.metadata().as_ref()?;
        let (mut tensors, mut record) = (BTreeMap::new(), Vec::new());
        for (name, view) in SafeTensors::deserialize(bytes).ok()?.tensors() {
            match view.dtype() {
                Dtype::F32 => {
                    let count = view.shape().iter().product::<usize>() as i64;
                    let tensor = Tensor::from_data_size(view.data(), &[count], Kind::Float);
                    tensors.insert(name, tensor);
                }
                _ if name == RECORD => record = view.data().to_vec(),
                _ => return None,
            }
        }
        Some(Self {
            step,
            position: metadata.get(POSITION)?.clone(),
            tensors,
            record,
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The state after this many steps of some training.
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
        checkpoint.write(folder).expect("the disk accepts it")
    }

    /// The tensors of a checkpoint, with numbers as their bits.
    fn bits(checkpoint: &Checkpoint) -> Vec<(&str, Vec<u32>)> {
        let tensors = checkpoint.tensors.iter().map(|(name, tensor)| {
            let bits = as_slice(tensor).iter().map(|value| value.to_bits());
            (name.as_str(), bits.collect())
        });
        tensors.collect()
    }

    #[test]
    fn what_is_written_is_read_to_the_bit() {
        let folder = tempfile::tempdir().expect("a folder");
        let expected = made_up(7);
        let path = write(&expected, folder.path());
        let found = Checkpoint::read(&path).expect("it is whole");
        assert_eq!(bits(&found), bits(&expected));
        assert_eq!((found.step, found.position), (7, expected.position));
        assert_eq!(found.record, expected.record);
        assert_eq!(checkpoints_in(folder.path()), [path]);
    }

    #[test]
    fn a_flipped_bit_anywhere_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = write(&made_up(7), folder.path());
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
            write(&made_up(step), folder.path());
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
