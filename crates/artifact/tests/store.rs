//! The store's promises: whole or not there, proved before use, one builder at a time.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use artifact::{
    Artifact, ArtifactError, Contract, Digest, OutputFile, Source, SourceIndex, StageName, Store,
    host_name, key_of,
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

/// Every file and folder below a folder, by its relative path.
fn everything_in(folder: &Path) -> Vec<String> {
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
fn what_is_committed_is_found_by_its_key_and_by_its_name() {
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
    let made = recipe.commit(&store, "reviews", &FILES);

    let found = store
        .find(StageName::Ingest, &recipe.key())
        .expect("no error")
        .expect("it is there");
    let latest = store
        .latest(StageName::Ingest, "reviews")
        .expect("no error")
        .expect("it is there");
    assert_eq!(found.manifest(), made.manifest());
    assert_eq!(latest.manifest(), made.manifest());
    found.verify().expect("whole");
    let path = found.file("reviews.parquet").expect("proved");
    assert_eq!(fs::read(path).expect("read"), b"sixty reviews");
    let error = found.file("labels.parquet").expect_err("no such file");
    assert!(error.to_string().ends_with("has no file `labels.parquet`"));
    assert_eq!(
        error.hint().as_deref(),
        Some("Rebuild what is damaged with `ressenti run --only ingest`")
    );
}

#[test]
fn the_identity_is_the_content_and_nothing_else() {
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
        "settings lead to content and are not content"
    );
    assert_eq!(
        identity(json!(3), &other_record),
        first,
        "records are not content"
    );
    assert_ne!(identity(json!(4), &other_content), first);
    assert_ne!(identity(json!(5), &other_name), first);
    let other_promise = TestArtifact::new(StageName::Ingest, Contract::Reviews { rows: 61 });
    assert_ne!(other_promise.commit(&store, "a", &FILES).identity(), first);
}

#[test]
fn a_flipped_bit_in_any_byte_of_any_file_is_found() {
    let (_folder, store) = store();
    let recipe = recipe(Value::Null);
    let artifact = recipe.commit(&store, "reviews", &FILES);
    let mut flips = 0;
    for entry in fs::read_dir(artifact.folder()).expect("a folder") {
        let path = entry.expect("an entry").path();
        let whole = fs::read(&path).expect("read");
        for position in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[position] ^= 1;
            fs::write(&path, &damaged).expect("written");
            let result = Artifact::open(artifact.folder()).and_then(|artifact| artifact.verify());
            let named = matches!(&result, Err(ArtifactError::Damaged { path: named, .. }) if *named == path);
            assert!(named, "byte {position} of {}: {result:?}", path.display());
            flips += 1;
        }
        fs::write(&path, &whole).expect("written");
    }
    assert!(flips > 1000);
    Artifact::open(artifact.folder())
        .expect("mended")
        .verify()
        .expect("whole");
}

#[test]
fn a_missing_or_shortened_file_is_found_and_told_apart() {
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
        Some("Rebuild what is damaged with `ressenti run --only ingest`")
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
fn a_manifest_of_another_format_gets_its_own_sentence() {
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
        error.ends_with("manifest.json` has format 9, and this version reads format 1"),
        "{error}"
    );
}

#[test]
fn what_is_not_committed_leaves_nothing_and_what_was_killed_is_cleared_away() {
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
        "not before the commit"
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

    // A killed process drops nothing: its folders are there when the step is begun again.
    for leftover in [work.clone(), work.with_extension("discarded")] {
        fs::create_dir_all(&leftover).expect("created");
        fs::write(leftover.join("half"), "half").expect("written");
    }
    let pending = begin();
    assert_eq!(fs::read_dir(pending.folder()).expect("a folder").count(), 0);
    drop(pending);
    recipe.commit(&store, "reviews", &FILES);
    let left: Vec<String> = everything_in(&store.root().join("work"));
    assert!(left.iter().all(|name| name.ends_with(".lock")), "{left:?}");
}

#[test]
fn a_file_that_was_promised_and_not_written_is_an_error() {
    let (_folder, store) = store();
    let recipe = recipe(Value::Null);
    let lock = store
        .lock(StageName::Ingest, &recipe.key(), |_| {})
        .expect("a lock");
    let pending = store
        .begin(StageName::Ingest, recipe.key(), lock)
        .expect("a pending artifact");
    let run = testkit::artifacts::run_facts();
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
fn a_name_is_moved_in_one_step_and_other_names_stay() {
    let (_folder, store) = store();
    let (one, two) = (recipe(json!(1)), recipe(json!(2)));
    one.commit(&store, "reviews", &FILES);
    let second = two.commit(&store, "reviews", &FILES);
    one.commit(&store, "others", &FILES);
    let key_of_name = |name: &str| {
        store
            .latest(StageName::Ingest, name)
            .expect("no error")
            .expect("there")
            .manifest()
            .key
    };
    assert_eq!(key_of_name("reviews"), two.key());
    assert_eq!(key_of_name("others"), one.key());
    store.link("others", &second).expect("linked");
    assert_eq!(key_of_name("others"), two.key());
    assert!(
        fs::read_link(store.named(StageName::Ingest, "others"))
            .expect("a link")
            .is_relative()
    );
    let names = everything_in(&store.root().join("ingest"));
    assert_eq!(names, ["others", "reviews"], "nothing temporary stays");
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
        .expect("there");
    artifact.verify().expect("whole");
}

#[test]
fn the_second_builder_of_a_step_waits_and_is_told_for_whom() {
    let (_folder, store) = store();
    let key = recipe(Value::Null).key();
    let first = store
        .lock(StageName::Ingest, &key, |_| panic!("nobody holds it"))
        .expect("a lock");
    let (waits, waiting) = mpsc::channel();
    let (has, having) = mpsc::channel();
    let other = store.clone();
    let second = std::thread::spawn(move || {
        let lock = other.lock(StageName::Ingest, &key, |holder| {
            waits.send(holder.to_owned()).expect("heard")
        });
        has.send(()).expect("heard");
        drop(lock.expect("a lock"));
    });
    let holder = waiting.recv().expect("it waits");
    let process = format!("process {} on {}", std::process::id(), host_name());
    // Within a cluster's job its number follows.
    assert!(holder.starts_with(&process), "{holder}");
    assert!(having.try_recv().is_err(), "it waits still");
    // Another step is nobody's business but its own.
    drop(
        store
            .lock(StageName::Clean, &key, |_| panic!("nobody holds it"))
            .expect("a lock"),
    );
    drop(first);
    having.recv().expect("it has the lock now");
    second.join().expect("it ends well");
}

fn reference(store: &Store, path: &Path) -> Result<Digest, ArtifactError> {
    let mut index = SourceIndex::load(store);
    let reference = index.reference(&Source::Path(path.to_owned()))?;
    index.save();
    Ok(reference.digest)
}

#[test]
fn a_source_is_its_content_wherever_it_lies() {
    let (folder, store) = store();
    let path: PathBuf = folder.path().join("reviews.csv");
    fs::write(&path, "one").expect("written");
    let one = reference(&store, &path).expect("read");
    assert_eq!(one, Digest::of_bytes(b"one"));
    assert_eq!(reference(&store, &path).expect("remembered"), one);
    let copy = folder.path().join("copy.csv");
    fs::copy(&path, &copy).expect("copied");
    assert_eq!(reference(&store, &copy).expect("read"), one);
    // The same length, in the same second: the index must not be misled.
    fs::write(&path, "two").expect("written");
    assert_eq!(
        reference(&store, &path).expect("read"),
        Digest::of_bytes(b"two")
    );
    let error = reference(&store, &folder.path().join("none.csv")).expect_err("not there");
    assert!(error.to_string().starts_with("There is no file or folder"));
    assert_eq!(
        error.hint().as_deref(),
        Some(
            "Check the path; reviews are named with `--source PATH`, other files with their setting"
        )
    );
}

#[test]
fn a_folder_changes_when_a_file_in_it_does() {
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
fn a_folder_is_its_content_whatever_its_times() {
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
fn folders_are_remembered_once_their_files_have_settled() {
    let (_folder, store) = store();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let digest = reference(&store, &path).expect("read");
    let index = store.root().join("work/sources.json");
    let text = fs::read_to_string(&index).expect("the index was written");
    // The digest is read from the index, not from the files.
    let other = Digest::of_bytes(b"other");
    fs::write(&index, text.replace(&digest.to_hex(), &other.to_hex())).expect("written");
    assert_eq!(reference(&store, &path).expect("remembered"), other);
}

#[test]
fn a_damaged_index_of_sources_is_an_empty_one() {
    let (_folder, store) = store();
    // A file written just now is not entered in the index, so this is one that lay there before.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let digest = reference(&store, &path).expect("read");
    let index = store.root().join("work/sources.json");
    assert!(index.is_file(), "the index was written");
    fs::write(index, "{").expect("written");
    assert_eq!(reference(&store, &path).expect("read"), digest);
}

#[test]
fn every_stage_is_called_as_its_folder_and_its_program() {
    for stage in StageName::ALL {
        assert_eq!(
            stage.as_str().parse::<StageName>().expect("its own name"),
            stage
        );
        assert_eq!(stage.binary(), format!("ressenti-{stage}"));
        assert_ne!(
            key_of(stage, &Value::Null, &[], &[]),
            key_of(StageName::Ingest, &json!({}), &[], &[])
        );
    }
    let error = "trian"
        .parse::<StageName>()
        .expect_err("no such stage")
        .to_string();
    assert!(error.starts_with("There is no stage `trian`; the stages are ingest, clean"));
}
