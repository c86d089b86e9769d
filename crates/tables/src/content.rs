//! Detects the type of a file from its first bytes. File names are not used, because they may be wrong.

use std::io::{self, BufRead};

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};

/// Size of a read in bytes, and of the sample from which a file's type is detected.
pub(crate) const BUFFER_BYTES: usize = 1 << 18;

/// Types of files that may be given as a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A file without bytes.
    Empty,
    /// Compressed with gzip.
    Gzip,
    /// Compressed with zstd.
    Zstd,
    /// A tar archive.
    Tar,
    /// A zip archive.
    Zip,
    /// A Parquet table.
    Parquet,
    /// Text in some encoding.
    Text,
    /// A type that is recognised but not supported.
    Other {
        /// Completes the sentence "`FILE` is ...".
        name: &'static str,
        /// What the user can do with such a file.
        hint: &'static str,
    },
}

const CHECK: &str = "Check that the path names the right file";

const UNPACK: &str = "Unpack it and use the unpacked file instead";

const UTF_32: &str = "Convert it, for example with `iconv -f UTF-32 -t UTF-8 FILE > reviews.csv`, and use the converted file";

const SAVE: &str = "Save its table as a CSV file and use that file instead";

/// A type that is recognised but not supported.
const fn other(name: &'static str, hint: &'static str) -> Content {
    Content::Other { name, hint }
}

impl Content {
    /// A file of a program that can export CSV.
    pub(crate) const fn document(name: &'static str) -> Self {
        other(name, SAVE)
    }

    /// Completes the sentence "`FILE` is ...", and what the user can do with such a file.
    pub(crate) fn name_and_hint(self) -> (&'static str, &'static str) {
        match self {
            Self::Empty => ("empty", CHECK),
            Self::Gzip => ("compressed with gzip twice", CHECK),
            Self::Zstd => ("compressed with zstd twice", CHECK),
            Self::Tar => (
                "a tar archive",
                "For the aclImdb archive, set `--set ingest.format=aclimdb`; otherwise unpack it and use a file from it",
            ),
            Self::Zip => ("a zip archive", UNPACK),
            Self::Parquet => ("a Parquet table", CHECK),
            Self::Text => (
                "plain text",
                "For a CSV or TSV file, set `--set ingest.format=csv` or `--set ingest.format=tsv`",
            ),
            Self::Other { name, hint } => (name, hint),
        }
    }
}

/// First bytes of files, and the type they mean.
const SIGNATURES: [(&[u8], Content); 20] = [
    (b"\x1f\x8b", Content::Gzip),
    (b"\x28\xb5\x2f\xfd", Content::Zstd),
    (b"PK\x03\x04", Content::Zip),
    (b"PK\x05\x06", Content::Zip),
    (b"PAR1", Content::Parquet),
    (b"\xff\xfe\0\0", other("text in UTF-32", UTF_32)),
    (b"\0\0\xfe\xff", other("text in UTF-32", UTF_32)),
    (b"\xff\xfe", Content::Text),
    (b"\xfe\xff", Content::Text),
    (b"%PDF-", other("a PDF document", CHECK)),
    (b"\x89PNG", other("an image", CHECK)),
    (b"\xff\xd8\xff", other("an image", CHECK)),
    (b"GIF8", other("an image", CHECK)),
    (b"\xfd7zXZ\0", other("compressed with xz", UNPACK)),
    (b"7z\xbc\xaf\x27\x1c", other("a 7z archive", UNPACK)),
    (b"Rar!\x1a\x07", other("a RAR archive", UNPACK)),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        Content::document("an old Excel or Word document"),
    ),
    (b"SQLite format 3\0", Content::document("a SQLite database")),
    (b"ARROW1\0\0", Content::document("an Arrow file")),
    (b"{\\rtf", Content::document("a rich text document")),
];

/// Bytes after `BZh` and a digit in a bzip2 file.
const BZIP2_BLOCK: &[u8] = b"\x31\x41\x59\x26\x53\x59";

/// Detects the type of an input without consuming it.
pub(crate) fn content_of(input: &mut impl BufRead) -> io::Result<Content> {
    let start = input.fill_buf()?;
    let start = &start[..start.len().min(512)];
    let known = SIGNATURES.iter().find(|(mark, _)| start.starts_with(mark));
    if let Some((_, content)) = known {
        return Ok(*content);
    }
    Ok(match start {
        [] => Content::Empty,
        _ if start.starts_with(b"BZh") && start.get(4..10) == Some(BZIP2_BLOCK) => {
            other("compressed with bzip2", UNPACK)
        }
        // A failed download often leaves a web page.
        _ if is_html(start) => other("a web page", CHECK),
        _ if detect_utf16(start).is_some() => Content::Text,
        _ if start.get(257..262) == Some(b"ustar") => Content::Tar,
        // A few control characters make single rows invalid. If more than a tenth of the bytes are control
        // characters, the file is binary.
        _ if start.iter().filter(|byte| is_control(**byte)).count() * 10 > start.len() => {
            other("a binary file", CHECK)
        }
        _ => Content::Text,
    })
}

/// Detects UTF-16 without a byte order mark: every other byte of Latin text is zero.
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
    let has = |tag: &[u8]| text.len() >= tag.len() && text[..tag.len()].eq_ignore_ascii_case(tag);
    has(b"<!doctype html") || has(b"<html")
}

/// Returns true for control characters other than white space.
fn is_control(byte: u8) -> bool {
    byte.is_ascii_control() && !byte.is_ascii_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_the_type() {
        let mut tar = vec![0; 512];
        tar[..7].copy_from_slice(b"aclImdb");
        tar[257..262].copy_from_slice(b"ustar");
        let other = |name, hint| Content::Other { name, hint };
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
        check(b"\x01\x02\x03\x04\0\0\x05", other("a binary file", CHECK));
        check(b"\x28\xb5\x2f\xfd", Content::Zstd);
        check(b"%PDF-1.7", other("a PDF document", CHECK));
        check(b"BZh91AY&SY\x94", other("compressed with bzip2", UNPACK));
        check(b"BZh, what a film,1\n", Content::Text);
        check(b"\xfd7zXZ\0\0", other("compressed with xz", UNPACK));
        check(b"SQLite format 3\0", Content::document("a SQLite database"));
        check(b"\n <!DOCTYPE HTML><html>", other("a web page", CHECK));
        check(b"text,label\nn\0ul,0\n", Content::Text);
        check(&tar, Content::Tar);
    }
}
