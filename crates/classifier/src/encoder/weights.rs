//! Reads the `model.safetensors` of a Hugging Face folder. All tensors of the configuration are required, and others
//! are refused unless they are known to be unused. Pickles are never read.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use artifact::ArtifactError;
use safetensors::tensor::{SafeTensors, TensorView};

use super::EncoderConfig;
use super::family::{Family, WORDS, is_known_extra};
use crate::tensor_file::floats;
use crate::{ClassifierError, Result};

/// The file with the weights.
const WEIGHTS: &str = "model.safetensors";

/// Names of pickle files, for the error message.
const PICKLES: [&str; 2] = ["pytorch_model.bin", "pytorch_model.pt"];

/// Reads the file with the weights.
///
/// # Errors
/// The file is missing or cannot be read.
pub(super) fn read(folder: &Path) -> Result<Vec<u8>> {
    let path = folder.join(WEIGHTS);
    if !path.exists()
        && let Some(pickle) = PICKLES.into_iter().find(|name| folder.join(name).exists())
    {
        let problem = format!(
            "it has no `{WEIGHTS}`. Its `{pickle}` is a pickle, which can execute any code and is never read"
        );
        return Err(ClassifierError::encoder(folder)(problem));
    }
    Ok(fs::read(&path).map_err(ArtifactError::io("read", &path))?)
}

/// The tensors of a file, and the names of those that were used.
pub(super) struct Tensors<'a> {
    folder: &'a Path,
    prefix: &'static str,
    tensors: SafeTensors<'a>,
    used: RefCell<BTreeSet<String>>,
}

impl<'a> Tensors<'a> {
    /// Parses the bytes of a folder's file, with the tensor names of a family.
    ///
    /// # Errors
    /// The file is damaged.
    pub(super) fn parse(folder: &'a Path, bytes: &'a [u8], family: &Family) -> Result<Self> {
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| {
            ClassifierError::encoder(folder)(format!("`{WEIGHTS}` is damaged: {error}"))
        })?;
        let prefix = family.prefix;
        let first = format!("{prefix}embeddings.");
        let is_prefixed = tensors.names().iter().any(|name| name.starts_with(&first));
        Ok(Self {
            folder,
            prefix: if is_prefixed { prefix } else { "" },
            tensors,
            used: RefCell::default(),
        })
    }

    /// The word table `[V, W]` in row-major order.
    ///
    /// # Errors
    /// As for [`Tensors::values`].
    pub(super) fn word_table(&self, config: &EncoderConfig) -> Result<Vec<f32>> {
        self.values(&[WORDS], &[config.vocabulary_size, config.width])
    }

    /// The values of a parameter in row-major order, as f32. It consists of tensors of equal shape, concatenated
    /// along their first dimension.
    ///
    /// # Errors
    /// A tensor is missing or has another shape or type.
    pub(super) fn values<S: AsRef<str>>(&self, parts: &[S], shape: &[i64]) -> Result<Vec<f32>> {
        let mut shape: Vec<usize> = shape.iter().map(|size| *size as usize).collect();
        shape[0] /= parts.len();
        let parts = parts.iter().map(|part| self.tensor(part.as_ref(), &shape));
        Ok(parts.collect::<Result<Vec<_>, _>>()?.concat())
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let refused = ClassifierError::encoder(self.folder);
        let Some((found, view)) = self.find(name) else {
            let prefix = self.prefix;
            let problem = format!("`{WEIGHTS}` lacks the tensor `{prefix}{name}`");
            return Err(refused(problem));
        };
        if view.shape() != shape {
            return Err(refused(format!(
                "by `config.json` the tensor `{found}` should have the shape {shape:?}, but it has {:?}",
                view.shape()
            )));
        }
        let Some(values) = floats(&view) else {
            let kind = view.dtype();
            return Err(refused(format!(
                "the tensor `{found}` has the type {kind:?}; supported types are F32, F16 and BF16"
            )));
        };
        self.used.borrow_mut().insert(found);
        Ok(values)
    }

    /// Whether the file has a tensor of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Refuses a file with unknown tensors: its architecture is not that of its `config.json`.
    ///
    /// # Errors
    /// There are unknown tensors.
    pub(super) fn check_extras(&self) -> Result<()> {
        let used = self.used.borrow();
        let is_extra = |name: &&str| {
            let own = name.strip_prefix(self.prefix).unwrap_or(name);
            !used.contains(*name) && !is_known_extra(own)
        };
        let mut extras: Vec<&str> = self.tensors.names().into_iter().filter(is_extra).collect();
        extras.sort_unstable();
        let unknown = "that an encoder of this `config.json` does not have";
        let names = match extras.as_slice() {
            [] => return Ok(()),
            [only] => format!("a tensor {unknown}: `{only}`"),
            [first, rest @ ..] => format!("tensors {unknown}: `{first}` and {} more", rest.len()),
        };
        let problem = format!("`{WEIGHTS}` has {names}");
        Err(ClassifierError::encoder(self.folder)(problem))
    }

    /// A tensor and its name in the file. Files converted from TensorFlow call the scale and shift of a normalisation
    /// gamma and beta.
    fn find(&self, name: &str) -> Option<(String, TensorView<'a>)> {
        let tensorflow_name = name
            .replace("LayerNorm.weight", "LayerNorm.gamma")
            .replace("LayerNorm.bias", "LayerNorm.beta");
        [name, &tensorflow_name].into_iter().find_map(|name| {
            let name = format!("{}{name}", self.prefix);
            let view = self.tensors.tensor(&name).ok()?;
            Some((name, view))
        })
    }
}
