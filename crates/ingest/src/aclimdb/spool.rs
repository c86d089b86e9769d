//! Stores texts between the order of the archive and the order of the rows.
//!
//! An archive is read once from start to end, and its order is arbitrary. The texts are stored in an
//! unnamed file; only a name and a location per text are kept in memory.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use artifact::ArtifactError;

use tables::create_temporary_file;

/// Offset and length of a text in bytes.
pub(super) type TextLocation = (u64, usize);

/// A temporary file of texts that can be read in any order.
pub(super) struct Spool {
    path: PathBuf,
    file: BufWriter<File>,
    written: u64,
}

impl Spool {
    /// Creates the file in a folder.
    pub(super) fn create(folder: &Path) -> Result<Self, ArtifactError> {
        Ok(Self {
            file: BufWriter::with_capacity(1 << 20, create_temporary_file(folder)?),
            path: folder.join("texts.spool"),
            written: 0,
        })
    }

    /// Appends a text.
    pub(super) fn push(&mut self, text: &str) -> Result<TextLocation, ArtifactError> {
        let written = self.file.write_all(text.as_bytes());
        written.map_err(ArtifactError::io("write", &self.path))?;
        let location = (self.written, text.len());
        self.written += text.len() as u64;
        Ok(location)
    }

    /// Finishes writing. Must be called before the first text is read.
    pub(super) fn flush(&mut self) -> Result<(), ArtifactError> {
        let flushed = self.file.flush();
        flushed.map_err(ArtifactError::io("write", &self.path))
    }

    /// Reads the text at a location into `buffer`.
    pub(super) fn read<'a>(
        &self,
        (offset, bytes): TextLocation,
        buffer: &'a mut Vec<u8>,
    ) -> Result<&'a str, ArtifactError> {
        buffer.resize(bytes, 0);
        let read = self.file.get_ref().read_exact_at(buffer, offset);
        read.map_err(ArtifactError::io("read", &self.path))?;
        let changed = |_| ArtifactError::damaged(&self.path, "it changed while it was read");
        std::str::from_utf8(buffer).map_err(changed)
    }
}
