//! What a file really is, by its first bytes: names lie.

use std::io::{self, BufRead, Read};

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};
use stage::Task;

/// Bytes asked of the disk at a time, and looked at to tell what a file is.
pub(crate) const BUFFER: usize = 1 << 18;

/// Kinds of content that people take for tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// No bytes at all.
    Empty,
    /// Packed with gzip.
    Gzip,
    /// Packed with zstd.
    Zstd,
    /// A tar archive.
    Tar,
    /// A zip archive.
    Zip,
    /// A Parquet table.
    Parquet,
    /// A PDF document.
    Pdf,
    /// A picture.
    Picture,
    /// Packed in a way that is not read.
    Packed(&'static str),
    /// A file of a program that can save tables as text.
    Document(&'static str),
    /// A page of the web, which is what a failed download often leaves.
    Html,
    /// Neither text nor anything known.
    Binary,
    /// Text in some encoding.
    Text,
}

impl Content {
    /// For "`x` is ...".
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Gzip => "compressed with gzip, twice",
            Self::Zstd => "compressed with zstd, twice",
            Self::Tar => "a tar archive",
            Self::Zip => "a zip archive",
            Self::Parquet => "a Parquet table",
            Self::Pdf => "a PDF document",
            Self::Picture => "a picture",
            Self::Packed(name) | Self::Document(name) => name,
            Self::Html => "a web page",
            Self::Binary => "no text",
            Self::Text => "plain text",
        }
    }

    /// What to do with a file of this kind.
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Self::Zip | Self::Packed(_) => "Unpack it and pass the file in it with `--source PATH`",
            Self::Tar => {
                "For the aclImdb archive use `--set ingest.format=aclimdb`; else unpack it and pass the file in it with `--source PATH`"
            }
            Self::Document(_) => "Save its table as CSV, and pass that with `--source PATH`",
            Self::Text => {
                "For a CSV or TSV file use `--set ingest.format=csv` or `--set ingest.format=tsv`"
            }
            Self::Empty
            | Self::Gzip
            | Self::Zstd
            | Self::Parquet
            | Self::Binary
            | Self::Pdf
            | Self::Picture
            | Self::Html => "Check the file, or name another with `--source PATH`",
        }
    }
}

/// How files begin that are recognised only to be refused by their name.
const REFUSED: [(&[u8], Content); 11] = [
    (b"%PDF-", Content::Pdf),
    (b"\x89PNG", Content::Picture),
    (b"\xff\xd8\xff", Content::Picture),
    (b"GIF8", Content::Picture),
    (b"\xfd7zXZ\0", Content::Packed("compressed with xz")),
    (b"7z\xbc\xaf\x27\x1c", Content::Packed("a 7z archive")),
    (b"Rar!\x1a\x07", Content::Packed("a RAR archive")),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        Content::Document("an old document of Excel or Word"),
    ),
    (b"SQLite format 3\0", Content::Document("a SQLite database")),
    (b"ARROW1\0\0", Content::Document("an Arrow file")),
    (b"{\\rtf", Content::Document("a rich text document")),
];

/// What comes after `BZh` and a digit: the first decimals of pi.
const BZIP2_BLOCK: &[u8] = b"\x31\x41\x59\x26\x53\x59";

/// Looks at the start of an input without taking anything from it.
pub(crate) fn content_of(input: &mut impl BufRead) -> io::Result<Content> {
    let start = input.fill_buf()?;
    let start = &start[..start.len().min(512)];
    let begins = |magic: &[u8]| start.starts_with(magic);
    let refused = REFUSED.iter().find(|(magic, _)| begins(magic));
    if let Some((_, content)) = refused {
        return Ok(*content);
    }
    Ok(match start {
        [] => Content::Empty,
        _ if begins(b"\x1f\x8b") => Content::Gzip,
        _ if begins(b"\x28\xb5\x2f\xfd") => Content::Zstd,
        _ if begins(b"BZh") && start.get(4..10) == Some(BZIP2_BLOCK) => {
            Content::Packed("compressed with bzip2")
        }
        _ if is_html(start) => Content::Html,
        _ if begins(b"PK\x03\x04") || begins(b"PK\x05\x06") => Content::Zip,
        _ if begins(b"PAR1") => Content::Parquet,
        _ if begins(b"\xff\xfe") || begins(b"\xfe\xff") || detect_utf16(start).is_some() => {
            Content::Text
        }
        _ if start.get(257..262) == Some(b"ustar") => Content::Tar,
        // One control character in a text is one bad row; where every tenth byte is one, there is
        // no text.
        _ if start.iter().filter(|byte| is_control(**byte)).count() * 10 > start.len() => {
            Content::Binary
        }
        _ => Content::Text,
    })
}

/// UTF-16 without a mark: Latin letters have a zero in every other byte.
pub(crate) fn detect_utf16(start: &[u8]) -> Option<&'static Encoding> {
    let zeros = |offset: usize| {
        let bytes = start.iter().skip(offset).step_by(2);
        bytes.filter(|byte| **byte == 0).count()
    };
    let (even, odd) = (zeros(0), zeros(1));
    let many = start.len() / 5;
    if odd > many && even * 10 < odd {
        Some(UTF_16LE)
    } else if even > many && odd * 10 < even {
        Some(UTF_16BE)
    } else {
        None
    }
}

fn is_html(start: &[u8]) -> bool {
    let text = start.trim_ascii_start();
    [b"<!doctype html".as_slice(), b"<html"].iter().any(|tag| {
        text.get(..tag.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(tag))
    })
}

/// Whether a byte is a control character other than white space.
fn is_control(byte: u8) -> bool {
    byte.is_ascii_control() && !byte.is_ascii_whitespace()
}

/// An input that reports how far it is.
pub(crate) struct Watched<'a, R> {
    input: R,
    task: &'a Task,
}

impl<'a, R: Read> Watched<'a, R> {
    pub(crate) fn new(input: R, task: &'a Task) -> Self {
        Self { input, task }
    }
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.input.read(buffer)?;
        self.task.advance(bytes as u64);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell() {
        let mut tar = vec![0; 512];
        tar[..7].copy_from_slice(b"aclImdb");
        tar[257..262].copy_from_slice(b"ustar");
        let check = |bytes: &[u8], expected: Content| {
            assert_eq!(content_of(&mut &*bytes).expect("no disk"), expected)
        };
        check(b"", Content::Empty);
        check(b"review,sentiment\n", Content::Text);
        check(b"\xef\xbb\xbfreview", Content::Text);
        check(b"\x1f\x8b\x08", Content::Gzip);
        check(b"PK\x03\x04...", Content::Zip);
        check(b"PAR1", Content::Parquet);
        check(b"\xff\xfer\0e\0", Content::Text);
        check(b"r\0e\0v\0", Content::Text);
        check(b"\x01\x02\x03\x04\0\0\x05", Content::Binary);
        check(b"\x28\xb5\x2f\xfd", Content::Zstd);
        check(b"%PDF-1.7", Content::Pdf);
        check(b"BZh91AY&SY\x94", Content::Packed("compressed with bzip2"));
        check(b"BZh, what a film,1\n", Content::Text);
        check(b"\xfd7zXZ\0\0", Content::Packed("compressed with xz"));
        check(b"SQLite format 3\0", Content::Document("a SQLite database"));
        check(b"\n <!DOCTYPE HTML><html>", Content::Html);
        check(b"text,label\nn\0ul,0\n", Content::Text);
        check(&tar, Content::Tar);
    }
}
