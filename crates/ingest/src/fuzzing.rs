//! Entries for `fuzz/`, which feeds bytes to readers: everything but the writing of tables.

use std::fs;

use artifact::StageName;
use settings::{IngestSettings, REVIEWS, StepId};
use stage::{Progress, ProgressMode};

use crate::error::IngestError;
use crate::row::{LeftOut, Review};
use crate::rows::{self, Kind};
use crate::sink::{Sink, Taker};

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
fn settings() -> IngestSettings {
    IngestSettings {
        max_text_bytes: 200,
        max_unpacked_bytes: 1 << 20,
        ..IngestSettings::default()
    }
}

fn rows(kind: Kind, settings: &IngestSettings, bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x");
    fs::write(&path, bytes).expect("written");
    let _ = rows::read(
        &[path],
        kind,
        folder.path(),
        settings,
        &progress(),
        &mut Nobody,
    );
}

/// Reads bytes as CSV or a relative of it, with a choice of what is told beforehand.
pub fn delimited(choice: u8, bytes: &[u8]) {
    let settings = IngestSettings {
        header: [None, Some(true), Some(false)][usize::from(choice % 3)],
        ..settings()
    };
    let kind = [Kind::Any, Kind::Csv, Kind::Tsv][usize::from(choice / 3 % 3)];
    rows(kind, &settings, bytes);
}

/// Reads bytes as text in an encoding that is found, or one of these.
pub fn encoded(choice: u8, bytes: &[u8]) {
    let encodings = [
        "utf-16le",
        "utf-16be",
        "windows-1252",
        "utf-8",
        "shift_jis",
        "iso-2022-jp",
        "gb18030",
    ];
    let encoding = usize::from(choice) % (encodings.len() + 1);
    let settings = IngestSettings {
        encoding: encodings.get(encoding).map(|name| (*name).to_owned()),
        ..settings()
    };
    rows(Kind::Csv, &settings, bytes);
}

/// Reads bytes as JSON.
pub fn json(bytes: &[u8]) {
    rows(Kind::Json, &settings(), bytes);
}

/// Reads bytes as a Parquet table.
pub fn parquet(bytes: &[u8]) {
    rows(Kind::Parquet, &settings(), bytes);
}

/// Reads bytes as whatever they are, packed or not.
pub fn any(bytes: &[u8]) {
    rows(Kind::Any, &settings(), bytes);
}

/// Reads bytes as the aclImdb archive.
pub fn archive(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.tar.gz");
    fs::write(&path, bytes).expect("written");
    let mut sink = Sink::create(folder.path()).expect("tables");
    let _ = crate::aclimdb::read_archive(&path, &settings(), folder.path(), &progress(), &mut sink);
}
