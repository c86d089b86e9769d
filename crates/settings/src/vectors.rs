//! The layout of a file of word vectors, from its first lines.
//!
//! It stands here and not in `embed` because a width that cannot fit is a mistake in the pipeline
//! file, to be found while planning and not after the tokenizer has run.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::iter;
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

/// Lines looked at to learn the width.
const FIRST_LINES: usize = 32;

/// A longer line is no vector: 4096 components of twenty digits and a long word fit well.
const LONGEST_LINE: u64 = 1 << 18;

/// A file of word vectors that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VectorsError {
    /// The file could not be read, or not to its end.
    #[error("Failed to read the word vectors `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The first lines are not a word and numbers.
    #[error("`{}` has no word vectors: {reason}", path.display())]
    NoVectors {
        /// The file.
        path: PathBuf,
        /// What its first lines are.
        reason: String,
    },
}

/// What the first lines of a file of word vectors say about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VectorLayout {
    /// Components of a vector.
    pub width: u32,
    /// Number of vectors, where a first line `count width` announces it (word2vec, fastText).
    pub announced: Option<u64>,
}

impl VectorLayout {
    /// Reads the first lines of a GloVe, word2vec or fastText text file, plain or gz.
    ///
    /// # Errors
    /// The file cannot be read or has no vectors.
    pub fn peek(path: &Path) -> Result<Self, VectorsError> {
        let read_error = |source| VectorsError::Read {
            path: path.to_owned(),
            source,
        };
        let mut reader = open_vectors(path).map_err(read_error)?;
        let lines = iter::from_fn(|| next_line(&mut reader).transpose())
            .take(FIRST_LINES + 1)
            .collect::<io::Result<Vec<Line>>>()
            .map_err(read_error)?;
        Self::of(&lines).map_err(|reason| VectorsError::NoVectors {
            path: path.to_owned(),
            reason,
        })
    }

    /// The width that most of the lines have. A word with spaces or a damaged line among the first
    /// does not mislead it.
    fn of(lines: &[Line]) -> Result<Self, String> {
        let first = lines.first().ok_or("it is empty")?;
        if let Some((count, width)) = header(&first.bytes) {
            return match u32::try_from(width) {
                Ok(width @ 1..=65_536) => Ok(Self {
                    width,
                    announced: Some(count),
                }),
                _ => Err(format!(
                    "its first line announces vectors of {width} components"
                )),
            };
        }
        let mut widths = BTreeMap::new();
        for line in lines {
            let numbers = fields(&line.bytes)
                .skip(1)
                .filter(|field| is_number(field))
                .count();
            *widths.entry(numbers).or_insert(0) += 1;
        }
        // Of widths equally common the smaller one: words with spaces only ever add fields.
        let common = widths.into_iter().rev().max_by_key(|(_, lines)| *lines);
        match common {
            Some((width @ 1..=65_536, _)) => Ok(Self {
                width: width as u32,
                announced: None,
            }),
            _ => Err("its first lines are not a word followed by numbers".to_owned()),
        }
    }
}

/// One line of a file, without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Whether a line feed closed it; only the last line of a file may have none.
    pub is_closed: bool,
}

/// Opens a file of text, unpacking it where its first bytes say that it is gz.
///
/// # Errors
/// The file cannot be opened or read.
pub fn open_vectors(path: &Path) -> io::Result<Box<dyn BufRead + Send>> {
    let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
    let is_gz = file.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    Ok(if is_gz {
        Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(file)))
    } else {
        Box::new(file)
    })
}

/// The next line, `None` at the end of the file.
///
/// # Errors
/// The file cannot be read on, or the line is longer than any vector.
pub fn next_line(reader: &mut dyn BufRead) -> io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    let length = reader.take(LONGEST_LINE).read_until(b'\n', &mut bytes)?;
    if length == 0 {
        return Ok(None);
    }
    if length as u64 == LONGEST_LINE {
        let message =
            format!("a line is longer than {LONGEST_LINE} bytes, which no line of word vectors is");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    let is_closed = bytes.last() == Some(&b'\n');
    while matches!(bytes.last(), Some(b'\n' | b'\r')) {
        bytes.pop();
    }
    Ok(Some(Line { bytes, is_closed }))
}

/// The fields of a line. They are separated by ASCII spaces or tabs alone: the words themselves may
/// hold any other white space.
pub fn fields(line: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    line.split(|byte| matches!(byte, b' ' | b'\t'))
        .filter(|field| !field.is_empty())
}

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
        VectorLayout::peek(&path)
    }

    fn check(text: &str, width: u32, announced: Option<u64>) {
        assert_eq!(
            layout(text).expect("vectors"),
            VectorLayout { width, announced },
            "{text:?}"
        );
    }

    #[test]
    fn the_first_lines_tell_the_width() {
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
    fn what_is_no_file_of_vectors_is_refused() {
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
        let endless = "x".repeat(LONGEST_LINE as usize + 1);
        assert!(matches!(layout(&endless), Err(VectorsError::Read { .. })));
    }

    #[test]
    fn gz_is_known_by_its_first_bytes_and_not_by_its_name() {
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
        assert_eq!(VectorLayout::peek(&path).expect("vectors").width, 2);
    }
}
