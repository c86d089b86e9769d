//! `ressenti serve` over raw sockets, with valid and invalid requests.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::symlink;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use artifact::StageName;
use serde_json::{Value, json};
use testkit::Project;

use crate::common::{finished, folder, ressenti, succeed};

/// A running service; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    pub(crate) lines: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn start(project: &Project, arguments: &[&str]) -> Self {
        let start = ["serve", "--listen", "127.0.0.1:0"];
        Self::spawn(&mut ressenti(project, &[&start, arguments].concat()))
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("it starts");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let errors = BufReader::new(child.stderr.take().expect("a pipe"));
        let keep = Arc::clone(&lines);
        thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                keep.lock().expect("whole").push(line);
            }
        });
        let mut server = Self {
            child,
            address: String::new(),
            lines,
        };
        server.address = wait_for(|| {
            let line = server.said("listening on http://");
            line.map(|line| line["listening on http://".len()..].to_owned())
        });
        server
    }

    fn said(&self, begin: &str) -> Option<String> {
        let lines = self.lines.lock().expect("whole");
        lines.iter().find(|line| line.starts_with(begin)).cloned()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("it listens");
        let limit = Some(Duration::from_secs(20));
        stream.set_read_timeout(limit).expect("a socket");
        stream
    }

    /// Sends bytes and returns the status and the body of one answer.
    pub(crate) fn exchange(&self, bytes: &[u8]) -> (u16, String) {
        let mut stream = self.connect();
        // The service may already have closed the connection.
        let _ = stream.write_all(bytes);
        answer(&mut stream)
    }

    pub(crate) fn ask(&self, question: &Value) -> Value {
        let (status, body) = self.exchange(&post(&question.to_string()));
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).expect("JSON")
    }

    pub(crate) fn health(&self) -> Value {
        let (status, body) = self.exchange(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n");
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).expect("JSON")
    }

    fn signal(&self, signal: i32) {
        // SAFETY: it sends a signal to our own child.
        unsafe { libc::kill(self.child.id() as i32, signal) };
    }

    fn exit_code(&mut self) -> Option<i32> {
        wait_for(|| self.child.try_wait().expect("a child")).code()
    }

    /// Checks that the service is healthy and did not panic.
    #[track_caller]
    pub(crate) fn check_health(&self) {
        assert_eq!(self.health()["status"], "ok");
        let lines = self.lines.lock().expect("whole").join("\n");
        assert!(!lines.contains("panicked"), "{lines}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
pub(crate) fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(60);
    while Instant::now() < end {
        if let Some(found) = look() {
            return found;
        }
        sleep(Duration::from_millis(20));
    }
    panic!("it did not happen within a minute");
}

fn head(length: usize) -> String {
    format!(
        "POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
}

pub(crate) fn post(body: &str) -> Vec<u8> {
    (head(body.len()) + body).into_bytes()
}

/// Status and body of one answer; status 0 if the connection is closed without an answer.
pub(crate) fn answer(stream: &mut TcpStream) -> (u16, String) {
    let mut reader = BufReader::new(stream);
    let (mut status, mut length) = (0, 0);
    loop {
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(0) => return (0, String::new()),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return (0, String::new()),
            other => other.expect("an answer comes in time"),
        };
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(rest) = line.strip_prefix("http/1.1 ") {
            status = rest[..3].parse().expect("a status");
        } else if let Some(rest) = line.strip_prefix("content-length: ") {
            length = rest.parse().expect("a length");
        } else if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a whole body");
    (status, String::from_utf8(body).expect("text"))
}

#[test]
fn it_answers_like_predict() {
    let project = finished();
    let texts = ["A superb film.", "An awful<br />film.", "  ", "Zzyzx"];
    let arguments = ["predict", "--model", "lstm", "--format", "json"];
    let screen = succeed(&project, &[&arguments[..], &texts].concat());
    let predicted: Value = serde_json::from_str(&screen.stdout).expect("JSON");
    let server = Server::start(&project, &["--model", "lstm"]);
    let served = server.ask(&json!({ "texts": texts }));
    for (place, text) in texts.iter().enumerate() {
        let (one, other) = (&predicted[place], &served["answers"][place]);
        assert_eq!(one["label"], other["label"], "{text}");
        let number = |value: &Value| value.as_f64().unwrap_or(-1.0);
        let distance = number(&one["p_positive"]) - number(&other["p_positive"]);
        assert!(distance.abs() < 1e-6, "{text}: {one} {other}");
    }
    assert_eq!(served["answers"][2]["label"], Value::Null);
    server.check_health();
}

#[test]
fn invalid_requests_get_an_error_status() {
    let project = finished();
    let server = Server::start(&project, &["--model", "naive", "--log"]);
    let deep = "[".repeat(100_000);
    let many = json!({ "texts": vec!["x"; 257] }).to_string();
    let nine = json!({ "texts": vec!["x"; 9], "explain": true }).to_string();
    for (expected, body) in [
        (400, r#"{"text": "confidential"#),
        (400, ""),
        (400, "\u{feff}{}"),
        (422, &deep),
        (422, r#"{"text": 5}"#),
        (422, r#"{"text": null}"#),
        (422, r#"["a", null, false, null]"#),
        (422, r#"{"texts": "a"}"#),
        (422, r#"{"texts": ["a", 1]}"#),
        (422, r#"{"text": "a", "texts": ["b"]}"#),
        (422, r#"{"text": "a", "text": "b"}"#),
        (422, r#"{"text": "a", "tone": "b"}"#),
        (422, r#"{"text": "a", "abstain": 0.2}"#),
        (422, r#"{"text": "a", "explain": "yes"}"#),
        (413, &many),
        (413, &nine),
        (200, r#"{"texts": []}"#),
        (200, r#"{"text": "\u0000 confidential"}"#),
    ] {
        let (status, answer) = server.exchange(&post(body));
        let shown: String = body.chars().take(60).collect();
        assert_eq!(status, expected, "{shown}: {answer}");
        if status != 200 {
            let answer: Value = serde_json::from_str(&answer).expect("JSON");
            assert!(
                answer["error"].is_string() && answer["hint"].is_string(),
                "{answer}"
            );
        }
    }
    let mut not_utf8 = post(r#"{"text": "xx"}"#);
    let length = not_utf8.len();
    not_utf8[length - 4] = 0xff;
    let long_head = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(1 << 20));
    let wrong_chunk = "POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n";
    for (expected, bytes) in [
        (400, not_utf8.as_slice()),
        (400, wrong_chunk.as_bytes()),
        (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 not for us\r\n\r\n"),
        (400, b"POST /predict HTTP/1.1\r\ncontent-length: -5\r\n\r\n"),
        (415, b"POST /predict HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}"),
        (404, b"GET /nothing HTTP/1.1\r\n\r\n"),
        (404, b"GET /../../etc/passwd HTTP/1.1\r\n\r\n"),
        (405, b"GET /predict HTTP/1.1\r\n\r\n"),
        (405, b"POST /healthz HTTP/1.1\r\ncontent-length: 0\r\n\r\n"),
        (431, long_head.as_bytes()),
        (413, b"POST /predict HTTP/1.1\r\ncontent-type: application/json\r\nexpect: 100-continue\r\ncontent-length: 104857600\r\n\r\n"),
    ] {
        let (status, body) = server.exchange(bytes);
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
        assert_eq!(status, expected, "{shown}: {body}");
    }
    server.check_health();
    // The log line may follow a moment after the answer.
    let log = wait_for(|| {
        let log = server.lines.lock().expect("whole").join("\n");
        log.contains("GET /healthz 200").then_some(log)
    });
    assert!(
        log.contains("POST /predict 422") && log.contains("GET other 404"),
        "{log}"
    );
    assert!(
        !log.contains("confidential") && !log.contains("nothing"),
        "{log}"
    );
}

#[test]
fn a_body_of_a_hundred_megabytes_is_refused_without_buffering() {
    let project = finished();
    let server = Server::start(&project, &["--model", "naive"]);
    let resident = || {
        let status = fs::read_to_string(format!("/proc/{}/status", server.child.id()));
        let status = status.expect("Linux");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let line = line.expect("a line").trim().trim_end_matches(" kB");
        line.parse::<u64>().expect("a number")
    };
    server.ask(&json!({ "text": "x" }));
    let before = resident();
    let megabyte = vec![b' '; 1 << 20];
    let chunked = "POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    for head in [head(100 << 20), chunked.to_owned()] {
        let is_chunked = head == chunked;
        let mut stream = server.connect();
        stream.write_all(head.as_bytes()).expect("it reads");
        for _ in 0..100 {
            if is_chunked {
                stream.write_all(b"100000\r\n").expect("it reads");
            }
            stream.write_all(&megabyte).expect("it reads");
            if is_chunked {
                stream.write_all(b"\r\n").expect("it reads");
            }
        }
        if is_chunked {
            stream.write_all(b"0\r\n\r\n").expect("it reads");
        }
        let (status, body) = answer(&mut stream);
        assert_eq!(status, 413, "{body}");
    }
    let grown = resident() - before;
    assert!(grown < 20 << 10, "{grown} KiB more");
    server.check_health();
}

#[test]
fn slow_and_half_closed_clients_do_not_block_others() {
    let project = finished();
    let arguments = [
        "--model",
        "naive",
        "--timeout",
        "3",
        "--max-connections",
        "64",
    ];
    let server = Server::start(&project, &arguments);
    let body = json!({ "text": "A superb film." }).to_string();
    let late = |bytes: &[u8]| {
        let mut stream = server.connect();
        stream.write_all(bytes).expect("it reads");
        stream
    };
    let clock = Instant::now();
    let mut without_word = late(b"");
    let mut half_a_head = late(b"POST /predict HTTP/1.1\r\nhost");
    let mut half_a_body = late((head(body.len()) + "{\"te").as_bytes());
    let mut idle = late(&post(&body));
    assert_eq!(answer(&mut idle).0, 200);
    // Other clients are served meanwhile.
    for _ in 0..20 {
        server.ask(&json!({ "text": "A superb film." }));
    }
    assert!(
        clock.elapsed() < Duration::from_secs(3),
        "{:?}",
        clock.elapsed()
    );
    assert_eq!(answer(&mut half_a_body).0, 408);
    // These connections are closed, with or without status 408, because they sent no request.
    for stream in [&mut without_word, &mut half_a_head, &mut idle] {
        assert!([0, 408].contains(&answer(stream).0));
    }
    assert!(
        clock.elapsed() < Duration::from_secs(9),
        "{:?}",
        clock.elapsed()
    );

    // A client that closes its sending side after the request still gets the answer.
    let mut stream = late(&post(&body));
    stream.shutdown(Shutdown::Write).expect("half closed");
    assert_eq!(answer(&mut stream).0, 200);
    // A client that closes it within the body has sent no valid request.
    let mut stream = late((head(body.len()) + "{\"te").as_bytes());
    stream.shutdown(Shutdown::Write).expect("half closed");
    assert!([0, 400].contains(&answer(&mut stream).0));
    // Clients that disconnect early do no harm.
    for _ in 0..50 {
        drop(late(&post(&body)));
    }
    server.check_health();
}

#[test]
fn connections_above_the_limit_get_503() {
    let project = finished();
    let server = Server::start(&project, &["--model", "naive", "--max-connections", "2"]);
    let open_connections = [server.connect(), server.connect()];
    let (status, body) = wait_for(|| {
        let told = answer(&mut server.connect());
        (told.0 != 0).then_some(told)
    });
    assert_eq!(status, 503, "{body}");
    drop(open_connections);
    wait_for(|| {
        let (status, _) = server.exchange(b"GET /healthz HTTP/1.1\r\n\r\n");
        (status == 200).then_some(())
    });
    server.check_health();
}

#[test]
fn a_model_reload_drops_no_request() {
    let project = finished();
    let served = project.folder().join("served");
    let point_to = |target: &std::path::Path| {
        let new = project.folder().join("new");
        symlink(target, &new).expect("linked");
        fs::rename(&new, &served).expect("replaced");
    };
    point_to(&folder(&project, StageName::Train, "naive"));
    let server = Server::start(&project, &["--bundle", "served"]);
    let first = server.health()["model"]["fingerprint"].clone();
    let stop = AtomicBool::new(false);
    let seen = thread::scope(|scope| {
        // One connection stays open and sends requests without a pause.
        let asking = scope.spawn(|| {
            let mut stream = server.connect();
            let mut seen = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                stream
                    .write_all(&post(r#"{"text": "A superb film."}"#))
                    .expect("it reads");
                let (status, body) = answer(&mut stream);
                assert_eq!(status, 200, "{body}");
                let body: Value = serde_json::from_str(&body).expect("JSON");
                let said = (
                    body["model"]["fingerprint"].clone(),
                    body["answers"][0].clone(),
                );
                if seen.last() != Some(&said) {
                    seen.push(said);
                }
            }
            seen
        });
        let status = |expected: &str| {
            wait_for(|| Some(server.health()).filter(|health| health["status"] == expected))
        };
        point_to(&folder(&project, StageName::Train, "lstm"));
        wait_for(|| (server.health()["model"]["fingerprint"] != first).then_some(()));
        let second = server.health()["model"].clone();
        // The new model is broken: the old one stays in use, and the status says so.
        let broken = project.folder().join("broken");
        fs::create_dir(&broken).expect("created");
        fs::write(broken.join("model.json"), "{").expect("written");
        point_to(&broken);
        let health = status("stale");
        assert_eq!(health["model"], second);
        assert!(health["load_error"].is_string());
        point_to(&folder(&project, StageName::Train, "lstm"));
        assert_eq!(status("ok")["model"], second);
        stop.store(true, Ordering::Relaxed);
        asking.join().expect("no request was dropped")
    });
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert_eq!(seen[0].0, first);
    assert_ne!(seen[0].1, seen[1].1);
}

#[test]
fn a_retrained_model_is_reloaded() {
    let project = finished();
    let server = Server::start(&project, &["--model", "naive"]);
    let first = server.health()["model"]["fingerprint"].clone();
    succeed(
        &project,
        &["run", "--variant", "naive", "--set", "model.naive.hidden=5"],
    );
    wait_for(|| (server.health()["model"]["fingerprint"] != first).then_some(()));
    server.check_health();
}

#[test]
fn a_graceful_shutdown_answers_open_requests() {
    let project = finished();
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let mut server = Server::start(&project, &["--model", "naive"]);
        let mut idle = server.connect();
        idle.write_all(&post(r#"{"text": "x"}"#)).expect("it reads");
        assert_eq!(answer(&mut idle).0, 200);
        let body = r#"{"text": "A superb film."}"#;
        let mut under_way = server.connect();
        let begun = head(body.len()) + &body[..9];
        under_way.write_all(begun.as_bytes()).expect("it reads");
        sleep(Duration::from_millis(100));
        server.signal(signal);
        // New connections are refused, and idle ones are closed.
        wait_for(|| TcpStream::connect(&server.address).is_err().then_some(()));
        assert_eq!(answer(&mut idle).0, 0);
        under_way
            .write_all(&body.as_bytes()[9..])
            .expect("it reads");
        assert_eq!(answer(&mut under_way).0, 200);
        assert_eq!(server.exit_code(), Some(0));
        assert!(server.said("stopped: all requests were answered").is_some());
    }
    // A request that never ends is cancelled after the grace period.
    let mut server = Server::start(&project, &["--model", "naive", "--grace", "0.3"]);
    let mut endless = server.connect();
    endless.write_all(head(10).as_bytes()).expect("it reads");
    sleep(Duration::from_millis(100));
    let clock = Instant::now();
    server.signal(libc::SIGTERM);
    assert_eq!(server.exit_code(), Some(0));
    assert!(clock.elapsed() < Duration::from_secs(5));
}

#[test]
fn start_up_errors_are_explained() {
    let project = finished();
    let holder = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = holder.local_addr().expect("an address").to_string();
    for (arguments, said) in [
        (vec!["--model", "other"], "There is no model `other`"),
        (vec!["--bundle", "artifacts"], "contains no model"),
        (
            vec!["--model", "naive", "--listen", &taken],
            "--listen 127.0.0.1:0",
        ),
        (vec!["--listen", "somewhere"], "invalid"),
    ] {
        let screen = crate::common::call(&project, &[&["serve"], arguments.as_slice()].concat());
        assert!(screen.code.is_some_and(|code| code != 0), "{screen:?}");
        assert!(screen.stderr.contains(said), "{}", screen.stderr);
    }
}
