//! Stores the normalised texts of all rows, in memory or, if they are large, in a file.
//!
//! Duplicates, near-duplicates and splits are decided among all rows, and each step reads the texts again.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use artifact::Failure;

/// Maximum size in bytes of texts in memory; larger collections are stored in a file.
pub(crate) const IN_MEMORY: usize = 256 << 20;

/// Bytes per write.
const WRITE_BYTES: usize = 4 << 20;

/// Approximate number of bytes per read.
const CHUNK_BYTES: u64 = 1 << 20;

/// Texts by position.
#[derive(Debug, Default)]
pub struct TextStore {
    /// All texts, concatenated, if there is no file.
    in_memory_text: String,
    file: Option<File>,
    /// The end of each text in bytes; a text starts at the end of the previous one.
    ends: Vec<u64>,
}

/// Consecutive texts.
#[derive(Debug)]
pub struct TextChunk<'a> {
    bytes: Cow<'a, str>,
    begin: u64,
    ends: &'a [u64],
}

impl TextStore {
    /// Stores texts in memory.
    pub fn of(texts: &[impl AsRef<str>]) -> Self {
        let mut writer = TextStoreWriter::new(Path::new(""), usize::MAX);
        for text in texts {
            writer.push(text.as_ref()).expect("nothing is written");
        }
        writer.finish().expect("nothing is written")
    }

    /// Number of texts.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no texts.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Size of all texts in bytes.
    pub fn bytes(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Reads one text.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn get(&self, position: usize) -> io::Result<Cow<'_, str>> {
        Ok(self.read(position..position + 1)?.bytes)
    }

    /// Reads a range of texts.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(&self, positions: Range<usize>) -> io::Result<TextChunk<'_>> {
        let begin = self.begin(positions.start);
        let end = self.begin(positions.end);
        let bytes = match &self.file {
            None => Cow::Borrowed(&self.in_memory_text[begin as usize..end as usize]),
            Some(file) => {
                let mut bytes = vec![0; (end - begin) as usize];
                file.read_exact_at(&mut bytes, begin)?;
                let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
                Cow::Owned(String::from_utf8(bytes).map_err(invalid)?)
            }
        };
        Ok(TextChunk {
            bytes,
            begin,
            ends: &self.ends[positions],
        })
    }

    /// Divides all positions into chunks of about a mebibyte of text. A longer text is a chunk of one.
    pub fn chunks(&self) -> Vec<Range<usize>> {
        self.chunks_of(0..self.len())
    }

    /// Divides a range of positions in the same way.
    pub(crate) fn chunks_of(&self, positions: Range<usize>) -> Vec<Range<usize>> {
        let mut chunks = Vec::new();
        let mut start = positions.start;
        while start < positions.end {
            let limit = self.begin(start) + CHUNK_BYTES;
            let rest = &self.ends[start..positions.end];
            let end = start + rest.partition_point(|end| *end <= limit).max(1);
            chunks.push(start..end);
            start = end;
        }
        chunks
    }

    fn begin(&self, position: usize) -> u64 {
        let before = position.checked_sub(1);
        before.map_or(0, |before| self.ends[before])
    }
}

impl TextChunk<'_> {
    /// The texts in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let end = (end - self.begin) as usize;
            let text = &self.bytes[start..end];
            start = end;
            text
        })
    }
}

/// Converts an error of the file: `map_err(store_failed(folder))`.
pub(crate) fn store_failed(folder: &Path) -> impl Fn(io::Error) -> Failure {
    |error| {
        let folder = folder.display();
        let failure = Failure::new(format!("Failed to store texts in a file in `{folder}`"));
        let hint = "The file needs as much space as all texts: check the free space with `ressenti doctor`";
        failure.with_cause(error).with_hint(hint.to_owned())
    }
}

/// Writes a text store.
pub(crate) struct TextStoreWriter {
    path: PathBuf,
    in_memory: usize,
    /// Texts that are not yet in the file.
    store: TextStore,
}

impl TextStoreWriter {
    /// Creates a store. Up to `in_memory` bytes are kept in memory; more are written to a file in `folder`. The
    /// file has no name, so it disappears with the process.
    pub(crate) fn new(folder: &Path, in_memory: usize) -> Self {
        Self {
            path: folder.join("texts.part"),
            in_memory,
            store: TextStore::default(),
        }
    }

    /// Appends a text.
    pub(crate) fn push(&mut self, text: &str) -> io::Result<()> {
        let store = &mut self.store;
        store.in_memory_text.push_str(text);
        store.ends.push(store.bytes() + text.len() as u64);
        let limit = match store.file {
            Some(_) => WRITE_BYTES,
            None => self.in_memory,
        };
        if store.in_memory_text.len() > limit {
            self.flush()?;
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> io::Result<TextStore> {
        if self.store.file.is_some() {
            self.flush()?;
            self.store.in_memory_text = String::new();
        }
        Ok(self.store)
    }

    fn flush(&mut self) -> io::Result<()> {
        let store = &mut self.store;
        let file = match &mut store.file {
            Some(file) => file,
            None => {
                let file = File::create_new(&self.path)?;
                fs::remove_file(&self.path)?;
                store.file.insert(file)
            }
        };
        file.write_all(store.in_memory_text.as_bytes())?;
        store.in_memory_text.clear();
        store.in_memory_text.shrink_to(WRITE_BYTES);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(texts: &[String], in_memory: usize) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut writer = TextStoreWriter::new(folder.path(), in_memory);
        for text in texts {
            writer.push(text).expect("room on the disk");
        }
        let store = writer.finish().expect("room on the disk");
        let left = fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(left, 0, "an unnamed file");
        let one_by_one: Vec<_> = (0..store.len())
            .map(|at| store.get(at).expect("a text"))
            .collect();
        assert_eq!(one_by_one, texts);
        let mut connected = Vec::new();
        for range in store.chunks() {
            let chunk = store.read(range).expect("texts");
            connected.extend(chunk.iter().map(str::to_owned));
        }
        assert_eq!(connected, texts);
        assert_eq!(
            store.bytes(),
            texts.iter().map(|text| text.len() as u64).sum::<u64>()
        );
    }

    #[test]
    fn texts_are_stored_in_memory_and_in_a_file() {
        let long = "\u{e9}".repeat(3 << 19);
        let texts: Vec<String> = ["", "one", "\u{1f642}", &long, "", &long, "two", ""]
            .map(str::to_owned)
            .to_vec();
        for in_memory in [0, 3, 1 << 20, usize::MAX] {
            check(&texts, in_memory);
            check(&[], in_memory);
        }
    }

    #[test]
    fn chunks_have_a_mebibyte_or_one_text() {
        let sizes = [1 << 19, 1 << 19, 1, 5 << 20, 7];
        let texts: Vec<String> = sizes.iter().map(|size| "x".repeat(*size)).collect();
        assert_eq!(TextStore::of(&texts).chunks(), [0..2, 2..3, 3..4, 4..5]);
    }
}
