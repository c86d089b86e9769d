//! The service when a text or the device fails. The failures are real failures of libtorch.

#![allow(missing_docs)]

use std::time::Duration;

use artifact::{Failure, FailureKind};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use bundle::{IdsAndSpecialMask, Networks, Scorer};
use classifier::{ClassifierError, NETWORKS};
use clean::Clean;
use embed::Embed;
use ingest::Ingest;
use serde_json::{Value, json};
use serve::{Limits, ModelSource, Service};
use stage::NoOptions;
use tch::{Device, Kind, Tensor};
use testkit::{Project, run_stage};
use tokenize::Tokenize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;
use train::Train;

/// Number of tokens of a row that needs more memory than any machine has, and of a row that needs a device that no
/// machine has.
const TOO_LARGE: usize = 21;
const NO_DEVICE: usize = 22;

/// A scorer that fails for rows of two lengths.
#[derive(Debug)]
struct Failing(Box<dyn Scorer>);

impl Scorer for Failing {
    fn scores(&self, rows: &[Vec<u32>]) -> Result<Vec<f64>, Failure> {
        for row in rows {
            let (size, device) = match row.len() {
                TOO_LARGE => (1 << 50, Device::Cpu),
                NO_DEVICE => (1, Device::Cuda(99)),
                _ => continue,
            };
            ClassifierError::catch("compute a batch", || {
                let _ = Tensor::zeros([size], (Kind::Float, device));
                Ok(())
            })?;
        }
        self.0.scores(rows)
    }

    fn contributions(&self, rows: &[IdsAndSpecialMask]) -> Result<Vec<Vec<f64>>, Failure> {
        self.0.contributions(rows)
    }
}

const FAILING: Networks = Networks {
    open: |folder, model, run| Ok(Box::new(Failing((NETWORKS.open)(folder, model, run)?))),
};

fn trained() -> Project {
    let project = Project::tiny();
    let pipeline = project.pipeline(&[]);
    let none = NoOptions {};
    run_stage::<Ingest>(&pipeline, None, &none).expect("reviews");
    run_stage::<Clean>(&pipeline, None, &none).expect("clean reviews");
    run_stage::<Tokenize>(&pipeline, None, &none).expect("tokens");
    run_stage::<Embed>(&pipeline, None, &none).expect("vectors");
    run_stage::<Train>(&pipeline, Some("naive"), &none).expect("a model");
    project
}

fn start(project: &Project) -> Service {
    let source = ModelSource::Named(Box::new(project.pipeline(&[])), "naive".to_owned());
    Service::start(
        source.clone(),
        source,
        Some(FAILING),
        Limits::default(),
        false,
    )
    .expect("it is trained")
}

fn text(tokens: usize) -> String {
    vec!["film"; tokens].join(" ")
}

async fn ask(router: Router, path: &str, question: Value) -> (StatusCode, Value) {
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(question.to_string()))
        .expect("a request");
    let response = router.oneshot(request).await.expect("a response");
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await;
    let body = serde_json::from_slice(&body.expect("a complete body")).expect("JSON");
    (status, body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn only_requests_with_a_failing_text_fail() {
    let project = trained();
    let router = start(&project).router();
    let (status, alone) = ask(router.clone(), "/predict", json!({ "text": text(3) })).await;
    assert_eq!(status, StatusCode::OK, "{alone}");
    // All at the same time, so that requests share batches.
    let requests: Vec<_> = (0..60)
        .map(|number| {
            let texts = match number % 3 {
                0 => vec![text(3)],
                1 => vec![text(3), text(TOO_LARGE), text(3)],
                _ => vec![text(TOO_LARGE)],
            };
            let question = json!({ "texts": texts });
            tokio::spawn(ask(router.clone(), "/predict", question))
        })
        .collect();
    for (number, answer) in requests.into_iter().enumerate() {
        let (status, body) = answer.await.expect("no panic");
        if number % 3 == 0 {
            assert_eq!(status, StatusCode::OK, "{body}");
            assert_eq!(body["answers"], alone["answers"]);
            continue;
        }
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{body}");
        let error = body["error"].as_str().expect("an error");
        assert!(
            error.contains("libtorch failed to compute a batch"),
            "{error}"
        );
        assert_eq!(error.contains("text 2"), number % 3 == 1, "{error}");
    }
    let (status, _) = ask(router, "/predict", json!({ "text": text(4) })).await;
    assert_eq!(status, StatusCode::OK);
}

/// The response that a client receives until the service closes the connection.
async fn post(address: std::net::SocketAddr, path: &str, body: &Value) -> String {
    let body = body.to_string();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = head + &body;
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

async fn check_exit(project: &Project, path: &str, question: &Value) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let service = start(project);
    let served = tokio::spawn(service.serve(listener, std::future::pending()));
    let fine = json!({ "text": text(3) });
    let answer = post(address, "/predict", &fine).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let answer = post(address, path, question).await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("The device failed"), "{answer}");
    let ended = tokio::time::timeout(Duration::from_secs(60), served).await;
    let ended = ended.expect("the service ends").expect("no panic");
    let failure = ended.expect_err("the device failed");
    assert_eq!(
        (failure.kind(), failure.code()),
        (FailureKind::Transient, 75)
    );
    assert!(TcpStream::connect(address).await.is_err(), "it listens");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_missing_device_ends_the_service_with_code_75() {
    let project = trained();
    check_exit(&project, "/predict", &json!({ "text": text(NO_DEVICE) })).await;
    let texts = json!({ "texts": [text(3), text(NO_DEVICE)] });
    check_exit(&project, "/predict", &texts).await;
    let review = |number: usize| {
        let tokens = if number == 150 {
            NO_DEVICE
        } else {
            3 + number % 2
        };
        let label = ["negative", "positive"][number % 2];
        let time = format!("2020-{:02}-{:02}", 1 + number / 25 % 12, 1 + number % 25);
        json!({ "text": text(tokens), "time": time, "label": label })
    };
    let reviews: Vec<Value> = (0..300).map(review).collect();
    let trend = json!({ "reviews": reviews, "calibrate_on": 100, "period": "month" });
    check_exit(&project, "/trend", &trend).await;
}
