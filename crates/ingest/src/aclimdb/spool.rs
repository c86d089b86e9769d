//! Texts on their way from the order of an archive to the order of the rows.
//!
//! An archive is read once, front to back, and its order is nobody's promise. The texts wait in a
//! file without a name rather than in memory: what is kept in memory is a name and a place each.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use artifact::ArtifactError;

use tables::create_temporary_file;

/// Where a text lies: its first byte, and how many there are.
pub(super) type TextLocation = (u64, usize);

/// Takes texts, then gives them back in any order.
pub(super) struct Spool {
    path: PathBuf,
    file: BufWriter<File>,
    written: u64,
}

impl Spool {
    /// A spool in a folder.
    pub(super) fn create(folder: &Path) -> Result<Self, ArtifactError> {
        Ok(Self {
            file: BufWriter::with_capacity(1 << 20, create_temporary_file(folder)?),
            path: folder.join("texts.spool"),
            written: 0,
        })
    }

    /// Adds a text.
    pub(super) fn push(&mut self, text: &str) -> Result<TextLocation, ArtifactError> {
        self.file
            .write_all(text.as_bytes())
            .map_err(ArtifactError::io("write", &self.path))?;
        let location = (self.written, text.len());
        self.written += text.len() as u64;
        Ok(location)
    }

    /// Ends the writing, before the first text is read.
    pub(super) fn flush(&mut self) -> Result<(), ArtifactError> {
        let flushed = self.file.flush();
        flushed.map_err(ArtifactError::io("write", &self.path))
    }

    /// The text at a place, in `buffer`.
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
