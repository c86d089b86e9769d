//! `manifest.json`: what an artifact is, written last, so that its presence proves the rest whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    ArtifactError, Contract, Digest, DigestBuilder, InputReference, Key, SourceReference, StageName,
};

/// The manifest's file name in every artifact folder.
pub const MANIFEST_NAME: &str = "manifest.json";

/// Opens the manifest's last line, which seals all the lines before it.
const SEAL: &str = "  \"seal\": \"";

/// Whether a file's content is part of what the artifact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileRole {
    /// Content: equal inputs give equal bytes, and what follows depends on them.
    Data,
    /// A record of this run (timings, memory): proved whole like the rest, but outside the identity.
    Record,
}

/// One file of an artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Name inside the folder.
    pub name: String,
    /// Content or record.
    pub role: FileRole,
    /// Length in bytes.
    pub bytes: u64,
    /// Rows, for a table.
    pub rows: Option<u64>,
    /// Digest of the bytes.
    pub digest: Digest,
}

/// Facts of the run that made the artifact. They never enter its identity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunInfo {
    /// Seconds since 1970-01-01 UTC when the stage started.
    pub started: u64,
    /// Duration in seconds.
    pub seconds: f64,
    /// Peak resident memory of the stage's process, in bytes.
    pub peak_memory: u64,
    /// Cores used at most.
    pub cores: usize,
    /// Where tensors lived, with the reason, for stages that have any.
    pub device: Option<String>,
    /// The line the stage ended with.
    pub summary: String,
    /// Versions of what did the work.
    pub versions: BTreeMap<String, String>,
}

/// What an artifact is and how it came about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Layout of this file.
    pub format: u32,
    /// The stage that made it.
    pub stage: StageName,
    /// That stage's [`StageName::version`] at the time.
    pub stage_version: u32,
    /// The name it is stored under.
    pub key: Key,
    /// The settings in force: exactly those that are part of the key.
    pub settings: Value,
    /// What it was made from, by content.
    pub inputs: Vec<InputReference>,
    /// Files from outside that it was made from.
    pub sources: Vec<SourceReference>,
    /// What it promises.
    pub contract: Contract,
    /// Its files, sorted by name.
    pub files: Vec<FileEntry>,
    /// Facts of the run.
    pub run: RunInfo,
}

impl Manifest {
    /// The format this version writes and reads.
    pub const FORMAT: u32 = 1;

    /// What the artifact holds, whatever led to it: the digest of its stage, contract and content
    /// files. Settings, inputs, records and run facts stay outside, so that a step redone with the
    /// same outcome changes nothing after it.
    pub fn identity(&self) -> Digest {
        let contract = serde_json::to_value(&self.contract).expect("a contract is plain data");
        let mut builder = DigestBuilder::new()
            .field("format", &self.format.to_le_bytes())
            .field("stage", self.stage.as_str().as_bytes())
            .field("contract", crate::canonical_json(&contract).as_bytes());
        for file in self.files.iter().filter(|file| file.role == FileRole::Data) {
            builder = builder.field(&file.name, file.digest.to_hex().as_bytes());
        }
        builder.finish()
    }

    /// The text of `manifest.json`: JSON whose last member is a digest of every byte before it.
    pub(crate) fn to_sealed_text(&self) -> String {
        let json = serde_json::to_string_pretty(self).expect("a manifest is plain data");
        let body = json
            .strip_suffix("\n}")
            .expect("pretty JSON of a struct ends in a brace");
        let sealed = format!("{body},\n");
        let seal = seal_of(&sealed);
        sealed + &seal
    }

    /// Reads and checks `manifest.json`.
    ///
    /// # Errors
    /// The file is missing, damaged in any byte, or of another format.
    pub fn read(path: &Path) -> Result<Self, ArtifactError> {
        let bytes = fs::read(path).map_err(ArtifactError::io("read", path))?;
        let damaged = |reason: &str| ArtifactError::damaged(path, reason);
        let text = std::str::from_utf8(&bytes).map_err(|_| damaged("it is not text"))?;
        let position = text.rfind(SEAL);
        let (body, seal) = text.split_at(position.ok_or_else(|| damaged("its seal is missing"))?);
        if seal != seal_of(body) {
            return Err(damaged("its content and its seal differ"));
        }
        let json = format!("{}\n}}", body.trim_end().trim_end_matches(','));
        let value: Value =
            serde_json::from_str(&json).map_err(|error| damaged(&error.to_string()))?;
        let found = value.get("format").and_then(Value::as_u64).unwrap_or(0);
        let expected = Self::FORMAT;
        if found != u64::from(expected) {
            let problem = format!("has format {found}, and this version reads format {expected}");
            return Err(ArtifactError::unusable(path, &problem));
        }
        serde_json::from_value(value).map_err(|error| damaged(&error.to_string()))
    }

    /// The entry of a file, by name.
    pub fn file(&self, name: &str) -> Option<&FileEntry> {
        self.files.iter().find(|file| file.name == name)
    }
}

/// The end of a manifest that begins like this.
fn seal_of(body: &str) -> String {
    let seal = Digest::of_bytes(body.as_bytes()).to_hex();
    format!("{SEAL}{seal}\"\n}}\n")
}
