//! Artifacts for tests, written without running a stage.

use std::fs;

use artifact::{
    Artifact, Contract, InputReference, Key, OutputFile, RunInfo, SourceReference, StageName,
    Store, step_key,
};
use serde_json::Value;

/// An artifact to write into a store.
#[derive(Clone, Debug)]
pub struct TestArtifact {
    /// Its stage.
    pub stage: StageName,
    /// The settings in its manifest.
    pub settings: Value,
    /// The inputs in its manifest.
    pub inputs: Vec<InputReference>,
    /// The sources in its manifest.
    pub sources: Vec<SourceReference>,
    /// Its contract.
    pub contract: Contract,
}

impl TestArtifact {
    /// An artifact without inputs and settings.
    pub fn new(stage: StageName, contract: Contract) -> Self {
        Self {
            stage,
            settings: Value::Null,
            inputs: vec![],
            sources: vec![],
            contract,
        }
    }

    /// Its key in the store.
    pub fn key(&self) -> Key {
        step_key(self.stage, &self.settings, &self.inputs, &self.sources)
    }

    /// Commits an artifact with these files and links the variant to it. Files with the ending `.record` are records.
    pub fn commit(&self, store: &Store, variant: &str, files: &[(&str, &[u8])]) -> Artifact {
        let key = self.key();
        let lock = store.lock(self.stage, &key, |_| {}).expect("a lock");
        let pending = store
            .begin(self.stage, key, lock)
            .expect("a pending artifact");
        let mut outputs = Vec::new();
        for (name, content) in files {
            fs::write(pending.folder().join(name), content).expect("written");
            outputs.push(if name.ends_with(".record") {
                OutputFile::record(*name)
            } else {
                OutputFile::data(*name)
            });
        }
        let artifact = pending
            .commit(
                self.settings.clone(),
                self.inputs.clone(),
                self.sources.clone(),
                self.contract.clone(),
                &outputs,
                run_info(),
            )
            .expect("committed");
        store.link(variant, &artifact).expect("linked");
        artifact
    }
}

/// Information about a run that took no time.
pub fn run_info() -> RunInfo {
    RunInfo {
        started: 1_700_000_000,
        seconds: 0.0,
        peak_memory: 0,
        cores: 1,
        device: None,
        summary: "made by a test".to_owned(),
        versions: Default::default(),
    }
}
