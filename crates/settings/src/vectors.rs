//! The layout of a file with word vectors, detected from its first lines.
//!
//! This is part of `settings`, not of `embed`, because a wrong `width` in the pipeline file must be found while
//! planning, before the tokenizer has run.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::iter;
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

/// Number of lines that are read to detect the width.
const FIRST_LINES: usize = 32;

/// Maximum length of a line: enough for a long word and 4,096 components of 20 digits.
const MAX_LINE_BYTES: u64 = 1 << 18;

/// Maximum length of a word in a binary file.
pub const MAX_WORD_BYTES: u64 = 4096;

/// First bytes of files that are confused with word vectors, and what they are.
const OTHER_FILES: [(&[u8], &str); 3] = [
    (
        b"\xba\x16\x4f\x2f",
        "it is a fastText model, whose vectors are in the `.vec` file of its publisher",
    ),
    (b"PK\x03\x04", "it is a zip archive, which must be unpacked"),
    (
        b"\x80",
        "it is a Python pickle; with gensim, `KeyedVectors.save_word2vec_format(FILE)` writes its vectors",
    ),
];

/// Why a file with word vectors cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VectorsError {
    /// Reading the file failed.
    #[error("Failed to read the word vectors `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file has another format.
    #[error("`{}` is not a file with word vectors: {reason}", path.display())]
    NoVectors {
        /// The file.
        path: PathBuf,
        /// What is wrong with its first lines.
        reason: String,
    },
}

impl VectorsError {
    /// What the user can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Read { .. } => {
                "Download the file again, and compare its size or checksum with that of its publisher"
            }
            Self::NoVectors { .. } => {
                "Name a GloVe, word2vec or fastText file with a word and its numbers in every line, plain or gzip, or a binary word2vec file"
            }
        }
    }
}

/// Layout of a file with word vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VectorLayout {
    /// Number of components of a vector.
    pub width: u32,
    /// Number of vectors according to a first line `count width` (word2vec, fastText).
    pub declared_count: Option<u64>,
    /// Whether each word is followed by a space and its components as 4-byte little-endian floats (word2vec).
    pub is_binary: bool,
}

impl VectorLayout {
    /// Reads the first lines of a GloVe, word2vec or fastText file, plain or gz.
    ///
    /// # Errors
    /// The file cannot be read or has another format.
    pub fn read(path: &Path) -> Result<Self, VectorsError> {
        let read_error = |source| VectorsError::Read {
            path: path.to_owned(),
            source,
        };
        let mut reader = open_vectors(path).map_err(read_error)?;
        let no_vectors = |reason| VectorsError::NoVectors {
            path: path.to_owned(),
            reason,
        };
        let start = reader.fill_buf().map_err(read_error)?;
        let known = OTHER_FILES.iter().find(|(mark, _)| start.starts_with(mark));
        if let Some((_, reason)) = known {
            return Err(no_vectors((*reason).to_owned()));
        }
        let mut lines = iter::from_fn(|| next_line(&mut reader).transpose());
        let first = lines.next().transpose().map_err(read_error)?;
        let first = first.ok_or_else(|| no_vectors("it is empty".to_owned()))?;
        let header = header(&first.bytes);
        let (width, is_binary) = match header {
            Some((_, width)) => (width, is_binary(&mut reader, width).map_err(read_error)?),
            None => {
                let others = lines.take(FIRST_LINES).collect::<io::Result<Vec<_>>>();
                let mut lines = others.map_err(read_error)?;
                lines.push(first);
                (common_width(&lines), false)
            }
        };
        match u32::try_from(width) {
            Ok(width @ 1..=65_536) => Ok(Self {
                width,
                declared_count: header.map(|(count, _)| count),
                is_binary,
            }),
            _ => Err(no_vectors(match header {
                None => "its first lines are not a word followed by numbers".to_owned(),
                Some(_) => format!("its first line declares vectors of {width} components"),
            })),
        }
    }
}

/// Whether a vector of `width` floats follows a word, and not its first component as text.
fn is_binary(reader: &mut dyn BufRead, width: u64) -> io::Result<bool> {
    let mut word = Vec::new();
    reader.take(MAX_WORD_BYTES).read_until(b' ', &mut word)?;
    let mut vector = Vec::new();
    let bytes = width.saturating_mul(4);
    let mut components = reader.take(bytes.min(MAX_LINE_BYTES));
    components.read_to_end(&mut vector)?;
    let line = vector.split(|it| *it == b'\n').next().unwrap_or_default();
    let is_text = fields(line).next().is_some_and(is_number);
    let (floats, _) = vector.as_chunks::<4>();
    let are_finite = floats.iter().all(|it| f32::from_le_bytes(*it).is_finite());
    Ok(!is_text && vector.len() as u64 == bytes && are_finite)
}

/// The most common width of the lines, so that words with spaces and damaged lines do no harm.
fn common_width(lines: &[Line]) -> u64 {
    let mut widths = BTreeMap::new();
    for line in lines {
        let numbers = fields(&line.bytes).skip(1).filter(|it| is_number(it));
        *widths.entry(numbers.count() as u64).or_insert(0) += 1;
    }
    // Of equally common widths the smaller one is correct, because words with spaces add fields.
    let common = widths.into_iter().rev().max_by_key(|(_, lines)| *lines);
    common.map_or(0, |(width, _)| width)
}

/// One line of a file, without its line feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Bytes of the line.
    pub bytes: Vec<u8>,
    /// Whether the line ended with a line feed. The last line of a file may have none.
    pub ends_with_newline: bool,
}

/// Opens a text file. A gzip file, detected by its first bytes, is decompressed.
///
/// # Errors
/// The file cannot be opened or read.
pub fn open_vectors(path: &Path) -> io::Result<Box<dyn BufRead + Send>> {
    let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
    let is_gz = file.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    Ok(match is_gz {
        true => Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(file))),
        false => Box::new(file),
    })
}

/// Reads the next line. `None` at the end of the file.
///
/// # Errors
/// Reading fails, or the line is longer than any line of word vectors.
pub fn next_line(reader: &mut dyn BufRead) -> io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    let length = reader.take(MAX_LINE_BYTES).read_until(b'\n', &mut bytes)?;
    if length == 0 {
        return Ok(None);
    }
    if length as u64 == MAX_LINE_BYTES {
        let message = format!(
            "a line has {MAX_LINE_BYTES} bytes or more, too many for a line of word vectors"
        );
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    let ends_with_newline = bytes.last() == Some(&b'\n');
    while matches!(bytes.last(), Some(b'\n' | b'\r')) {
        bytes.pop();
    }
    Ok(Some(Line {
        bytes,
        ends_with_newline,
    }))
}

/// The fields of a line, separated by ASCII spaces or tabs. Words may contain other white space.
pub fn fields(line: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    line.split(|byte| matches!(byte, b' ' | b'\t'))
        .filter(|field| !field.is_empty())
}

/// Number of vectors and width from a header line of word2vec or fastText.
fn header(line: &[u8]) -> Option<(u64, u64)> {
    let mut numbers = fields(line).map(|field| str::from_utf8(field).ok()?.parse::<u64>().ok());
    match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(Some(count)), Some(Some(width)), None) => Some((count, width)),
        _ => None,
    }
}

fn is_number(field: &[u8]) -> bool {
    str::from_utf8(field).is_ok_and(|text| text.parse::<f32>().is_ok())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn layout(text: &str) -> Result<VectorLayout, VectorsError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("vectors.txt");
        std::fs::write(&path, text).expect("written");
        VectorLayout::read(&path)
    }

    fn check(text: &str, width: u32, declared_count: Option<u64>) {
        assert_eq!(
            layout(text).expect("vectors"),
            VectorLayout {
                width,
                declared_count,
                is_binary: false,
            },
            "{text:?}"
        );
    }

    #[test]
    fn the_width_is_detected() {
        check("the 0.1 0.2 0.3\nof 1 2 3\n", 3, None);
        check("3 2\nthe 0.1 0.2\n", 2, Some(3));
        check("the 0.1 0.2 \r\nof 1 2 \r\n", 2, None);
        check("the\t0.1\t0.2", 2, None);
        check("a b 1 2\nthe 1 2\nof 3 4\n", 2, None);
        check(". . . 1 2\nof 3 4\n", 2, None);
        check("the 1 2\nof 3\n", 1, None);
        check("2009 1 2\n10 3 4\n", 2, None);
    }

    #[test]
    fn other_files_are_refused() {
        for text in [
            "",
            "hello\n",
            "some words here\nand there\n",
            "3 0\n",
            "1 99999999\n",
        ] {
            assert!(
                matches!(layout(text), Err(VectorsError::NoVectors { .. })),
                "{text:?}"
            );
        }
        let long_line = "x".repeat(MAX_LINE_BYTES as usize + 1);
        assert!(matches!(layout(&long_line), Err(VectorsError::Read { .. })));
    }

    #[test]
    fn binary_vectors_are_detected() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("vectors.bin");
        let is_binary = |content: &[u8]| {
            std::fs::write(&path, content).expect("written");
            VectorLayout::read(&path).expect("vectors").is_binary
        };
        let vector: Vec<u8> = [0.1_f32, -2.5]
            .into_iter()
            .flat_map(f32::to_le_bytes)
            .collect();
        let word = [b"2 2\nthe ".as_slice(), &vector, b"\nof ", &vector].concat();
        assert!(is_binary(&word));
        assert!(!is_binary(b"2 2\nthe 0.1 -2.5\nof 0.1 -2.5\n"));
        assert!(!is_binary(b"2 2\nthe \xff\xff\xff\xff\xff\xff\xff\xff\n"));
        for other in ["\u{80}", "PK\u{3}\u{4}"] {
            std::fs::write(&path, other.chars().map(|it| it as u8).collect::<Vec<_>>())
                .expect("written");
            let error = VectorLayout::read(&path).expect_err("another file");
            assert!(matches!(error, VectorsError::NoVectors { .. }), "{error}");
        }
    }

    #[test]
    fn gzip_is_detected_by_its_first_bytes() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("vectors.txt");
        let mut writer = flate2::write::GzEncoder::new(
            File::create(&path).expect("created"),
            flate2::Compression::fast(),
        );
        writer
            .write_all(b"the 0.5 1\n")
            .and_then(|()| writer.finish())
            .expect("written");
        assert_eq!(VectorLayout::read(&path).expect("vectors").width, 2);
    }
}
