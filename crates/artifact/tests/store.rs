//! Guarantees of the store: complete or missing outputs, verification before use, one process per step.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use artifact::{
    Artifact, ArtifactError, Contract, Digest, OutputFile, Source, SourceIndex, StageName, Store,
    host_name, step_key,
};
use serde_json::{Value, json};
use testkit::TestArtifact;

const FILES: [(&str, &[u8]); 3] = [
    ("reviews.parquet", b"sixty reviews"),
    ("rejected.parquet", b""),
    ("time.record", b"1 s"),
];

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::new(folder.path().join("artifacts"));
    (folder, store)
}

fn recipe(settings: Value) -> TestArtifact {
    TestArtifact {
        settings,
        ..TestArtifact::new(StageName::Ingest, Contract::Reviews { rows: 60 })
    }
}

/// Relative paths of all files and folders below a folder.
fn paths_below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(current) = pending.pop() {
        for entry in fs::read_dir(current).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            let name = path
                .strip_prefix(folder)
                .expect("inside")
                .to_string_lossy()
                .into_owned();
            if path.is_dir() && !path.is_symlink() {
                pending.push(path);
            }
            found.push(name);
        }
    }
    found.sort();
    found
}

#[test]
fn a_committed_artifact_is_found_by_key_and_by_variant() {
    let (_folder, store) = store();
    let recipe = recipe(json!({ "format": "csv" }));
    assert!(
        store
            .find(StageName::Ingest, &recipe.key())
            .expect("no error")
            .is_none()
    );
    assert!(
        store
            .latest(StageName::Ingest, "reviews")
            .expect("no error")
            .is_none()
    );
    let committed = recipe.commit(&store, "reviews", &FILES);

    let found = store
        .find(StageName::Ingest, &recipe.key())
        .expect("no error")
        .expect("it exists");
    let latest = store
        .latest(StageName::Ingest, "reviews")
        .expect("no error")
        .expect("it exists");
    assert_eq!(found.manifest(), committed.manifest());
    assert_eq!(latest.manifest(), committed.manifest());
    found.verify().expect("undamaged");
    let path = found.file("reviews.parquet").expect("verified");
    assert_eq!(fs::read(path).expect("read"), b"sixty reviews");
    let error = found.file("labels.parquet").expect_err("no such file");
    assert!(error.to_string().ends_with("has no file `labels.parquet`"));
    assert_eq!(
        error.hint().as_deref(),
        Some("Rebuild the damaged output with `ressenti run --only ingest`")
    );
}

#[test]
fn the_identity_depends_only_on_data_and_contract() {
    let (_folder, store) = store();
    let identity = |settings: Value, files: &[(&str, &[u8])]| {
        recipe(settings).commit(&store, "a", files).identity()
    };
    let first = identity(json!(1), &FILES);
    let other_record = [FILES[0], FILES[1], ("time.record", b"2 s".as_slice())];
    let other_content = [("reviews.parquet", b"sixty Reviews".as_slice()), FILES[1]];
    let other_name = [("Reviews.parquet", FILES[0].1), FILES[1]];
    assert_eq!(
        identity(json!(2), &FILES),
        first,
        "settings are not part of the identity"
    );
    assert_eq!(
        identity(json!(3), &other_record),
        first,
        "records are not part of the identity"
    );
    assert_ne!(identity(json!(4), &other_content), first);
    assert_ne!(identity(json!(5), &other_name), first);
    let other_promise = TestArtifact::new(StageName::Ingest, Contract::Reviews { rows: 61 });
    assert_ne!(other_promise.commit(&store, "a", &FILES).identity(), first);
}

#[test]
fn a_flipped_bit_in_any_byte_of_any_file_is_detected() {
    let (_folder, store) = store();
    let recipe = recipe(Value::Null);
    let artifact = recipe.commit(&store, "reviews", &FILES);
    let mut flips = 0;
    for entry in fs::read_dir(artifact.folder()).expect("a folder") {
        let path = entry.expect("an entry").path();
        let original = fs::read(&path).expect("read");
        for position in 0..original.len() {
            let mut damaged = original.clone();
            damaged[position] ^= 1;
            fs::write(&path, &damaged).expect("written");
            let result = Artifact::open(artifact.folder()).and_then(|artifact| artifact.verify());
            let named = matches!(&result, Err(ArtifactError::Damaged { path: named, .. }) if *named == path);
            assert!(named, "byte {position} of {}: {result:?}", path.display());
            flips += 1;
        }
        fs::write(&path, &original).expect("written");
    }
    assert!(flips > 1000);
    Artifact::open(artifact.folder())
        .expect("restored")
        .verify()
        .expect("undamaged");
}

#[test]
fn the_index_does_not_hide_a_file_that_changed() {
    let (_folder, store) = store();
    let artifact = recipe(Value::Null).commit(&store, "reviews", &FILES);
    // The index does not remember files of the last two seconds: their times may not change with their content.
    thread::sleep(Duration::from_millis(2100));
    let mut index = SourceIndex::load(&store);
    artifact.verify_changed(&mut index).expect("remembered");
    let path = artifact.folder().join("reviews.parquet");
    let modified = fs::metadata(&path).and_then(|file| file.modified());
    fs::write(&path, "sixty Reviews").expect("written");
    let file = fs::File::options().write(true).open(&path).expect("opened");
    file.set_modified(modified.expect("a time")).expect("set");
    let error = artifact.verify_changed(&mut index).expect_err("damaged");
    assert!(matches!(error, ArtifactError::Damaged { path: named, .. } if named == path));
}

#[test]
fn missing_and_truncated_files_are_distinguished() {
    let (_folder, store) = store();
    let artifact = recipe(Value::Null).commit(&store, "reviews", &FILES);
    let check = |expected: &str| {
        let error = artifact.verify().expect_err("damaged").to_string();
        assert!(error.ends_with(expected), "{error}");
    };
    let path = artifact.folder().join("reviews.parquet");
    fs::write(&path, "sixty").expect("written");
    check("reviews.parquet` is damaged: it should have 13 bytes and has 5");
    fs::remove_file(&path).expect("removed");
    check("reviews.parquet` is damaged: it is missing");
    let manifest = artifact.folder().join("manifest.json");
    fs::write(&manifest, "").expect("written");
    let error = store
        .find(StageName::Ingest, &artifact.manifest().key)
        .expect_err("damaged");
    assert!(
        error
            .to_string()
            .ends_with("manifest.json` is damaged: its seal is missing")
    );
    assert_eq!(
        error.hint().as_deref(),
        Some("Rebuild the damaged output with `ressenti run --only ingest`")
    );
    fs::remove_file(&manifest).expect("removed");
    assert!(
        store
            .find(StageName::Ingest, &artifact.manifest().key)
            .expect("no error")
            .is_none()
    );
}

#[test]
fn a_manifest_of_another_format_version_has_its_own_message() {
    let (_folder, store) = store();
    let artifact = recipe(Value::Null).commit(&store, "reviews", &FILES);
    let path = artifact.folder().join("manifest.json");
    let text = fs::read_to_string(&path)
        .expect("read")
        .replace("\"format\": 1", "\"format\": 9");
    let (body, _) = text.rsplit_once("  \"seal\"").expect("a seal");
    let seal = Digest::of_bytes(body.as_bytes()).to_hex();
    fs::write(&path, format!("{body}  \"seal\": \"{seal}\"\n}}\n")).expect("written");
    let error = Artifact::open(artifact.folder())
        .expect_err("another format")
        .to_string();
    assert!(
        error.ends_with("manifest.json` has format 9, but this version of Ressenti reads format 1"),
        "{error}"
    );
}

#[test]
fn uncommitted_outputs_and_remains_of_killed_runs_are_deleted() {
    let (_folder, store) = store();
    let recipe = recipe(Value::Null);
    let key = recipe.key();
    let begin = || {
        let lock = store.lock(StageName::Ingest, &key, |_| {}).expect("a lock");
        store
            .begin(StageName::Ingest, key, lock)
            .expect("a pending artifact")
    };
    let pending = begin();
    fs::write(pending.folder().join("half"), "half").expect("written");
    assert!(
        store
            .find(StageName::Ingest, &key)
            .expect("no error")
            .is_none(),
        "not visible before the commit"
    );
    let work = pending.folder().to_owned();
    drop(pending);
    assert!(!work.exists());
    assert!(
        store
            .find(StageName::Ingest, &key)
            .expect("no error")
            .is_none()
    );

    // A killed process leaves its folders, which the next run of the step deletes.
    for leftover in [work.clone(), work.with_extension("discarded")] {
        fs::create_dir_all(&leftover).expect("created");
        fs::write(leftover.join("half"), "half").expect("written");
    }
    let pending = begin();
    assert_eq!(fs::read_dir(pending.folder()).expect("a folder").count(), 0);
    drop(pending);
    recipe.commit(&store, "reviews", &FILES);
    let remaining: Vec<String> = paths_below(&store.root().join("work"));
    assert!(
        remaining.iter().all(|name| name.ends_with(".lock")),
        "{remaining:?}"
    );
}

#[test]
fn a_missing_declared_file_is_an_error() {
    let (_folder, store) = store();
    let recipe = recipe(Value::Null);
    let lock = store
        .lock(StageName::Ingest, &recipe.key(), |_| {})
        .expect("a lock");
    let pending = store
        .begin(StageName::Ingest, recipe.key(), lock)
        .expect("a pending artifact");
    let run = testkit::artifacts::run_info();
    let files = [OutputFile::table("reviews.parquet", 60)];
    let error = pending.commit(
        Value::Null,
        vec![],
        vec![],
        recipe.contract.clone(),
        &files,
        run,
    );
    assert!(matches!(error, Err(ArtifactError::Io { .. })));
    assert!(
        store
            .find(StageName::Ingest, &recipe.key())
            .expect("no error")
            .is_none()
    );
}

#[test]
fn a_second_commit_of_a_key_replaces_the_first() {
    let (_folder, store) = store();
    let recipe = recipe(Value::Null);
    recipe.commit(&store, "reviews", &FILES);
    let again = recipe.commit(&store, "reviews", &FILES[..1]);
    assert_eq!(again.manifest().files.len(), 1);
    assert!(!again.folder().join("time.record").exists());
}

#[test]
fn the_link_of_a_variant_changes_without_other_links() {
    let (_folder, store) = store();
    let (one, two) = (recipe(json!(1)), recipe(json!(2)));
    one.commit(&store, "reviews", &FILES);
    let second = two.commit(&store, "reviews", &FILES);
    one.commit(&store, "others", &FILES);
    let linked_key = |name: &str| {
        store
            .latest(StageName::Ingest, name)
            .expect("no error")
            .expect("it exists")
            .manifest()
            .key
    };
    assert_eq!(linked_key("reviews"), two.key());
    assert_eq!(linked_key("others"), one.key());
    store.link("others", &second).expect("linked");
    assert_eq!(linked_key("others"), two.key());
    assert!(
        fs::read_link(store.variant_link(StageName::Ingest, "others"))
            .expect("a link")
            .is_relative()
    );
    let names = paths_below(&store.root().join("ingest"));
    assert_eq!(names, ["others", "reviews"], "no temporary link stays");
}

#[test]
fn a_moved_artifacts_folder_keeps_working() {
    let (folder, store) = store();
    recipe(Value::Null).commit(&store, "reviews", &FILES);
    let moved = folder.path().join("elsewhere");
    fs::rename(store.root(), &moved).expect("renamed");
    let artifact = Store::new(moved)
        .latest(StageName::Ingest, "reviews")
        .expect("no error")
        .expect("it exists");
    artifact.verify().expect("undamaged");
}

#[test]
fn a_second_process_waits_for_the_lock_and_gets_the_name_of_the_holder() {
    let (_folder, store) = store();
    let key = recipe(Value::Null).key();
    let first = store
        .lock(StageName::Ingest, &key, |_| panic!("the lock is free"))
        .expect("a lock");
    let (send_wait, wait) = mpsc::channel();
    let (send_locked, locked) = mpsc::channel();
    let other = store.clone();
    let second = std::thread::spawn(move || {
        let lock = other.lock(StageName::Ingest, &key, |holder| {
            send_wait.send(holder.to_owned()).expect("received")
        });
        send_locked.send(()).expect("received");
        drop(lock.expect("a lock"));
    });
    let holder = wait.recv().expect("it waits");
    let process = format!("process {} on {}", std::process::id(), host_name());
    // In a job of a cluster the job id follows.
    assert!(holder.starts_with(&process), "{holder}");
    assert!(locked.try_recv().is_err(), "it still waits");
    // The lock of another step is free.
    drop(
        store
            .lock(StageName::Clean, &key, |_| panic!("the lock is free"))
            .expect("a lock"),
    );
    drop(first);
    locked.recv().expect("it has the lock now");
    second.join().expect("no panic");
}

fn reference(store: &Store, path: &Path) -> Result<Digest, ArtifactError> {
    let mut index = SourceIndex::load(store);
    let reference = index.reference(&Source::Path(path.to_owned()))?;
    index.save();
    Ok(reference.digest)
}

#[test]
fn the_digest_of_a_source_does_not_depend_on_its_path() {
    let (folder, store) = store();
    let path: PathBuf = folder.path().join("reviews.csv");
    fs::write(&path, "one").expect("written");
    let one = reference(&store, &path).expect("read");
    assert_eq!(one, Digest::of_bytes(b"one"));
    assert_eq!(reference(&store, &path).expect("cached"), one);
    let copy = folder.path().join("copy.csv");
    fs::copy(&path, &copy).expect("copied");
    assert_eq!(reference(&store, &copy).expect("read"), one);
    // Changed in the same second, with the same length: the index must not return the old digest.
    fs::write(&path, "two").expect("written");
    assert_eq!(
        reference(&store, &path).expect("read"),
        Digest::of_bytes(b"two")
    );
    let error = reference(&store, &folder.path().join("none.csv")).expect_err("missing");
    assert!(error.to_string().starts_with("There is no file or folder"));
    assert_eq!(
        error.hint().as_deref(),
        Some(
            "Check the path; set the reviews with `--source PATH`, other files with their setting"
        )
    );
}

#[test]
fn the_digest_of_a_folder_depends_on_names_and_contents() {
    let (folder, store) = store();
    let root = testkit::corpus::write_aclimdb(folder.path()).expect("written");
    let first = reference(&store, &root).expect("read");
    assert_eq!(reference(&store, &root).expect("read"), first);
    fs::write(root.join("test/pos/99_9.txt"), "Another one.").expect("written");
    let second = reference(&store, &root).expect("read");
    assert_ne!(second, first);
    fs::rename(
        root.join("test/pos/99_9.txt"),
        root.join("test/pos/98_9.txt"),
    )
    .expect("renamed");
    assert_ne!(reference(&store, &root).expect("read"), second);
}

#[test]
fn the_digest_of_a_folder_does_not_depend_on_times() {
    let (folder, store) = store();
    let root = testkit::corpus::write_aclimdb(folder.path()).expect("written");
    let first = reference(&store, &root).expect("read");
    let file = root.join("test/pos/99_9.txt");
    fs::write(&file, "One.").expect("written");
    let one = reference(&store, &root).expect("read");
    let times = fs::metadata(&file).and_then(|file| file.modified());
    let set_times = |time| {
        fs::File::options()
            .write(true)
            .open(&file)?
            .set_modified(time)
    };
    set_times(std::time::UNIX_EPOCH).expect("set");
    assert_eq!(reference(&store, &root).expect("read"), one);
    // The same length and the same times.
    fs::write(&file, "Two.").expect("written");
    set_times(times.expect("known")).expect("set");
    assert_ne!(reference(&store, &root).expect("read"), one);
    fs::remove_file(&file).expect("removed");
    assert_eq!(reference(&store, &root).expect("read"), first);
}

#[test]
fn digests_of_unchanged_folders_are_cached() {
    let (_folder, store) = store();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let digest = reference(&store, &path).expect("read");
    let index = store.root().join("work/sources.json");
    let text = fs::read_to_string(&index).expect("the index was written");
    // The digest is read from the index, not from the files.
    let other = Digest::of_bytes(b"other");
    fs::write(&index, text.replace(&digest.to_hex(), &other.to_hex())).expect("written");
    assert_eq!(reference(&store, &path).expect("cached"), other);
}

#[test]
fn a_damaged_index_counts_as_empty() {
    let (_folder, store) = store();
    // A file that was just written is not added to the index, so this test uses an older file.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let digest = reference(&store, &path).expect("read");
    let index = store.root().join("work/sources.json");
    assert!(index.is_file(), "the index was written");
    fs::write(index, "{").expect("written");
    assert_eq!(reference(&store, &path).expect("read"), digest);
}

#[test]
fn names_of_stages_and_programs_agree() {
    for stage in StageName::ALL {
        assert_eq!(
            stage.as_str().parse::<StageName>().expect("its own name"),
            stage
        );
        assert_eq!(stage.binary(), format!("ressenti-{stage}"));
        assert_ne!(
            step_key(stage, &Value::Null, &[], &[]),
            step_key(StageName::Ingest, &json!({}), &[], &[])
        );
    }
    let error = "trian"
        .parse::<StageName>()
        .expect_err("no such stage")
        .to_string();
    assert!(error.starts_with("There is no stage `trian`; the stages are ingest, clean"));
}
