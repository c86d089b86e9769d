//! `model.safetensors` of a Hugging Face folder: every tensor that the shape asks for, and no other
//! unless it is known to be of no use to us. No pickle is ever read.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use artifact::ArtifactError;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use tch::{Kind, Tensor};

use super::EncoderConfig;
use super::family::{Family, WORDS, is_known_extra};
use crate::ClassifierError;

/// The weights' file name.
const WEIGHTS: &str = "model.safetensors";

/// Names of files that hold pickles, to tell people what is wrong with them.
const PICKLES: [&str; 2] = ["pytorch_model.bin", "pytorch_model.pt"];

/// Reads the weights' file of a folder.
///
/// # Errors
/// It is not there or cannot be read.
pub(super) fn read(folder: &Path) -> Result<Vec<u8>, ClassifierError> {
    let path = folder.join(WEIGHTS);
    if !path.exists()
        && let Some(pickle) = PICKLES.into_iter().find(|name| folder.join(name).exists())
    {
        let problem = format!(
            "it has no `{WEIGHTS}`, and its `{pickle}` is a pickle, which could run any program and is never read"
        );
        return Err(ClassifierError::encoder(folder)(problem));
    }
    Ok(fs::read(&path).map_err(ArtifactError::io("read", &path))?)
}

/// The tensors of a file, and which of them were asked for.
pub(super) struct Tensors<'a> {
    folder: &'a Path,
    prefix: &'static str,
    tensors: SafeTensors<'a>,
    used: RefCell<BTreeSet<String>>,
}

impl<'a> Tensors<'a> {
    /// The tensors of these bytes of a folder's file, by the names of a family.
    ///
    /// # Errors
    /// The file is damaged.
    pub(super) fn of(
        folder: &'a Path,
        bytes: &'a [u8],
        family: Family,
    ) -> Result<Self, ClassifierError> {
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| {
            ClassifierError::encoder(folder)(format!("`{WEIGHTS}` is damaged: {error}"))
        })?;
        let prefix = family.conventions().prefix;
        let first = format!("{prefix}embeddings.");
        let is_prefixed = tensors.names().iter().any(|name| name.starts_with(&first));
        Ok(Self {
            folder,
            prefix: if is_prefixed { prefix } else { "" },
            tensors,
            used: RefCell::default(),
        })
    }

    /// The word table `[V, W]`.
    ///
    /// # Errors
    /// As for [`Tensors::values`].
    pub(super) fn words(&self, config: &EncoderConfig) -> Result<Vec<f32>, ClassifierError> {
        self.values(&[WORDS], &[config.vocabulary_size, config.width])
    }

    /// The values of a parameter in row-major order, as f32. It is made of tensors of equal shape, laid
    /// one after the other along their first dimension.
    ///
    /// # Errors
    /// A tensor is missing or of another shape or type, in words that name it.
    pub(super) fn values<S: AsRef<str>>(
        &self,
        parts: &[S],
        shape: &[i64],
    ) -> Result<Vec<f32>, ClassifierError> {
        let mut shape: Vec<usize> = shape.iter().map(|size| *size as usize).collect();
        shape[0] /= parts.len();
        let parts = parts.iter().map(|part| self.part(part.as_ref(), &shape));
        Ok(parts.collect::<Result<Vec<_>, _>>()?.concat())
    }

    fn part(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ClassifierError> {
        let refused = ClassifierError::encoder(self.folder);
        let Some((found, view)) = self.find(name) else {
            let prefix = self.prefix;
            return Err(refused(format!(
                "`{WEIGHTS}` lacks the tensor `{prefix}{name}`"
            )));
        };
        if view.shape() != shape {
            return Err(refused(format!(
                "the tensor `{found}` should have the shape {shape:?} by `config.json`, and has {:?}",
                view.shape()
            )));
        }
        let values = floats(&view).ok_or_else(|| {
            refused(format!(
                "the tensor `{found}` is of type {:?}; known are F32, F16 and BF16",
                view.dtype()
            ))
        })?;
        self.used.borrow_mut().insert(found);
        Ok(values)
    }

    /// Whether the file has a tensor.
    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Refuses a file with tensors that nobody asked for and that are not known to be dispensable:
    /// it is of another architecture than its `config.json` says.
    ///
    /// # Errors
    /// Names them.
    pub(super) fn check_extras(&self) -> Result<(), ClassifierError> {
        let used = self.used.borrow();
        let is_extra = |name: &&str| {
            let own = name.strip_prefix(self.prefix).unwrap_or(name);
            !used.contains(*name) && !is_known_extra(own)
        };
        let mut extras: Vec<&str> = self.tensors.names().into_iter().filter(is_extra).collect();
        extras.sort_unstable();
        let names = match extras.as_slice() {
            [] => return Ok(()),
            [only] => {
                format!("a tensor that an encoder of this `config.json` does not have: `{only}`")
            }
            [first, rest @ ..] => format!(
                "tensors that an encoder of this `config.json` does not have: `{first}` and {} more",
                rest.len()
            ),
        };
        Err(ClassifierError::encoder(self.folder)(format!(
            "`{WEIGHTS}` has {names}"
        )))
    }

    /// A tensor with its name in the file: with or without the prefix, and in the spelling of files that
    /// were converted from TensorFlow, which called the scale and shift of a normalisation gamma and beta.
    fn find(&self, name: &str) -> Option<(String, TensorView<'a>)> {
        let of_tensorflow = name
            .replace("LayerNorm.weight", "LayerNorm.gamma")
            .replace("LayerNorm.bias", "LayerNorm.beta");
        [name, &of_tensorflow].into_iter().find_map(|name| {
            let name = format!("{}{name}", self.prefix);
            let view = self.tensors.tensor(&name).ok()?;
            Some((name, view))
        })
    }
}

/// The values of a tensor as f32; `None` if it is of a type that encoders are not published in.
fn floats(view: &TensorView<'_>) -> Option<Vec<f32>> {
    let kind = match view.dtype() {
        Dtype::F32 => Kind::Float,
        Dtype::F16 => Kind::Half,
        Dtype::BF16 => Kind::BFloat16,
        _ => return None,
    };
    let count = view.shape().iter().product::<usize>() as i64;
    let tensor = Tensor::f_from_data_size(view.data(), &[count], kind).ok()?;
    Vec::try_from(tensor.to_kind(Kind::Float)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_exact() {
        let single = |bits: u16| {
            let bytes = bits.to_le_bytes();
            let view = TensorView::new(Dtype::F16, vec![1], &bytes).expect("one number");
            floats(&view).expect("a known type")[0]
        };
        let check = |bits: u16, expected: f32| assert_eq!(single(bits), expected, "{bits:#x}");
        check(0x0000, 0.0);
        check(0x3C00, 1.0);
        check(0xC000, -2.0);
        check(0x7BFF, 65504.0);
        check(0x0001, 5.960_464_5e-8);
        check(0x0400, 6.103_515_6e-5);
        check(0x3555, 0.333_251_95);
        check(0x7C00, f32::INFINITY);
        assert!(single(0x7E00).is_nan());
    }
}
