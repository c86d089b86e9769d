//! The weights of an encoder in half precision: a `model.safetensors` of f32 becomes one of f16.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Map, Value};

use crate::error::Error;

/// Converts the f32 tensors of the file `from` to f16 and writes the file `to`. Other tensors stay as
/// they are.
pub(crate) fn halve(from: &Path, to: &Path) -> Result<(), Error> {
    let bytes = fs::read(from).map_err(Error::file("read", from))?;
    let halved = halved(&bytes).ok_or_else(|| {
        let source = io::Error::new(io::ErrorKind::InvalidData, "it is not a safetensors file");
        Error::File {
            action: "read",
            path: from.to_owned(),
            source,
        }
    })?;
    fs::write(to, halved).map_err(Error::file("write", to))
}

/// The whole file in f16; `None` where it is not a safetensors file.
fn halved(bytes: &[u8]) -> Option<Vec<u8>> {
    let length = usize::try_from(u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?)).ok()?;
    let header: Map<String, Value> =
        serde_json::from_slice(bytes.get(8..8_usize.checked_add(length)?)?).ok()?;
    let data = bytes.get(8 + length..)?;
    let (mut entries, mut values) = (Map::new(), Vec::with_capacity(data.len() / 2));
    for (name, entry) in header {
        if name == "__metadata__" {
            entries.insert(name, entry);
            continue;
        }
        let offset = |index: usize| {
            let offset = entry.get("data_offsets")?.get(index)?.as_u64()?;
            usize::try_from(offset).ok()
        };
        let tensor = data.get(offset(0)?..offset(1)?)?;
        let start = values.len();
        let mut entry = entry.clone();
        if entry.get("dtype")?.as_str()? == "F32" {
            for value in tensor.chunks_exact(4) {
                let value = f32::from_le_bytes(value.try_into().ok()?);
                values.extend_from_slice(&f16_bits(value).to_le_bytes());
            }
            entry["dtype"] = "F16".into();
        } else {
            values.extend_from_slice(tensor);
        }
        entry["data_offsets"] = vec![start, values.len()].into();
        entries.insert(name, entry);
    }
    let mut text = serde_json::to_string(&entries).ok()?.into_bytes();
    // The data begins at a multiple of 8.
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut file = (text.len() as u64).to_le_bytes().to_vec();
    file.append(&mut text);
    file.append(&mut values);
    Some(file)
}

/// The f16 nearest to a value, ties to even, as 16 bits.
fn f16_bits(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = (bits >> 16) as u16 & 0x8000;
    let magnitude = bits & 0x7fff_ffff;
    if magnitude > 0x7f80_0000 {
        return sign | 0x7e00; // not a number
    }
    if magnitude >= 0x477f_f000 {
        return sign | 0x7c00; // rounds to more than 65,504
    }
    if magnitude >= 0x3880_0000 {
        // Normal: the exponent's bias goes from 127 to 15, 13 bits of the fraction are rounded off.
        let rounded = magnitude - (112 << 23) + 0x0fff + ((magnitude >> 13) & 1);
        return sign | (rounded >> 13) as u16;
    }
    // Subnormal: a multiple of 2^-24. The addition rounds to one, ties to even.
    let shifted = f32::from_bits(magnitude) + 0.5;
    sign | (shifted.to_bits() - 0.5_f32.to_bits()) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f16_is_the_nearest() {
        let check = |value: f32, expected: u16| assert_eq!(f16_bits(value), expected, "{value}");
        check(0.0, 0x0000);
        check(-0.0, 0x8000);
        check(1.0, 0x3c00);
        check(-2.0, 0xc000);
        check(65504.0, 0x7bff);
        check(65519.0, 0x7bff);
        check(65520.0, 0x7c00);
        check(f32::NEG_INFINITY, 0xfc00);
        check(f32::NAN, 0x7e00);
        // Ties go to the even one: 1 + 2^-11 down, 1 + 3 * 2^-11 up.
        check(1.000_488_3, 0x3c00);
        check(1.001_464_8, 0x3c02);
        check(6.103_515_6e-5, 0x0400); // the smallest normal, 2^-14
        check(5.960_464_5e-8, 0x0001); // the smallest subnormal, 2^-24
        check(2.980_232_2e-8, 0x0000); // half of it, a tie
        check(8.940_697e-8, 0x0002); // one and a half of it, a tie
    }

    #[test]
    fn tensors_of_f32_are_halved_and_others_kept() {
        let header = r#"{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"n":{"dtype":"I64","shape":[1],"data_offsets":[8,16]}}"#;
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend_from_slice(header.as_bytes());
        for value in [1.0_f32, -2.0] {
            file.extend_from_slice(&value.to_le_bytes());
        }
        file.extend_from_slice(&7_i64.to_le_bytes());
        let halved = halved(&file).expect("it is a safetensors file");
        let length = usize::try_from(u64::from_le_bytes(halved[..8].try_into().expect("8 bytes")));
        let (header, data) = halved[8..].split_at(length.expect("a small header"));
        let header: Value = serde_json::from_slice(header).expect("JSON");
        assert_eq!(header["w"]["dtype"], "F16");
        assert_eq!(header["w"]["data_offsets"], serde_json::json!([0, 4]));
        assert_eq!(header["n"]["data_offsets"], serde_json::json!([4, 12]));
        assert_eq!(header["__metadata__"]["format"], "pt");
        assert_eq!(data[..4], [0x00, 0x3c, 0x00, 0xc0]);
        assert_eq!(data[4..], 7_i64.to_le_bytes());
    }

    #[test]
    fn what_is_no_safetensors_file_is_refused() {
        for bytes in [&b""[..], b"1234567", &[255; 40], &[0; 8]] {
            assert!(halved(bytes).is_none(), "{bytes:?}");
        }
    }
}
