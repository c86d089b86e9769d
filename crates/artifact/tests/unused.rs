//! Unused folders are found, and nothing else is deleted.

use std::fs;

use artifact::{Contract, InputReference, StageName, Store, UnusedFolder, UnusedKind};
use serde_json::json;
use testkit::TestArtifact;

fn reviews(settings: u64) -> TestArtifact {
    TestArtifact {
        settings: json!({ "settings": settings }),
        ..TestArtifact::new(StageName::Ingest, Contract::Reviews { rows: settings })
    }
}

fn folders(found: &[UnusedFolder]) -> Vec<String> {
    let name = |unused: &UnusedFolder| {
        unused
            .folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    found.iter().map(name).collect()
}

#[test]
fn outputs_of_variants_and_their_inputs_are_in_use() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::new(folder.path());
    let files: [(&str, &[u8]); 1] = [("reviews.parquet", b"some reviews")];
    let old = reviews(1).commit(&store, "reviews", &files);
    let input = InputReference {
        stage: StageName::Ingest,
        variant: "reviews".to_owned(),
        identity: old.identity(),
    };
    let contract = Contract::Clean {
        train: 1,
        validation: 0,
        test: 0,
        unlabelled: 0,
        classes: vec![],
        normalization: None,
        languages: Vec::new(),
    };
    let clean = TestArtifact {
        inputs: vec![input],
        ..TestArtifact::new(StageName::Clean, contract)
    };
    clean.commit(&store, "reviews", &[("clean.parquet", b"clean")]);
    assert_eq!(store.unused_folders().expect("readable"), []);

    // The variant links to another output; the old one is still an input of `clean`.
    let new = reviews(2).commit(&store, "reviews", &files);
    assert_eq!(store.unused_folders().expect("readable"), []);

    // After a third output nothing uses the second one.
    reviews(3).commit(&store, "reviews", &files);
    let found = store.unused_folders().expect("readable");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].folder, new.folder());
    assert!(found[0].bytes > 12, "{}", found[0].bytes);
    assert!(
        matches!(&found[0].kind, UnusedKind::Output(manifest) if manifest.stage == StageName::Ingest && manifest.run.summary == "made by a test")
    );
    assert!(store.delete(&found[0]).expect("deletable"));
    assert_eq!(store.unused_folders().expect("readable"), []);
    assert!(old.folder().is_dir() && !new.folder().exists());
}

#[test]
fn folders_that_are_used_again_are_not_deleted() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::new(folder.path());
    let files: [(&str, &[u8]); 1] = [("reviews.parquet", b"some reviews")];
    let first = reviews(1).commit(&store, "reviews", &files);
    reviews(2).commit(&store, "reviews", &files);
    let found = store.unused_folders().expect("readable");
    assert_eq!(found.len(), 1);

    let lock = store
        .lock(StageName::Ingest, &reviews(1).key(), |_| ())
        .expect("a lock");
    assert!(!store.delete(&found[0]).expect("readable"));
    drop(lock);
    store.link("reviews", &first).expect("linked again");
    assert!(!store.delete(&found[0]).expect("readable"));
    assert!(first.folder().is_dir());
}

#[test]
fn remains_of_killed_runs_are_found_but_not_those_of_running_processes() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::new(folder.path());
    let work = store.root().join("work");
    fs::create_dir_all(work.join("train-0123456789abcdef")).expect("left by a kill");
    fs::write(work.join("train-0123456789abcdef/model"), b"half").expect("written");
    let key = reviews(1).key();
    let lock = store.lock(StageName::Ingest, &key, |_| ()).expect("a lock");
    let pending = store.begin(StageName::Ingest, key, lock).expect("begun");
    let found = store.unused_folders().expect("readable");
    assert_eq!(folders(&found), ["train-0123456789abcdef"]);
    assert_eq!(
        (&found[0].kind, found[0].bytes),
        (&UnusedKind::Unfinished, 4)
    );
    assert!(store.delete(&found[0]).expect("deletable"));
    assert!(pending.folder().is_dir());

    // A resume directory is distinguished from an incomplete output.
    fs::create_dir_all(work.join("train-0123456789abcdef.kept")).expect("left by a kill");
    let found = store.unused_folders().expect("readable");
    assert_eq!(found[0].kind, UnusedKind::Resumable);
    assert!(store.delete(&found[0]).expect("deletable"));
    assert_eq!(store.unused_folders().expect("readable"), []);

    // An output with a damaged manifest is listed, so that the user can decide.
    let damaged = store.root().join("store/clean/0000000000000000");
    fs::create_dir_all(&damaged).expect("a folder");
    fs::write(damaged.join("manifest.json"), b"{").expect("written");
    let found = store.unused_folders().expect("readable");
    assert_eq!(found[0].kind, UnusedKind::Damaged);
}
