//! Reads and writes checkpoints: the whole state of a training in one file.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use artifact::{ArtifactError, Digest, catch_panics};
use classifier::{as_slice, tensor_view, write_tensors};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use tch::{Device, Kind, Tensor};

use crate::faults;

/// The metadata key of the position. It is the only key, so that equal states give equal bytes.
const POSITION: &str = "position";

/// The file extension of checkpoints.
const EXTENSION: &str = "safetensors";

/// The tensor with the record of the training (`metrics.jsonl`).
const RECORD: &str = "record";

/// The state of a training after some step. The tensors of a state to be written are copies that no step changes, on
/// any device; the writing thread copies them to the CPU.
#[derive(Debug)]
pub struct Checkpoint {
    /// Number of steps done. The newest checkpoint has the most.
    pub step: u64,
    /// Everything except tensors, as JSON. The reader checks its format.
    pub position: String,
    /// Weights and moments by name, as flat f32 tensors.
    pub tensors: BTreeMap<String, Tensor>,
    /// The record so far, byte for byte.
    pub record: Vec<u8>,
}

impl Checkpoint {
    /// Writes the file into `folder`, named by step and digest, by one rename: it is whole or missing.
    ///
    /// # Errors
    /// The file cannot be written. Earlier checkpoints do not change.
    pub(crate) fn write(&self, folder: &Path) -> Result<PathBuf, ArtifactError> {
        let pending = folder.join("checkpoint.partial");
        faults::on_write().map_err(ArtifactError::io("write", &pending))?;
        self.write_to(&pending)?;
        artifact::sync(&pending)?;
        let digest = Digest::of_file(&pending).map_err(ArtifactError::io("read", &pending))?;
        let digest = digest.to_hex();
        let path = folder.join(format!("{:012}-{digest}.{EXTENSION}", self.step));
        fs::rename(&pending, &path).map_err(ArtifactError::io("write", &path))?;
        artifact::sync(folder)?;
        Ok(path)
    }

    /// Writes the file under a name of the caller, who stores its digest. Equal states give equal bytes.
    ///
    /// # Errors
    /// The file cannot be written.
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

    /// Reads a file that [`Checkpoint::write`] wrote; `None` if any byte of it is damaged.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        let bytes = fs::read(path).ok()?;
        let (step, digest) = parse_name(path)?;
        if Digest::of_bytes(&bytes).to_hex() != digest {
            return None;
        }
        Self::parse(&bytes, step)
    }

    /// Reads a file that [`Checkpoint::write_to`] wrote and whose digest was checked. The step is set to 0, because
    /// only the caller knows it. `None` if the file is not a checkpoint.
    pub fn read_from(path: &Path) -> Option<Self> {
        Self::parse(&fs::read(path).ok()?, 0)
    }

    fn parse(bytes: &[u8], step: u64) -> Option<Self> {
        catch_panics(|_| (), || Self::parse_tensors(bytes, step).ok_or(())).ok()
    }

    fn parse_tensors(bytes: &[u8], step: u64) -> Option<Self> {
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

/// The checkpoints in a folder, the newest first.
pub(crate) fn list_checkpoints(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| parse_name(path).is_some()).collect();
    paths.sort_unstable_by_key(|path| std::cmp::Reverse(parse_name(path)));
    paths
}

/// The step and the digest in the name of a checkpoint; `None` for any other file.
pub(super) fn parse_name(path: &Path) -> Option<(u64, String)> {
    let is_checkpoint = path.extension().is_some_and(|found| found == EXTENSION);
    let (step, digest) = path.file_stem()?.to_str()?.split_once('-')?;
    is_checkpoint.then_some((step.parse().ok()?, digest.to_owned()))
}
