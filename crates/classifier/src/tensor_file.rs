//! Files of named tensors, written: `model.safetensors` and the states of trainings.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use artifact::ArtifactError;
use safetensors::SafeTensorError;
use safetensors::tensor::{Dtype, TensorView};

/// f32 values in row-major order, as they stand in a little-endian file.
///
/// # Panics
/// There are more or fewer values than the shape says.
pub fn tensor_view(shape: Vec<usize>, values: &[f32]) -> TensorView<'_> {
    const {
        assert!(
            cfg!(target_endian = "little"),
            "weights are copied byte for byte"
        )
    }
    // SAFETY: any bytes are valid as u8, and the length is that of the same memory.
    let bytes = unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) };
    TensorView::new(Dtype::F32, shape, bytes).expect("as many values as the shape says")
}

/// Writes a file. Its bytes follow from the tensors and the metadata, not from their order, as long as there
/// is only one entry of metadata.
///
/// # Errors
/// The disk refuses.
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
