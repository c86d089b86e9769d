//! Entries for `fuzz/`, which feeds bytes to readers: everything but the writing of tables.

use std::fs;

use artifact::StageName;
use settings::{IngestSettings, REVIEWS, StepId};
use stage::{Progress, ProgressMode};

use crate::error::IngestError;
use crate::row::{LeftOut, Review};
use crate::rows::{self, Kind, Taker};
use crate::sink::Sink;

/// Takes rows and keeps nothing.
struct Nobody;

impl Taker for Nobody {
    fn accept(&mut self, review: &Review<'_>, place: &str) -> Result<(), IngestError> {
        assert!(!place.is_empty() && !review.text.contains('\0'));
        Ok(())
    }

    fn leave_out(&mut self, row: &LeftOut) -> Result<(), IngestError> {
        assert!(!row.source.is_empty());
        Ok(())
    }
}

fn progress() -> Progress {
    Progress::new(ProgressMode::None, StepId::new(StageName::Ingest, REVIEWS))
}

/// Settings with small bounds, so that reaching them takes few bytes.
fn settings(choice: u8) -> IngestSettings {
    IngestSettings {
        header: [None, Some(true), Some(false)][usize::from(choice % 3)],
        encoding: (choice & 64 != 0).then(|| "utf-16le".to_owned()),
        max_text_bytes: 200,
        max_unpacked_bytes: 1 << 20,
        ..IngestSettings::default()
    }
}

/// Reads bytes as a file of rows.
pub fn rows(choice: u8, bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x");
    fs::write(&path, bytes).expect("written");
    let kind =
        [Kind::Any, Kind::Csv, Kind::Tsv, Kind::Json, Kind::Parquet][usize::from(choice / 3 % 5)];
    let _ = rows::read(
        &[path],
        kind,
        folder.path(),
        &settings(choice),
        &progress(),
        &mut Nobody,
    );
}

/// Reads bytes as the aclImdb archive.
pub fn archive(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.tar.gz");
    fs::write(&path, bytes).expect("written");
    let mut sink = Sink::create(folder.path()).expect("tables");
    let _ =
        crate::aclimdb::read_archive(&path, &settings(0), folder.path(), &progress(), &mut sink);
}
