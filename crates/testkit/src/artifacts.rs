//! Artifacts without a stage, for tests of what reads them.

use std::fs;

use artifact::{
    Artifact, Contract, InputReference, Key, OutputFile, RunFacts, SourceReference, StageName,
    Store, key_of,
};
use serde_json::Value;

/// What to commit, and as what.
#[derive(Clone, Debug)]
pub struct TestArtifact {
    /// The stage it is of.
    pub stage: StageName,
    /// The settings it claims to be made with.
    pub settings: Value,
    /// What it claims to be made from.
    pub inputs: Vec<InputReference>,
    /// What it claims to be made from, outside the store.
    pub sources: Vec<SourceReference>,
    /// What it promises.
    pub contract: Contract,
}

impl TestArtifact {
    /// An artifact made from nothing, without settings.
    pub fn new(stage: StageName, contract: Contract) -> Self {
        Self {
            stage,
            settings: Value::Null,
            inputs: vec![],
            sources: vec![],
            contract,
        }
    }

    /// The key it is stored under.
    pub fn key(&self) -> Key {
        key_of(self.stage, &self.settings, &self.inputs, &self.sources)
    }

    /// Commits an artifact of these files and gives it a variant's name. Files whose name ends in
    /// `.record` are records.
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
                run_facts(),
            )
            .expect("committed");
        store.link(variant, &artifact).expect("linked");
        artifact
    }
}

/// Facts of a run that took no time.
pub fn run_facts() -> RunFacts {
    RunFacts {
        started: 1_700_000_000,
        seconds: 0.0,
        peak_memory: 0,
        cores: 1,
        device: None,
        summary: "made by a test".to_owned(),
        versions: Default::default(),
    }
}
