//! `model.safetensors` of a Hugging Face folder: every tensor that the shape asks for, and no other
//! unless it is known to be of no use to us. No pickle is ever read.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use artifact::ArtifactError;
use safetensors::tensor::{Dtype, SafeTensors};

use super::config::Family;
use super::names::Plan;
use crate::ClassifierError;

/// The weights' file name.
pub(super) const WEIGHTS: &str = "model.safetensors";

/// Names of files that hold pickles, to tell people what is wrong with them.
const PICKLES: [&str; 2] = ["pytorch_model.bin", "pytorch_model.pt"];

/// The bytes of a `model.safetensors`.
pub(super) struct WeightsFile {
    folder: PathBuf,
    bytes: Vec<u8>,
}

impl WeightsFile {
    /// Reads the file of a folder.
    ///
    /// # Errors
    /// It is not there or cannot be read.
    pub(super) fn read(folder: &Path) -> Result<Self, ClassifierError> {
        let path = folder.join(WEIGHTS);
        if !path.exists()
            && let Some(pickle) = PICKLES.into_iter().find(|name| folder.join(name).exists())
        {
            return Err(ClassifierError::Encoder {
                folder: folder.to_owned(),
                problem: format!(
                    "it has no `{WEIGHTS}`, and its `{pickle}` is a pickle, which could run any program and is never read"
                ),
            });
        }
        let bytes = fs::read(&path).map_err(ArtifactError::io("read", &path))?;
        Ok(Self {
            folder: folder.to_owned(),
            bytes,
        })
    }

    /// Its tensors, by the names of a family.
    ///
    /// # Errors
    /// The file is damaged.
    pub(super) fn tensors(&self, family: Family) -> Result<Tensors<'_>, ClassifierError> {
        let tensors =
            SafeTensors::deserialize(&self.bytes).map_err(|error| ClassifierError::Encoder {
                folder: self.folder.clone(),
                problem: format!("`{WEIGHTS}` is damaged: {error}"),
            })?;
        let first = format!("{}embeddings.", family.prefix());
        let prefixed = tensors.names().iter().any(|name| name.starts_with(&first));
        Ok(Tensors {
            folder: &self.folder,
            prefix: if prefixed { family.prefix() } else { "" },
            tensors,
            used: RefCell::default(),
        })
    }
}

/// The tensors of a file, and which of them were asked for.
pub(super) struct Tensors<'a> {
    folder: &'a Path,
    prefix: &'static str,
    tensors: SafeTensors<'a>,
    used: RefCell<BTreeSet<String>>,
}

impl Tensors<'_> {
    /// The values of a parameter in row-major order, as f32.
    ///
    /// # Errors
    /// A tensor is missing or of another shape or type, in words that name it.
    pub(super) fn values(&self, plan: &Plan) -> Result<Vec<f32>, ClassifierError> {
        let mut shape: Vec<usize> = plan.shape.iter().map(|size| *size as usize).collect();
        shape[0] /= plan.parts.len();
        let mut values = Vec::with_capacity(shape.iter().product::<usize>() * plan.parts.len());
        for part in &plan.parts {
            self.append(part, &shape, &mut values)?;
        }
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
        let mut extras: Vec<&str> = self
            .tensors
            .names()
            .into_iter()
            .filter(|name| !used.contains(*name))
            .filter(|name| !Family::is_known_extra(name.strip_prefix(self.prefix).unwrap_or(name)))
            .collect();
        extras.sort_unstable();
        match extras.as_slice() {
            [] => Ok(()),
            [first, rest @ ..] => Err(self.refused(format!(
                "`{WEIGHTS}` has {} that an encoder of this `config.json` does not have: `{first}`{}",
                if rest.is_empty() { "a tensor" } else { "tensors" },
                if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) }
            ))),
        }
    }

    fn append(
        &self,
        name: &str,
        shape: &[usize],
        values: &mut Vec<f32>,
    ) -> Result<(), ClassifierError> {
        let found = self.find(name).ok_or_else(|| {
            self.refused(format!(
                "`{WEIGHTS}` lacks the tensor `{}{name}`",
                self.prefix
            ))
        })?;
        let view = self
            .tensors
            .tensor(&found)
            .map_err(|error| self.refused(error.to_string()))?;
        if view.shape() != shape {
            return Err(self.refused(format!(
                "the tensor `{found}` should have the shape {shape:?} by `config.json`, and has {:?}",
                view.shape()
            )));
        }
        let data = view.data();
        match view.dtype() {
            Dtype::F32 => values.extend(
                data.chunks_exact(4)
                    .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])),
            ),
            Dtype::BF16 => {
                values.extend(halves(data).map(|bits| f32::from_bits(u32::from(bits) << 16)))
            }
            Dtype::F16 => values.extend(halves(data).map(half_to_single)),
            other => {
                return Err(self.refused(format!(
                    "the tensor `{found}` is of type {other:?}; known are F32, F16 and BF16"
                )));
            }
        }
        self.used.borrow_mut().insert(found);
        Ok(())
    }

    /// A tensor's name in the file: with or without the prefix, and in the spelling of files that
    /// were converted from TensorFlow.
    fn find(&self, name: &str) -> Option<String> {
        let spellings = [name.to_owned(), old_spelling(name)];
        spellings
            .into_iter()
            .map(|name| format!("{}{name}", self.prefix))
            .find(|name| self.tensors.tensor(name).is_ok())
    }

    fn refused(&self, problem: String) -> ClassifierError {
        ClassifierError::Encoder {
            folder: self.folder.to_owned(),
            problem,
        }
    }
}

/// TensorFlow called the scale and the shift of a normalisation gamma and beta.
fn old_spelling(name: &str) -> String {
    name.replace("LayerNorm.weight", "LayerNorm.gamma")
        .replace("LayerNorm.bias", "LayerNorm.beta")
}

fn halves(data: &[u8]) -> impl Iterator<Item = u16> {
    data.chunks_exact(2)
        .map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
}

/// IEEE 754 binary16 to binary32, exactly.
fn half_to_single(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from((bits >> 10) & 0x1F);
    let fraction = f32::from(bits & 0x3FF) / 1024.0;
    let magnitude = match exponent {
        0 => fraction * 2_f32.powi(-14),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction) * 2_f32.powi(exponent - 15),
    };
    sign * magnitude
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_exact() {
        let check =
            |bits: u16, expected: f32| assert_eq!(half_to_single(bits), expected, "{bits:#x}");
        check(0x0000, 0.0);
        check(0x3C00, 1.0);
        check(0xC000, -2.0);
        check(0x7BFF, 65504.0);
        check(0x0001, 5.960_464_5e-8);
        check(0x0400, 6.103_515_6e-5);
        check(0x3555, 0.333_251_95);
        check(0x7C00, f32::INFINITY);
        assert!(half_to_single(0x7E00).is_nan());
    }
}
