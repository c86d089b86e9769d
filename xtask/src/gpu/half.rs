//! Converts a `model.safetensors` from f32 to f16.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::Path;

use half::f16;
use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView, serialize};

use crate::error::{Error, Result};

/// Converts the f32 tensors of the file `from` to f16 and writes the file `to`. Other tensors stay unchanged.
pub(crate) fn convert_file(from: &Path, to: &Path) -> Result<()> {
    let bytes = fs::read(from).map_err(Error::file("read", from))?;
    let invalid = |cause| io::Error::new(io::ErrorKind::InvalidData, cause);
    let converted = to_half_precision(&bytes).map_err(invalid);
    let converted = converted.map_err(Error::file("read", from))?;
    fs::write(to, converted).map_err(Error::file("write", to))
}

/// Converts a whole file to f16.
fn to_half_precision(bytes: &[u8]) -> Result<Vec<u8>, SafeTensorError> {
    let (_, metadata) = SafeTensors::read_metadata(bytes)?;
    let file = SafeTensors::deserialize(bytes)?;
    let data = file.iter().map(|(_, tensor)| match tensor.dtype() {
        Dtype::F32 => (Dtype::F16, Cow::Owned(to_f16(tensor.data()))),
        dtype => (dtype, Cow::Borrowed(tensor.data())),
    });
    let data: Vec<(Dtype, Cow<'_, [u8]>)> = data.collect();
    let mut views = Vec::new();
    for ((name, tensor), (dtype, data)) in file.iter().zip(&data) {
        let view = TensorView::new(*dtype, tensor.shape().to_vec(), data)?;
        views.push((name, view));
    }
    serialize(views, metadata.metadata().clone())
}

fn to_f16(values: &[u8]) -> Vec<u8> {
    let (values, _) = values.as_chunks();
    let half = |value: &[u8; 4]| f16::from_f32(f32::from_le_bytes(*value)).to_le_bytes();
    values.iter().flat_map(half).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_round_to_the_nearest_f16() {
        let check = |value: f32, expected: u16| {
            assert_eq!(
                to_f16(&value.to_le_bytes()),
                expected.to_le_bytes(),
                "{value}"
            );
        };
        check(0.0, 0x0000);
        check(-0.0, 0x8000);
        check(1.0, 0x3c00);
        check(-2.0, 0xc000);
        check(65504.0, 0x7bff);
        check(65519.0, 0x7bff);
        check(65520.0, 0x7c00);
        check(f32::NEG_INFINITY, 0xfc00);
        check(f32::NAN, 0x7e00);
        // Ties round to even: 1 + 2^-11 down, 1 + 3 * 2^-11 up.
        check(1.000_488_3, 0x3c00);
        check(1.001_464_8, 0x3c02);
        check(6.103_515_6e-5, 0x0400); // the smallest normal, 2^-14
        check(5.960_464_5e-8, 0x0001); // the smallest subnormal, 2^-24
        check(2.980_232_2e-8, 0x0000); // half of it, a tie
        check(8.940_697e-8, 0x0002); // one and a half of it, a tie
    }

    #[test]
    fn f32_tensors_are_converted_and_others_unchanged() {
        let header = r#"{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"n":{"dtype":"I64","shape":[1],"data_offsets":[8,16]}}"#;
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend_from_slice(header.as_bytes());
        for value in [1.0_f32, -2.0] {
            file.extend_from_slice(&value.to_le_bytes());
        }
        file.extend_from_slice(&7_i64.to_le_bytes());
        let converted = to_half_precision(&file).expect("it is a safetensors file");
        let found = SafeTensors::deserialize(&converted).expect("it is one again");
        let (_, metadata) = SafeTensors::read_metadata(&converted).expect("it has a header");
        let metadata = metadata.metadata().as_ref().expect("it is kept");
        assert_eq!(metadata["format"], "pt");
        let check = |name: &str, dtype: Dtype, shape: &[usize], data: &[u8]| {
            let tensor = found.tensor(name).expect("it is kept");
            assert_eq!(
                (tensor.dtype(), tensor.shape(), tensor.data()),
                (dtype, shape, data)
            );
        };
        check("w", Dtype::F16, &[2], &[0x00, 0x3c, 0x00, 0xc0]);
        check("n", Dtype::I64, &[1], &7_i64.to_le_bytes());
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn invalid_safetensors_files_are_refused() {
        for bytes in [&b""[..], b"1234567", &[255; 40], &[0; 8]] {
            assert!(to_half_precision(bytes).is_err(), "{bytes:?}");
        }
    }
}
