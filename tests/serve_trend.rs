//! `POST /trend`: every format of reviews, errors, and the effect on other requests.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::Project;

use crate::common::{ressenti, succeed};
use crate::serve::{Server, answer, post, wait_for};
use crate::trend::{json as shown, trained_project, turning_reviews};

fn request(address: &str, head: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let start = format!(
        "POST {address} HTTP/1.1\r\nhost: localhost\r\n{head}content-length: {length}\r\n\r\n"
    );
    [start.as_bytes(), body].concat()
}

fn content_type(kind: &str) -> String {
    format!("content-type: {kind}\r\n")
}

fn parse_json(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

/// The output of a command for this input.
fn pipe_through(mut command: Command, bytes: &[u8]) -> Vec<u8> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut input = child.stdin.take().expect("a pipe");
    let bytes = bytes.to_owned();
    let writer = std::thread::spawn(move || input.write_all(&bytes));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("no panic").expect("it reads");
    assert!(output.status.success());
    output.stdout
}

fn trend_by_command(project: &Project, more: &[&str]) -> Value {
    let start = [
        "trend",
        "turned.csv",
        "--progress",
        "none",
        "--format",
        "json",
    ];
    let mut trend = shown(&succeed(project, &[&start[..], more].concat()));
    // The service does not know the names of files.
    trend["files"] = json!([]);
    trend
}

/// The rows of a CSV file without quotes, as objects.
fn objects(csv: &str) -> Vec<Value> {
    let mut lines = csv.lines();
    let names: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let object = |line: &str| {
        let members = names.iter().zip(line.split(','));
        Value::Object(
            members
                .map(|(name, value)| ((*name).to_owned(), json!(value)))
                .collect(),
        )
    };
    lines.map(object).collect()
}

#[test]
fn every_format_gives_the_same_trend_as_the_command() {
    let project = trained_project();
    let csv = turning_reviews();
    let file = project.folder().join("turned.csv");
    fs::write(&file, &csv).expect("written");
    let expected = trend_by_command(&project, &["--model", "linear"]);
    let to_parquet = [
        "predict",
        "--model",
        "linear",
        "--input",
        "turned.csv",
        "--output",
        "turned.parquet",
        "--keep-columns",
        "all",
    ];
    succeed(&project, &to_parquet);
    let temporary = project.folder().join("temporary");
    fs::create_dir(&temporary).expect("a folder");
    let arguments = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--model",
        "linear",
        "--log",
    ];
    let server = Server::spawn(ressenti(&project, &arguments).env("TMPDIR", &temporary));
    let ask = |address: &str, head: &str, body: &[u8]| {
        let (status, said) = server.exchange(&request(address, head, body));
        assert_eq!(status, 200, "{address}: {said}");
        said
    };
    let mut gzip = Command::new("gzip");
    gzip.arg("-c");
    let compressed = pipe_through(gzip, csv.as_bytes());
    let parquet = fs::read(project.folder().join("turned.parquet")).expect("it is there");
    let rows = objects(&csv);
    let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
    let roles =
        "columns.text=review&columns.timestamp=posted&columns.topic=film&columns.label=stars";
    for (address, kind, body) in [
        ("/trend", "text/csv; charset=utf-8", csv.as_bytes()),
        ("/trend", "application/gzip", &compressed),
        ("/trend", "application/x-ndjson", lines.as_bytes()),
        (
            &format!("/trend?{roles}"),
            "application/octet-stream",
            &parquet,
        ),
        (
            "/trend",
            "application/json",
            json!({ "reviews": rows }).to_string().as_bytes(),
        ),
    ] {
        assert_eq!(
            parse_json(&ask(address, &content_type(kind), body)),
            expected,
            "{kind}"
        );
    }
    // Options in the query string and in JSON.
    let wished = trend_by_command(
        &project,
        &[
            "--model",
            "linear",
            "--topic",
            "Heat",
            "--period",
            "year",
            "--calibrate-on",
            "100",
            "--method",
            "acc",
        ],
    );
    let address = "/trend?topic=Heat&period=year&calibrate_on=100&method=acc";
    assert_eq!(
        parse_json(&ask(address, &content_type("text/csv"), csv.as_bytes())),
        wished
    );
    let envelope = json!({
        "reviews": rows, "topics": ["Heat"], "period": "year", "calibrate_on": 100, "method": "acc",
    });
    let body = envelope.to_string();
    assert_eq!(
        parse_json(&ask(
            "/trend",
            &content_type("application/json"),
            body.as_bytes()
        )),
        wished
    );
    // An HTML page, if the client accepts one.
    let head = content_type("text/csv") + "accept: text/html,*/*;q=0.8\r\n";
    let page = ask("/trend", &head, csv.as_bytes());
    assert!(
        page.contains("<h1>Share of positive reviews over time</h1>") && page.contains("<svg"),
        "{page}"
    );
    // No text of the requests is in the metrics, the log or temporary files.
    let (_, metrics) = server.exchange(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n");
    for line in [
        "ressenti_requests_total{path=\"/trend\",status=\"200\"} 8",
        "ressenti_trends 0",
        "ressenti_trend_reviews_total 9880",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line}\n{metrics}"
        );
    }
    let left = fs::read_dir(&temporary).expect("a folder").count();
    assert_eq!(left, 0, "files are left behind");
    let log = server.lines.lock().expect("whole").join("\n");
    assert!(
        log.contains("POST /trend 200") && !log.contains("film with"),
        "{log}"
    );
    server.check_health();
}

#[test]
fn invalid_trend_requests_get_an_error_status_and_a_hint() {
    let project = trained_project();
    let csv = turning_reviews();
    let undated = "review,sentiment\na good film,positive\na bad film,negative\n";
    let limits = [
        "--model",
        "linear",
        "--max-trend-body",
        "200000",
        "--max-reviews",
        "1500",
    ];
    let server = Server::start(&project, &limits);
    let many = csv.clone() + csv.split_once('\n').expect("a header").1;
    let large = " ".repeat(200_001);
    let no_json = content_type("application/json");
    let file = content_type("application/octet-stream");
    let table = content_type("text/csv");
    let cut_off = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b";
    let rows = ["a good film,2020-01-02\n", "a film,of,three\n"].map(|row| row.repeat(50));
    let wide = format!("text,date\n{}", rows.concat());
    for (status, address, head, body, said) in [
        (415, "/trend", "", csv.as_bytes(), "content-type: text/csv"),
        (
            415,
            "/trend",
            &content_type("text/plain"),
            csv.as_bytes(),
            "content-type",
        ),
        (
            415,
            "/trend",
            &content_type("multipart/form-data; boundary=x"),
            b"--x--",
            "content-type",
        ),
        (415, "/trend", &file, b"\x89PNG\r\n\x1a\n", "an image"),
        (415, "/trend", &file, b"%PDF-1.7", "a PDF document"),
        (400, "/trend", &file, cut_off, "damaged or cut off"),
        (
            400,
            "/trend",
            &no_json,
            b"{\"reviews\": [",
            "not valid JSON",
        ),
        (400, "/trend", &no_json, b"", "not valid JSON"),
        (422, "/trend", &no_json, b"{}", "`reviews` is missing"),
        (422, "/trend", &no_json, b"{\"reviews\": []}", "file"),
        (422, "/trend", &no_json, b"{\"reviews\": [3]}", "is invalid"),
        (
            422,
            "/trend?period=day",
            &no_json,
            b"{\"reviews\": []}",
            "belong in its body",
        ),
        (422, "/trend", &table, b"", "The file"),
        (
            422,
            "/trend",
            &table,
            undated.as_bytes(),
            "columns.timestamp=NAME",
        ),
        (
            422,
            "/trend",
            &table,
            wide.as_bytes(),
            "another number of columns",
        ),
        (
            422,
            "/trend?perid=day",
            &table,
            csv.as_bytes(),
            "unknown field `perid`",
        ),
        (
            422,
            "/trend?period=decade",
            &table,
            csv.as_bytes(),
            "decade",
        ),
        (
            422,
            "/trend?topic=Jaws",
            &table,
            csv.as_bytes(),
            "No review about `Jaws` was found in 1,440 reviews; the most common topics are `Alien`, `Heat`",
        ),
        (
            422,
            "/trend?columns.text=reviw",
            &table,
            csv.as_bytes(),
            "The columns are `posted`",
        ),
        (
            422,
            "/trend?calibrate_on=100000",
            &table,
            csv.as_bytes(),
            "only 1,440 are available",
        ),
        (
            422,
            "/trend?calibrate_on=2",
            &table,
            csv.as_bytes(),
            "at least 5 of each class",
        ),
        (422, "/trend?%ff=%ff", &table, csv.as_bytes(), "is invalid"),
        (
            413,
            "/trend",
            &table,
            many.as_bytes(),
            "more than 1,500 reviews",
        ),
        (413, "/trend", &table, large.as_bytes(), "--max-trend-body"),
        (405, "/healthz", &table, b"", "allow"),
    ] {
        let (found, answer) = server.exchange(&request(address, head, body));
        assert_eq!(found, status, "{address} {said}: {answer}");
        let answer = parse_json(&answer);
        let all = format!("{}. {}", answer["error"], answer["hint"]);
        assert!(
            all.contains(said) && !all.contains("/proc"),
            "{said}: {all}"
        );
    }
    server.check_health();

    // The error rates of a bundle without an evaluation need labelled rows.
    let lone = Server::start(&project, &["--bundle", "artifacts/train/linear"]);
    let (status, said) = lone.exchange(&request("/trend", &table, csv.as_bytes()));
    assert_eq!(status, 409, "{said}");
    assert!(said.contains("calibrate_on=300"), "{said}");
    let (status, said) = lone.exchange(&request("/trend?calibrate_on=200", &table, csv.as_bytes()));
    assert_eq!(status, 200, "{said}");
    assert_eq!(parse_json(&said)["labelled"], 200);

    // The error rates of a retrained model are unknown until it is evaluated.
    let train = [
        "run",
        "--only",
        "train",
        "--variant",
        "linear",
        "--set",
        "model.linear.ngrams.longest=1",
    ];
    let before = server.health()["model"]["fingerprint"].clone();
    succeed(&project, &train);
    wait_for(|| (server.health()["model"]["fingerprint"] != before).then_some(()));
    let (status, said) = server.exchange(&request("/trend", &table, csv.as_bytes()));
    assert_eq!(status, 409, "{said}");
    assert!(
        said.contains("was trained again after its evaluation"),
        "{said}"
    );
    let (status, said) =
        server.exchange(&request("/trend?calibrate_on=200", &table, csv.as_bytes()));
    assert_eq!(status, 200, "{said}");
}

#[test]
fn trends_queue_and_do_not_delay_predictions() {
    let project = trained_project();
    let csv = turning_reviews();
    let server = Server::start(&project, &["--model", "linear", "--trend-queue", "1"]);
    let whole = request("/trend", &content_type("text/csv"), csv.as_bytes());
    let mut slow = server.connect();
    slow.write_all(&whole[..5000]).expect("it reads");
    wait_for(|| (server.health()["trends"] == 1).then_some(()));
    // Another trend is refused with 503, and predictions are answered meanwhile.
    let mut refused = server.connect();
    refused.write_all(&whole).expect("it reads");
    let (status, said) = answer(&mut refused);
    assert_eq!(status, 503, "{said}");
    assert!(said.contains("retry-after"), "{said}");
    let clock = Instant::now();
    for _ in 0..20 {
        assert_eq!(server.exchange(&post(r#"{"text": "a good film"}"#)).0, 200);
    }
    assert!(
        clock.elapsed() < Duration::from_secs(10),
        "{:?}",
        clock.elapsed()
    );
    slow.write_all(&whole[5000..]).expect("it reads");
    assert_eq!(answer(&mut slow).0, 200);
    // The queue is free again, also after a client disconnects.
    let mut gone = server.connect();
    gone.write_all(&whole[..5000]).expect("it reads");
    wait_for(|| (server.health()["trends"] == 1).then_some(()));
    drop(gone);
    wait_for(|| (server.health()["trends"] == 0).then_some(()));
    assert_eq!(server.exchange(&whole).0, 200);
    server.check_health();

    let hasty = Server::start(&project, &["--model", "linear", "--trend-timeout", "0.3"]);
    let mut slow = hasty.connect();
    slow.write_all(&whole[..5000]).expect("it reads");
    let (status, said) = answer(&mut slow);
    assert_eq!(status, 504, "{said}");
    let silent = Server::start(&project, &["--model", "linear", "--timeout", "0.3"]);
    let mut slow = silent.connect();
    slow.write_all(&whole[..5000]).expect("it reads");
    let (status, said) = answer(&mut slow);
    assert_eq!(status, 408, "{said}");
    silent.check_health();
}
