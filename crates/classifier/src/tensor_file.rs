//! Files of named tensors: `model.safetensors` and checkpoints.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use artifact::ArtifactError;
use safetensors::SafeTensorError;
use safetensors::tensor::{Dtype, TensorView};
use tch::{Kind, Tensor};

use crate::ParameterSpec;

type NamedView<'a> = (String, TensorView<'a>);

#[cfg(not(target_endian = "little"))]
compile_error!("weights are copied byte for byte");

/// A tensor of f32 values in row-major order, as bytes of a little-endian file.
///
/// # Panics
/// The number of values does not match the shape.
pub fn tensor_view(shape: Vec<usize>, values: &[f32]) -> TensorView<'_> {
    // SAFETY: any bytes are valid as u8, and the length is that of the same memory.
    let bytes = unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) };
    TensorView::new(Dtype::F32, shape, bytes).expect("as many values as the shape has")
}

/// The tensors of parameters, with their names, as views into flat weights.
pub(crate) fn tensor_views<'a>(specs: &'a [ParameterSpec], flat: &'a [f32]) -> Vec<NamedView<'a>> {
    let tensors = specs.iter().flat_map(|spec| spec.tensors());
    let view =
        |(name, shape, range): (&str, _, _)| (name.to_owned(), tensor_view(shape, &flat[range]));
    tensors.map(view).collect()
}

/// Writes a file of tensors. Its bytes depend on the tensors and the metadata, not on their order, if the metadata
/// has at most one entry.
///
/// # Errors
/// The file cannot be written.
pub fn write_tensors<'a>(
    path: &Path,
    tensors: impl IntoIterator<Item = (String, TensorView<'a>)>,
    metadata: Option<HashMap<String, String>>,
) -> Result<(), ArtifactError> {
    safetensors::serialize_to_file(tensors, metadata, path).map_err(|error| {
        let error = match error {
            SafeTensorError::IoError(error) => error,
            other => io::Error::other(other),
        };
        ArtifactError::io("write", path)(error)
    })
}

/// The values of a tensor as f32; `None` if its type is not F32, F16 or BF16.
pub(crate) fn floats(view: &TensorView<'_>) -> Option<Vec<f32>> {
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
    fn f16_values_are_converted_exactly() {
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
