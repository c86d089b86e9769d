//! `manifest.json`: the description of an artifact. It is written last, so its presence shows that all files are
//! complete.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    ArtifactError, Contract, Digest, DigestBuilder, InputReference, Key, Result, SourceReference,
    StageName,
};

/// The file name of the manifest.
pub const MANIFEST_NAME: &str = "manifest.json";

/// Beginning of the last line of a manifest, which contains the digest of all lines before it.
const SEAL: &str = "  \"seal\": \"";

/// Whether a file is part of the identity of the artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileRole {
    /// Data: equal inputs give equal bytes, and later steps depend on them.
    Data,
    /// A record of this run, for example timings: verified like data, but not part of the identity.
    Record,
}

/// One file of an artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Name in the folder.
    pub name: String,
    /// Data or record.
    pub role: FileRole,
    /// Length in bytes.
    pub bytes: u64,
    /// Number of rows of a table.
    pub rows: Option<u64>,
    /// Digest of the content.
    pub digest: Digest,
}

/// Information on the run that wrote the artifact; not part of the identity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunInfo {
    /// Start of the stage in seconds since 1970-01-01 UTC.
    pub started: u64,
    /// Duration in seconds.
    pub seconds: f64,
    /// Peak resident memory of the process in bytes.
    pub peak_memory: u64,
    /// Number of cores the stage could use.
    pub cores: usize,
    /// The device of the tensors and why it was chosen; `None` for stages without tensors.
    pub device: Option<String>,
    /// The summary line of the stage.
    pub summary: String,
    /// Versions of Ressenti and other programs and libraries.
    pub versions: BTreeMap<String, String>,
}

/// The description of an artifact and of its origin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the file format.
    pub format: u32,
    /// The stage of the artifact.
    pub stage: StageName,
    /// The [`StageName::version`] of the stage that wrote it.
    pub stage_version: u32,
    /// The key of the artifact.
    pub key: Key,
    /// The settings that are part of the key.
    pub settings: Value,
    /// The inputs.
    pub inputs: Vec<InputReference>,
    /// The files and folders outside the store.
    pub sources: Vec<SourceReference>,
    /// The contract.
    pub contract: Contract,
    /// The files, sorted by name.
    pub files: Vec<FileEntry>,
    /// Information on the run.
    pub run: RunInfo,
}

impl RunInfo {
    /// Time of completion, in seconds since 1970-01-01 UTC.
    pub fn finished(&self) -> u64 {
        self.started + self.seconds as u64
    }
}

impl Manifest {
    /// The format version that is written and read.
    pub const FORMAT: u32 = 1;

    /// The identity: the digest of the stage, the contract and the data files. Settings, inputs, records and the run
    /// are not part of it, so a repeated step with the same output changes nothing after it.
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

    /// The text of `manifest.json`: JSON whose last member is the digest of all bytes before it.
    pub(crate) fn to_sealed_text(&self) -> String {
        let json = serde_json::to_string_pretty(self).expect("a manifest is plain data");
        let body = json.strip_suffix("\n}");
        let body = body.expect("pretty JSON of a struct ends in a brace");
        let sealed = format!("{body},\n");
        let seal = seal_line(&sealed);
        sealed + &seal
    }

    /// Reads and verifies `manifest.json`.
    ///
    /// # Errors
    /// The file is missing, a byte was changed, or it has another format version.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(ArtifactError::io("read", path))?;
        let damaged = |reason: &str| ArtifactError::damaged(path, reason);
        let text = std::str::from_utf8(&bytes).map_err(|_| damaged("it is not UTF-8 text"))?;
        let position = text.rfind(SEAL);
        let (body, seal) = text.split_at(position.ok_or_else(|| damaged("its seal is missing"))?);
        if seal != seal_line(body) {
            return Err(damaged("its content does not match its seal"));
        }
        let json = format!("{}\n}}", body.trim_end().trim_end_matches(','));
        let value: Value =
            serde_json::from_str(&json).map_err(|error| damaged(&error.to_string()))?;
        let found = value.get("format").and_then(Value::as_u64).unwrap_or(0);
        let expected = Self::FORMAT;
        if found != u64::from(expected) {
            let problem =
                format!("has format {found}, but this version of Ressenti reads format {expected}");
            return Err(ArtifactError::unusable(path, &problem));
        }
        serde_json::from_value(value).map_err(|error| damaged(&error.to_string()))
    }

    /// The entry of a file, by name.
    pub fn file(&self, name: &str) -> Option<&FileEntry> {
        self.files.iter().find(|file| file.name == name)
    }
}

/// The last line of a manifest with this body.
fn seal_line(body: &str) -> String {
    let seal = Digest::of_bytes(body.as_bytes()).to_hex();
    format!("{SEAL}{seal}\"\n}}\n")
}
