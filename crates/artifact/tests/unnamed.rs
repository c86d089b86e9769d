//! What nothing names is found, and nothing else is ever deleted.

use std::fs;

use artifact::{Contract, InputReference, StageName, Store, Unnamed, UnnamedKind};
use serde_json::json;
use testkit::TestArtifact;

fn reviews(settings: u64) -> TestArtifact {
    TestArtifact {
        settings: json!({ "settings": settings }),
        ..TestArtifact::new(StageName::Ingest, Contract::Reviews { rows: settings })
    }
}

fn folders(found: &[Unnamed]) -> Vec<String> {
    let name = |unnamed: &Unnamed| {
        unnamed
            .folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    found.iter().map(name).collect()
}

#[test]
fn what_a_variant_names_stays_with_all_it_was_made_from() {
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
    };
    let clean = TestArtifact {
        inputs: vec![input],
        ..TestArtifact::new(StageName::Clean, contract)
    };
    clean.commit(&store, "reviews", &[("clean.parquet", b"clean")]);
    assert_eq!(store.unnamed().expect("readable"), []);

    // Another output takes over the name; the old one is still what `clean` was made from.
    let new = reviews(2).commit(&store, "reviews", &files);
    assert_eq!(store.unnamed().expect("readable"), []);

    // And a third: nothing is left that was made from the second.
    reviews(3).commit(&store, "reviews", &files);
    let found = store.unnamed().expect("readable");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].folder, new.folder());
    assert!(found[0].bytes > 12, "{}", found[0].bytes);
    assert!(
        matches!(&found[0].kind, UnnamedKind::Output { stage: StageName::Ingest, summary, .. } if summary == "made by a test")
    );
    assert!(store.delete(&found[0]).expect("deletable"));
    assert_eq!(store.unnamed().expect("readable"), []);
    assert!(old.folder().is_dir() && !new.folder().exists());
}

#[test]
fn what_was_named_meanwhile_or_is_being_worked_on_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::new(folder.path());
    let files: [(&str, &[u8]); 1] = [("reviews.parquet", b"some reviews")];
    let first = reviews(1).commit(&store, "reviews", &files);
    reviews(2).commit(&store, "reviews", &files);
    let found = store.unnamed().expect("readable");
    assert_eq!(found.len(), 1);

    let lock = store
        .lock(StageName::Ingest, &reviews(1).key(), |_| ())
        .expect("a lock");
    assert!(!store.delete(&found[0]).expect("readable"));
    drop(lock);
    store.link("reviews", &first).expect("named again");
    assert!(!store.delete(&found[0]).expect("readable"));
    assert!(first.folder().is_dir());
}

#[test]
fn what_killed_runs_left_is_found_and_what_lives_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::new(folder.path());
    let work = store.root().join("work");
    fs::create_dir_all(work.join("train-0123456789abcdef")).expect("left by a kill");
    fs::write(work.join("train-0123456789abcdef/model"), b"half").expect("written");
    let key = reviews(1).key();
    let lock = store.lock(StageName::Ingest, &key, |_| ()).expect("a lock");
    let pending = store.begin(StageName::Ingest, key, lock).expect("begun");
    let found = store.unnamed().expect("readable");
    assert_eq!(folders(&found), ["train-0123456789abcdef"]);
    assert_eq!(
        (&found[0].kind, found[0].bytes),
        (&UnnamedKind::Unfinished, 4)
    );
    assert!(store.delete(&found[0]).expect("deletable"));
    assert!(pending.folder().is_dir());

    // What a step would go on from is told from what it would begin anew.
    fs::create_dir_all(work.join("train-0123456789abcdef.kept")).expect("left by a kill");
    let found = store.unnamed().expect("readable");
    assert_eq!(found[0].kind, UnnamedKind::Resumable);
    assert!(store.delete(&found[0]).expect("deletable"));
    assert_eq!(store.unnamed().expect("readable"), []);

    // A manifest that cannot be read is for the user to decide about.
    let damaged = store.root().join("store/clean/0000000000000000");
    fs::create_dir_all(&damaged).expect("a folder");
    fs::write(damaged.join("manifest.json"), b"{").expect("written");
    let found = store.unnamed().expect("readable");
    assert_eq!(found[0].kind, UnnamedKind::Damaged);
}
