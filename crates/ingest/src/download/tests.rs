//! Tests of downloads from a local server that follows a script.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use artifact::StageName;
use settings::StepId;
use stage::ProgressMode;
use tempfile::TempDir;

use super::*;

/// How the server answers a request.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// Sends the requested bytes.
    Rest,
    /// Announces the requested bytes, sends this many of them, and closes the connection.
    CutOff(usize),
    /// Sends the whole file, whatever was requested.
    Whole,
    /// Sends only this status.
    Status(u16),
}

/// A server that answers one request per entry of its script and records where each request started.
struct Server {
    url: String,
    starts: JoinHandle<Vec<usize>>,
}

impl Server {
    fn start(content: Vec<u8>, script: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!(
            "http://{}/data/reviews.csv?token=1",
            listener.local_addr().expect("an address")
        );
        let starts = thread::spawn(move || {
            script
                .into_iter()
                .map(|answer| serve(&listener, &content, answer))
                .collect()
        });
        Self { url, starts }
    }

    fn starts(self) -> Vec<usize> {
        self.starts.join().expect("a server that ends")
    }
}

fn serve(listener: &TcpListener, content: &[u8], answer: Answer) -> usize {
    let (mut stream, _) = listener.accept().expect("a request");
    let start = read_request(&stream);
    let from = if matches!(answer, Answer::Whole) {
        0
    } else {
        start
    };
    let rest = &content[from.min(content.len())..];
    let sent = match answer {
        Answer::CutOff(bytes) => &rest[..bytes],
        Answer::Status(_) => &[],
        Answer::Rest | Answer::Whole => rest,
    };
    let status = match answer {
        Answer::Status(status) => status,
        _ if from > 0 => 206,
        _ => 200,
    };
    let announced = if matches!(answer, Answer::Status(_)) {
        0
    } else {
        rest.len()
    };
    let range = if status == 206 {
        format!(
            "content-range: bytes {from}-{}/{}\r\n",
            content.len() - 1,
            content.len()
        )
    } else {
        String::new()
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {announced}\r\n{range}connection: close\r\n\r\n"
    );
    stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(sent))
        .expect("a client that reads");
    start
}

/// The start position in the request.
fn read_request(stream: &TcpStream) -> usize {
    let lines = BufReader::new(stream)
        .lines()
        .map(|line| line.expect("a request"));
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let range = head.iter().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("range: bytes=")
            .map(str::to_owned)
    });
    range.map_or(0, |range| {
        range.trim_end_matches('-').parse().expect("an open range")
    })
}

fn content() -> Vec<u8> {
    (0..50_000_u32).flat_map(u32::to_le_bytes).collect()
}

fn digest(content: &[u8]) -> String {
    Sha256::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn progress() -> Progress {
    Progress::new(
        ProgressMode::None,
        StepId::new(StageName::Ingest, "reviews"),
    )
}

/// Runs one download against a script, and checks its result and the start positions of the requests.
fn check(
    script: &[Answer],
    left_over: Option<&[u8]>,
    expected: Result<(), &str>,
    starts: &[usize],
) {
    let folder = TempDir::new().expect("a temporary folder");
    let sha256 = digest(&content());
    if let Some(bytes) = left_over {
        fs::create_dir_all(folder.path().join(&sha256)).expect("a folder");
        fs::write(folder.path().join(&sha256).join("part"), bytes).expect("a file");
    }
    let server = Server::start(content(), script.to_vec());
    let found = ensure_downloaded(
        &server.url,
        &sha256.to_uppercase(),
        folder.path(),
        &progress(),
    );
    match (&found, expected) {
        (Ok(path), Ok(())) => {
            assert_eq!(
                path.file_name().and_then(|name| name.to_str()),
                Some("reviews.csv")
            );
            assert!(
                fs::read(path).expect("the file") == content(),
                "{script:?}: other content"
            );
            assert!(!path.with_file_name("part").exists());
            // The file exists now, so no further request is sent.
            let again = ensure_downloaded(&server.url, &sha256, folder.path(), &progress())
                .expect("the file is there");
            assert_eq!(&again, path);
        }
        (Err(error), Err(message)) => {
            assert!(error.to_string().contains(message), "{script:?}: {error}");
            assert!(
                error
                    .hint()
                    .is_some_and(|hint| hint.contains("--source PATH"))
            );
        }
        _ => panic!("{script:?}: {found:?}"),
    }
    assert_eq!(server.starts(), starts, "{script:?}");
}

#[test]
fn a_whole_file() {
    check(&[Answer::Rest], None, Ok(()), &[0]);
}

#[test]
fn an_interrupted_connection_is_resumed() {
    check(
        &[Answer::CutOff(70_000), Answer::CutOff(30_000), Answer::Rest],
        None,
        Ok(()),
        &[0, 70_000, 100_000],
    );
    check(
        &[Answer::CutOff(70_000), Answer::CutOff(0)],
        None,
        Err("the connection was interrupted"),
        &[0, 70_000],
    );
}

#[test]
fn a_download_of_an_earlier_run_is_resumed() {
    check(&[Answer::Rest], Some(&content()[..1234]), Ok(()), &[1234]);
    check(&[Answer::Whole], Some(&content()[..1234]), Ok(()), &[1234]);
    check(
        &[Answer::Status(416), Answer::Rest],
        Some(&content()),
        Ok(()),
        &[content().len(), 0],
    );
}

#[test]
fn a_partial_file_of_another_download_is_discarded() {
    check(
        &[Answer::Rest, Answer::Rest],
        Some(b"<html>not found</html>"),
        Ok(()),
        &[22, 0],
    );
}

#[test]
fn an_error_status_is_reported() {
    check(
        &[Answer::Status(404)],
        None,
        Err("the server answered with status 404"),
        &[0],
    );
}

#[test]
fn a_file_with_another_digest_is_not_used() {
    let folder = TempDir::new().expect("a temporary folder");
    let server = Server::start(b"something else".to_vec(), vec![Answer::Rest]);
    let pinned = digest(&content());
    let error = ensure_downloaded(&server.url, &pinned, folder.path(), &progress())
        .expect_err("other content");
    let message = error.to_string();
    assert!(
        message.contains(&pinned) && message.contains(&digest(b"something else")),
        "{message}"
    );
    let left: Vec<_> = fs::read_dir(folder.path().join(&pinned))
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(left, ["lock"]);
}

#[test]
fn without_a_server_the_hint_suggests_a_manual_download() {
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port();
    let folder = TempDir::new().expect("a temporary folder");
    let url = format!("http://127.0.0.1:{port}/x.tar.gz");
    let error = ensure_downloaded(&url, &digest(b""), folder.path(), &progress())
        .expect_err("no server listens");
    assert_eq!(
        error.to_string(),
        format!("Failed to download `{url}`: the server cannot be reached")
    );
    assert_eq!(
        error.hint(),
        Some(
            format!(
                "Run the same command again to resume the download, or download `{url}` yourself and pass `--source PATH`"
            )
            .as_str()
        )
    );
}

#[test]
fn file_names_are_taken_from_addresses() {
    let check = |url: &str, expected: &str| assert_eq!(file_name(url), expected, "{url}");
    check("https://x/data/aclImdb_v1.tar.gz", "aclImdb_v1.tar.gz");
    check(
        "https://x/IMDB%20Dataset.csv?raw=1#top",
        "IMDB20Dataset.csv",
    );
    check("https://x/data/", "source");
    check("https://x/..", "source");
    check("https://x/lock", "source");
}
