//! Tests of `ressenti fetch` with a local server that implements the used part of the hub's protocol.

#![allow(missing_docs, reason = "tests")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sha2::{Digest as _, Sha256};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// One repository, `films/tiny-bert`.
struct Files {
    files: Vec<(&'static str, Vec<u8>)>,
    /// Whether to send a wrong digest of the weights.
    has_wrong_digest: bool,
    /// Number of downloads of the weights to interrupt half-way.
    interruptions: AtomicUsize,
    /// Bytes of weights sent.
    sent: AtomicUsize,
}

impl Files {
    fn tiny() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        testkit::write_tiny_encoder(&folder.path().join("encoder"));
        let names = ["config.json", "model.safetensors", "tokenizer.json"];
        let read = |name| {
            let path = folder.path().join("encoder").join(name);
            (name, fs::read(path).expect("it was written"))
        };
        Self {
            files: names.map(read).to_vec(),
            has_wrong_digest: false,
            interruptions: AtomicUsize::new(0),
            sent: AtomicUsize::new(0),
        }
    }

    fn bytes(&self, name: &str) -> &[u8] {
        let found = self.files.iter().find(|(file, _)| *file == name);
        &found.expect("it is one of them").1
    }

    /// Answers one connection.
    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let first = lines.next().expect("a request")?;
        let mut range = None;
        for line in lines {
            let line = line?.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(bytes) = line.strip_prefix("range: bytes=") {
                range = bytes.split_once('-').map(|(from, to)| {
                    (
                        from.parse::<usize>().expect("a number"),
                        to.parse::<usize>().ok(),
                    )
                });
            }
        }
        let path = first.split(' ').nth(1).expect("a path");
        if path == "/api/models/films/tiny-bert/revision/main" {
            let siblings: Vec<_> = self
                .files
                .iter()
                .map(|(name, _)| serde_json::json!({"rfilename": name}))
                .collect();
            let body = serde_json::json!({"sha": COMMIT, "siblings": siblings}).to_string();
            return write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
        }
        let name = path.strip_prefix("/films/tiny-bert/resolve/main/");
        let Some((name, bytes)) = name.and_then(|name| {
            let found = self.files.iter().find(|(file, _)| *file == name);
            found.map(|(file, bytes)| (*file, bytes))
        }) else {
            return write!(
                stream,
                "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        };
        let (from, to) = range.unwrap_or((0, None));
        let to = to.unwrap_or(bytes.len() - 1).min(bytes.len() - 1);
        let tag = match name {
            "model.safetensors" if self.has_wrong_digest => "0".repeat(64),
            "model.safetensors" => sha256(bytes),
            // Like the digest of git: 40 digits, different for every file.
            _ => sha256(bytes)[..40].to_owned(),
        };
        write!(
            stream,
            "HTTP/1.1 206 Partial Content\r\nx-repo-commit: {COMMIT}\r\netag: \"{tag}\"\r\n\
             Content-Range: bytes {from}-{to}/{}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            bytes.len(),
            to + 1 - from
        )?;
        let mut body = &bytes[from..=to];
        if name == "model.safetensors" && body.len() > 1 {
            let decrement = |count: usize| count.checked_sub(1);
            if (self
                .interruptions
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, decrement))
            .is_ok()
            {
                body = &body[..body.len() / 2];
            }
            self.sent.fetch_add(body.len(), Ordering::Relaxed);
        }
        stream.write_all(body)
    }
}

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Serves the files on a free port while the test runs.
fn serve(files: Files) -> (String, Arc<Files>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    let files = Arc::new(files);
    let served = Arc::clone(&files);
    thread::spawn(move || {
        for stream in listener.incoming() {
            // In some tests the client disconnects.
            let _ = stream.and_then(|stream| served.answer(stream));
        }
    });
    (address, files)
}

/// Runs the command in `folder` against the hub at `address`.
fn fetch(folder: &Path, address: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ressenti-embed"))
        .arg("fetch")
        .args(arguments)
        .env("HF_ENDPOINT", address)
        .env("HF_HOME", folder.join("home"))
        .env_remove("HF_TOKEN")
        .current_dir(folder)
        .output()
        .expect("the binary starts")
}

/// The error output of a failed call.
fn error_output(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    text
}

#[test]
fn an_encoder_is_fetched_completely_and_its_tables_are_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (address, files) = serve(Files::tiny());
    let output = fetch(folder.path(), &address, &["films/tiny-bert"]);
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(shown.contains("[embedding.tiny_bert]"), "{shown}");
    let encoder = folder.path().join("data/encoders/tiny-bert");
    for (name, bytes) in &files.files {
        assert!(
            fs::read(encoder.join(name)).expect("it is there") == *bytes,
            "{name}"
        );
    }
    let origin = fs::read_to_string(encoder.join("origin.json")).expect("it is there");
    assert!(origin.contains(COMMIT), "{origin}");
    assert!(
        origin.contains(&sha256(files.bytes("config.json"))),
        "{origin}"
    );
    assert!(
        !folder
            .path()
            .join("data/encoders/tiny-bert.partial")
            .exists()
    );

    // The tables are valid in a pipeline file.
    let table = shown.split_once("pipeline file:").expect("they follow").1;
    let pipeline = folder.path().join("pipeline.toml");
    fs::write(folder.path().join("reviews.csv"), "text,label\ngood,pos\n").expect("written");
    fs::write(
        &pipeline,
        format!("[pipeline]\nname = \"t\"\n[ingest]\nsource = \"reviews.csv\"\n{table}"),
    )
    .expect("written");
    settings::Pipeline::load(&pipeline, &[]).expect("the tables are in order");

    // An existing folder is never overwritten.
    let again = error_output(&fetch(folder.path(), &address, &["films/tiny-bert"]));
    assert!(again.contains("exists already"), "{again}");
    // Cached files are not downloaded again.
    let sent = files.sent.load(Ordering::Relaxed);
    let other = fetch(
        folder.path(),
        &address,
        &["films/tiny-bert", "--into", "other"],
    );
    assert!(other.status.success(), "{other:?}");
    assert_eq!(files.sent.load(Ordering::Relaxed), sent);
}

#[test]
fn interrupted_downloads_are_resumed() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut files = Files::tiny();
    files.interruptions = AtomicUsize::new(3);
    let (address, files) = serve(files);
    let output = fetch(
        folder.path(),
        &address,
        &["films/tiny-bert", "--into", "bert"],
    );
    assert!(output.status.success(), "{output:?}");
    let weights = files.bytes("model.safetensors");
    let written = fs::read(folder.path().join("bert/model.safetensors")).expect("it is there");
    assert!(written == weights);
    // Each byte was sent once.
    assert_eq!(files.sent.load(Ordering::Relaxed), weights.len());
}

#[test]
fn failed_downloads_print_the_cause_and_leave_no_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let (address, _) = serve(Files::tiny());
    let check = |address: &str, arguments: &[&str], expected: &str| {
        let text = error_output(&fetch(folder.path(), address, arguments));
        assert!(text.contains(expected), "expected `{expected}` in\n{text}");
        assert!(text.contains("hint: "), "{text}");
        assert!(
            !folder.path().join("data").exists() || {
                let left = fs::read_dir(folder.path().join("data/encoders")).expect("a folder");
                left.count() == 0
            }
        );
    };
    check(&address, &["../tiny-bert"], "not the name of a repository");
    check(
        &address,
        &["films/tiny-bert", "--revision", "a b"],
        "the name of a revision",
    );
    check(
        &address,
        &["films/other"],
        "has no repository `films/other`",
    );
    check(
        "http://127.0.0.1:1",
        &["films/tiny-bert"],
        "Failed to download the list of files",
    );

    let mut pickle = Files::tiny();
    pickle.files[1].0 = "pytorch_model.bin";
    let (address, _) = serve(pickle);
    check(&address, &["films/tiny-bert"], "never a pickle");

    let mut damaged = Files::tiny();
    damaged.has_wrong_digest = true;
    let (address, _) = serve(damaged);
    check(&address, &["films/tiny-bert"], "SHA-256");

    let mut foreign = Files::tiny();
    foreign.files[0].1 = br#"{"model_type": "gpt2"}"#.to_vec();
    let (address, files) = serve(foreign);
    fs::remove_dir_all(folder.path().join("home")).expect("it was used");
    check(&address, &["films/tiny-bert"], "gpt2");
    // The config is checked before the weights are downloaded.
    assert_eq!(files.sent.load(Ordering::Relaxed), 0);
}
