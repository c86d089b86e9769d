//! `ressenti serve` with hostile or broken clients: they do not read, send slowly, or use an unknown host name.

use std::fs;
use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use artifact::StageName;
use serde_json::Value;

use crate::common::{finished, folder};
use crate::serve::{Server, answer, post, wait_for};
use crate::trend::{trained_project, turning_reviews};

fn send(server: &Server, bytes: &[u8]) -> TcpStream {
    let mut stream = server.connect();
    stream.write_all(bytes).expect("it reads");
    stream
}

fn head(path: &str, kind: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n"
    )
}

/// Sends a byte every 100 ms until there is an answer or the connection is closed. Returns the answer and the
/// duration.
fn trickle(mut stream: TcpStream) -> ((u16, String), Duration) {
    let begun = Instant::now();
    let until_then = Some(Duration::from_millis(100));
    stream.set_read_timeout(until_then).expect("a socket");
    let mut first = [0];
    while begun.elapsed() < Duration::from_secs(20) {
        match stream.peek(&mut first) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            _ => break,
        }
        if stream.write_all(b"x").is_err() {
            break;
        }
    }
    let took = begun.elapsed();
    (answer(&mut stream), took)
}

#[test]
fn clients_that_do_not_read_are_disconnected() {
    let project = finished();
    let limits = [
        "--model",
        "naive",
        "--timeout",
        "0.5",
        "--max-connections",
        "3",
    ];
    let server = Server::start(&project, &limits);
    let many = b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(200);
    let open_connections = [(); 3].map(|()| {
        let mut stream = server.connect();
        stream.set_nonblocking(true).expect("a socket");
        let mut refused = 0;
        while refused < 20 {
            match stream.write(&many) {
                Ok(1..) => refused = 0,
                Ok(0) | Err(_) => {
                    refused += 1;
                    sleep(Duration::from_millis(10));
                }
            }
        }
        stream
    });
    let clock = Instant::now();
    wait_for(|| {
        let (status, _) = server.exchange(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n");
        (status == 200).then_some(())
    });
    assert!(
        clock.elapsed() < Duration::from_secs(10),
        "{:?}",
        clock.elapsed()
    );
    drop(open_connections);
    // The service notices the closed connections a moment later.
    wait_for(|| {
        let (status, _) = server.exchange(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n");
        (status == 200).then_some(())
    });
    server.check_health();
}

#[test]
fn slow_senders_are_disconnected() {
    let project = finished();
    let limits = ["--model", "naive", "--timeout", "0.5", "--trend-queue", "1"];
    let server = Server::start(&project, &limits);
    let begun = head("/trend", "text/csv", 30_000_000);
    let first = send(&server, begun.as_bytes());
    wait_for(|| (server.health()["trends"] == 1).then_some(()));
    let second = send(&server, begun.as_bytes());
    let elsewhere = send(&server, head("/nothing", "text/csv", 30_000_000).as_bytes());
    scope(|scope| {
        let waiting = [(408, first), (503, second), (404, elsewhere)];
        let waiting = waiting.map(|(expected, stream)| (expected, scope.spawn(|| trickle(stream))));
        for (expected, waiting) in waiting {
            let ((status, said), took) = waiting.join().expect("no panic");
            // A refused client that still sends may lose the answer.
            assert!([expected, 0].contains(&status), "{status}: {said}");
            assert!(took < Duration::from_secs(10), "{expected}: {took:?}");
        }
    });
    wait_for(|| (server.health()["trends"] == 0).then_some(()));
    server.check_health();
}

#[test]
fn unknown_host_names_are_refused() {
    let project = finished();
    let server = Server::start(&project, &["--model", "naive", "--host", "reviews.example"]);
    let ask = |path: &str, host: &str| {
        let request = format!("GET {path} HTTP/1.1\r\n{host}\r\n");
        server.exchange(request.as_bytes())
    };
    let port = server.address.rsplit_once(':').expect("a port").1;
    for path in ["/", "/healthz", "/metrics", "/openapi.json"] {
        for host in ["localhost", "127.0.0.1", "[::1]", "reviews.example"] {
            assert_eq!(ask(path, &format!("host: {host}\r\n")).0, 200, "{host}");
            assert_eq!(
                ask(path, &format!("host: {host}:{port}\r\n")).0,
                200,
                "{host}"
            );
        }
        assert_eq!(ask(path, "").0, 200);
        let (status, said) = ask(path, &format!("host: evil.example:{port}\r\n"));
        assert_eq!(status, 421, "{said}");
        assert!(
            said.contains("--host NAME") && !said.contains("evil"),
            "{said}"
        );
    }
    let asked = String::from_utf8(post(r#"{"text": "confidential"}"#)).expect("text");
    let asked = asked.replace("host: localhost", "host: evil.example");
    assert_eq!(server.exchange(asked.as_bytes()).0, 421);
    server.check_health();
}

#[test]
fn early_errors_arrive_after_the_whole_body_is_sent() {
    let project = finished();
    let server = Server::start(&project, &["--model", "naive", "--max-connections", "4"]);
    let body = " ".repeat(900_000);
    for (expected, path, kind) in [
        (404, "/nothing", "application/json"),
        (405, "/healthz", "application/json"),
        (415, "/predict", "text/plain"),
        (415, "/trend", "text/plain"),
        (422, "/trend?period=decade", "text/csv"),
        (422, "/trend?perid=day", "text/csv"),
    ] {
        let mut stream = server.connect();
        stream
            .write_all(head(path, kind, body.len()).as_bytes())
            .expect("it reads");
        for part in body.as_bytes().chunks(100_000) {
            stream.write_all(part).expect("it reads");
            sleep(Duration::from_millis(10));
        }
        let (status, said) = answer(&mut stream);
        assert_eq!(status, expected, "{path}: {said}");
    }
    // A client above the limit of connections gets its answer, too. Idle connections are closed after a while, so
    // each attempt opens its own: on a busy machine the first attempt may be too slow.
    let asked = post(&format!("{{\"text\": \"{}\"}}", "x".repeat(10_000)));
    wait_for(|| {
        let open_connections = [(); 4].map(|()| server.connect());
        let clock = Instant::now();
        let told = [(); 20].map(|()| {
            let mut stream = server.connect();
            let sent = asked.chunks(2000).all(|part| {
                sleep(Duration::from_millis(5));
                stream.write_all(part).is_ok()
            });
            if sent { answer(&mut stream).0 } else { 0 }
        });
        assert!(
            clock.elapsed() < Duration::from_secs(5),
            "{:?}",
            clock.elapsed()
        );
        drop(open_connections);
        (told == [503; 20]).then_some(())
    });
    wait_for(|| (server.exchange(&post(r#"{"text": "x"}"#)).0 == 200).then_some(()));
    server.check_health();
}

#[test]
fn without_model_files_trends_fail_and_predictions_continue() {
    let project = trained_project();
    let served = project.folder().join("served");
    symlink(folder(&project, StageName::Train, "linear"), &served).expect("linked");
    let server = Server::start(&project, &["--bundle", "served"]);
    let csv = turning_reviews();
    let trend = [
        &head("/trend?calibrate_on=200", "text/csv", csv.len()),
        csv.as_str(),
    ]
    .concat();
    fs::remove_file(&served).expect("it was there");
    let (status, said) = server.exchange(trend.as_bytes());
    assert_eq!(status, 503, "{said}");
    assert!(said.contains("/predict answers as before"), "{said}");
    assert_eq!(server.exchange(&post(r#"{"text": "a good film"}"#)).0, 200);
    symlink(folder(&project, StageName::Train, "linear"), &served).expect("linked");
    let (status, said) = server.exchange(trend.as_bytes());
    assert_eq!(status, 200, "{said}");
    // A copy that was loaded before also stays in use.
    fs::remove_file(&served).expect("it was there");
    assert_eq!(server.exchange(trend.as_bytes()).0, 200);
}

#[test]
fn errors_contain_a_hint_and_no_rust_types() {
    let project = finished();
    let server = Server::start(&project, &["--model", "naive"]);
    let json = "application/json";
    let csv = "text/csv";
    let compressed = "application/json\r\ncontent-encoding: gzip";
    for (expected, path, kind, body, said) in [
        (422, "/predict", json, "5", "expected an object"),
        (
            422,
            "/predict",
            json,
            r#"{"text": "a", "abstain": "b"}"#,
            "expected a number",
        ),
        (400, "/predict", json, " ", "it is empty"),
        (415, "/predict", compressed, "{}", "content-encoding"),
        (415, "/trend", compressed, "{}", "content-encoding"),
        (
            422,
            "/trend",
            json,
            "[[{}], null]",
            "expected an object, found an array",
        ),
        (
            422,
            "/trend",
            json,
            r#"{"reviews": []}"#,
            "`reviews` is empty",
        ),
        (
            422,
            "/trend",
            json,
            r#"{"reviews": [{}], "calibrate_on": "x"}"#,
            "a whole number",
        ),
        (
            422,
            "/trend?calibrate_on=-1",
            csv,
            "x",
            "a whole number, 0 or more",
        ),
        (
            422,
            "/trend",
            json,
            r#"{"reviews": [{}], "columns": {"text": []}}"#,
            "its name or its position",
        ),
        (
            422,
            "/trend?calibrate_on=9",
            csv,
            "",
            "the lines `text,date` and",
        ),
        (
            422,
            "/trend?calibrate_on=9",
            csv,
            "text,date\n",
            "the lines `text,date` and",
        ),
        (
            422,
            "/trend?calibrate_on=9&columns.text=2024",
            csv,
            "text,date\nGreat.,2024-05-01\n",
            "unless it is in double quotes",
        ),
    ] {
        let request = head(path, kind, body.len()) + body;
        let (status, found) = server.exchange(request.as_bytes());
        assert_eq!(status, expected, "{body}: {found}");
        let found: Value = serde_json::from_str(&found).expect("JSON");
        let all = format!("{}. {}", found["error"], found["hint"]);
        assert!(all.contains(said), "{body}: {all}");
        for word in ["struct", "usize", "f32", "untagged"] {
            assert!(!all.contains(word), "{all}");
        }
    }
    server.check_health();
}
