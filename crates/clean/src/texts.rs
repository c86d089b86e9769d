//! The texts of all rows, normalised: in memory while they are few, in a file beyond that.
//!
//! Copies, near-duplicates and splits are decided among all rows, and each of them looks at the
//! texts again. What is kept of a row is small; the texts are not, so they are read when needed.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use artifact::Failure;

/// Bytes of text that are held in memory before they go into a file.
pub(crate) const IN_MEMORY: usize = 256 << 20;

/// Bytes that are written to the file at a time.
const WRITE: usize = 4 << 20;

/// Bytes of text that are read at a time, about.
const STRETCH: u64 = 1 << 20;

/// Texts by position.
#[derive(Debug, Default)]
pub struct TextStore {
    /// All texts, one after the other, where there is no file.
    held: String,
    file: Option<File>,
    /// Where each text ends, in bytes; each begins where the one before it ends.
    ends: Vec<u64>,
}

/// Texts that follow each other.
#[derive(Debug)]
pub struct Stretch<'a> {
    bytes: Cow<'a, str>,
    begin: u64,
    ends: &'a [u64],
}

impl TextStore {
    /// Texts that are held in memory, however many.
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

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all texts together.
    pub fn bytes(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// One text.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn get(&self, position: usize) -> io::Result<Cow<'_, str>> {
        Ok(self.read(position..position + 1)?.bytes)
    }

    /// Some texts.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(&self, positions: Range<usize>) -> io::Result<Stretch<'_>> {
        let begin = self.begin(positions.start);
        let end = self.begin(positions.end);
        let bytes = match &self.file {
            None => Cow::Borrowed(&self.held[begin as usize..end as usize]),
            Some(file) => {
                let mut bytes = vec![0; (end - begin) as usize];
                file.read_exact_at(&mut bytes, begin)?;
                let text = String::from_utf8(bytes)
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
                Cow::Owned(text)
            }
        };
        Ok(Stretch {
            bytes,
            begin,
            ends: &self.ends[positions],
        })
    }

    /// All positions, divided into stretches of about a mebibyte of text; a longer text is one by
    /// itself.
    pub fn stretches(&self) -> Vec<Range<usize>> {
        self.stretches_of(0..self.len())
    }

    /// The same for some positions.
    pub(crate) fn stretches_of(&self, positions: Range<usize>) -> Vec<Range<usize>> {
        let mut stretches = Vec::new();
        let mut start = positions.start;
        while start < positions.end {
            let limit = self.begin(start) + STRETCH;
            let rest = &self.ends[start..positions.end];
            let end = start + rest.partition_point(|end| *end <= limit).max(1);
            stretches.push(start..end);
            start = end;
        }
        stretches
    }

    fn begin(&self, position: usize) -> u64 {
        let before = position.checked_sub(1);
        before.map_or(0, |before| self.ends[before])
    }
}

impl Stretch<'_> {
    /// Its texts, in order.
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

/// `map_err(failed(folder))`: the texts, which are too many to be held in memory, could not be kept in
/// a file.
pub(crate) fn failed(folder: &Path) -> impl Fn(io::Error) -> Failure {
    |error| {
        let folder = folder.display();
        Failure::new(format!("Failed to keep the texts in a file in `{folder}`"))
            .with_cause(error)
            .with_hint("It takes as much room as all texts together: see what is left with `ressenti doctor`".to_owned())
    }
}

/// Takes texts one after the other.
pub(crate) struct TextStoreWriter {
    path: PathBuf,
    in_memory: usize,
    /// It holds what the file does not have yet.
    store: TextStore,
}

impl TextStoreWriter {
    /// A store that keeps so many bytes in memory before it makes a file in this folder. The file
    /// has no name by the time it has bytes, so that nothing is left of it however this process
    /// ends.
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
        store.held.push_str(text);
        store.ends.push(store.bytes() + text.len() as u64);
        let limit = match store.file {
            Some(_) => WRITE,
            None => self.in_memory,
        };
        if store.held.len() > limit {
            self.flush()?;
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> io::Result<TextStore> {
        if self.store.file.is_some() {
            self.flush()?;
            self.store.held = String::new();
        }
        Ok(self.store)
    }

    fn flush(&mut self) -> io::Result<()> {
        let store = &mut self.store;
        let file = match &mut store.file {
            Some(file) => file,
            None => {
                let mut options = File::options();
                let options = options.read(true).write(true).create_new(true);
                let file = options.open(&self.path)?;
                fs::remove_file(&self.path)?;
                store.file.insert(file)
            }
        };
        file.write_all(store.held.as_bytes())?;
        store.held.clear();
        store.held.shrink_to(WRITE);
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
        assert_eq!(left, 0, "a file without a name");
        let one_by_one: Vec<_> = (0..store.len())
            .map(|at| store.get(at).expect("a text"))
            .collect();
        assert_eq!(one_by_one, texts);
        let mut together = Vec::new();
        for range in store.stretches() {
            let stretch = store.read(range).expect("texts");
            together.extend(stretch.iter().map(str::to_owned));
        }
        assert_eq!(together, texts);
        assert_eq!(
            store.bytes(),
            texts.iter().map(|text| text.len() as u64).sum::<u64>()
        );
    }

    #[test]
    fn what_goes_in_comes_out_from_memory_and_from_a_file() {
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
    fn stretches_are_of_a_mebibyte_or_of_one_text() {
        let sizes = [1 << 19, 1 << 19, 1, 5 << 20, 7];
        let texts: Vec<String> = sizes.iter().map(|size| "x".repeat(*size)).collect();
        assert_eq!(TextStore::of(&texts).stretches(), [0..2, 2..3, 3..4, 4..5]);
    }
}
