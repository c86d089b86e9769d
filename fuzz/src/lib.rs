//! Helpers of the fuzz targets: bytes as a file, and checksums. Random changes break checksums, and a reader
//! that stops at a wrong checksum is not tested further, so targets repair them.

pub mod reviews;

use std::fs;
use std::path::Path;

/// The size of a block in a tar archive, in bytes.
const BLOCK: usize = 512;

/// The position of the size in a header.
const SIZE: std::ops::Range<usize> = 124..136;

/// The position of the checksum in a header.
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// Writes bytes to a file with this name in an empty folder and passes its path to `read`.
///
/// # Panics
/// If the file cannot be written.
pub fn as_file(name: &str, bytes: &[u8], read: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("written");
    read(&path);
}

/// The same archive with the correct checksum in every header.
pub fn with_checksums(tar: &[u8]) -> Vec<u8> {
    let mut tar = tar.to_vec();
    let mut start = 0;
    while let Some(header) = tar.get_mut(start..start + BLOCK) {
        header[CHECKSUM].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let size = str::from_utf8(&header[SIZE]).unwrap_or_default();
        let size = usize::from_str_radix(size.trim_matches(['\0', ' ']), 8).unwrap_or(0);
        let blocks = size.min(tar.len()).div_ceil(BLOCK);
        start += BLOCK * (1 + blocks);
    }
    tar
}

/// A manifest with its seal, from the lines before the seal.
pub fn sealed(lines: &[u8]) -> Vec<u8> {
    let seal = artifact::Digest::of_bytes(lines).to_hex();
    [lines, format!("  \"seal\": \"{seal}\"\n}}\n").as_bytes()].concat()
}

/// Splits off a part whose length is in the two bytes before it.
pub fn part<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let Some((length, rest)) = bytes.split_at_checked(2) else {
        return std::mem::take(bytes);
    };
    let length = usize::from(u16::from_le_bytes([length[0], length[1]])).min(rest.len());
    let (part, rest) = rest.split_at(length);
    *bytes = rest;
    part
}
