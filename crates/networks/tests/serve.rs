//! The service without sockets: answers to single and concurrent requests, its OpenAPI description, and its limits.

#![allow(missing_docs)]

use artifact::StageName;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use bundle::Predictor;
use classifier::NETWORKS;
use clean::Clean;
use embed::Embed;
use ingest::Ingest;
use serde_json::{Value, json};
use serve::{Limits, ModelSource, Service};
use settings::Pipeline;
use stage::NoOptions;
use testkit::{Project, run_stage, tiny_pipeline};
use tokenize::Tokenize;
use tower::ServiceExt;
use train::Train;

/// The tiny pipeline with a linear model, trained.
fn trained() -> Project {
    let linear = "\n[model.linear]\nkind = \"linear\"\ntokenizer = \"words\"\n";
    let project = Project::with_pipeline(&(tiny_pipeline().to_owned() + linear));
    let pipeline = project.pipeline(&[]);
    let none = NoOptions {};
    for step in pipeline.steps() {
        let variant = Some(step.id.variant.as_str());
        let result = match step.id.stage {
            StageName::Ingest => run_stage::<Ingest>(&pipeline, None, &none),
            StageName::Clean => run_stage::<Clean>(&pipeline, None, &none),
            StageName::Tokenize => run_stage::<Tokenize>(&pipeline, variant, &none),
            StageName::Embed => run_stage::<Embed>(&pipeline, variant, &none),
            StageName::Train => run_stage::<Train>(&pipeline, variant, &none),
            StageName::Evaluate | StageName::Report => continue,
        };
        result.unwrap_or_else(|error| panic!("{}: {error}", step.id));
    }
    project
}

fn source(pipeline: &Pipeline, name: &str) -> ModelSource {
    ModelSource::Named(Box::new(pipeline.clone()), name.to_owned())
}

fn router(project: &Project, name: &str, limits: Limits) -> Router {
    let source = source(&project.pipeline(&[]), name);
    let service = Service::start(source.clone(), source, Some(NETWORKS), limits, false)
        .expect("it is trained");
    service.router()
}

async fn send(router: &Router, request: Request<Body>) -> (StatusCode, Value) {
    let response = router.clone().oneshot(request).await.expect("a response");
    let status = response.status();
    let is_json = response.headers()[header::CONTENT_TYPE] == "application/json";
    let body = to_bytes(response.into_body(), usize::MAX).await;
    let body = body.expect("a complete body");
    let value = match is_json {
        true => serde_json::from_slice(&body).expect("JSON"),
        false => json!(String::from_utf8_lossy(&body)),
    };
    (status, value)
}

async fn get(router: &Router, path: &str) -> (StatusCode, Value) {
    let request = Request::get(path).body(Body::empty()).expect("a request");
    send(router, request).await
}

async fn predict(router: &Router, question: &Value) -> (StatusCode, Value) {
    post(router, "/predict", question).await
}

async fn post(router: &Router, path: &str, question: &Value) -> (StatusCode, Value) {
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(question.to_string()))
        .expect("a request");
    send(router, request).await
}

fn texts() -> Vec<String> {
    let words = [
        "superb", "awful", "film", "boring", "a", "great", "plot", "not",
    ];
    let word = |row: usize, position: usize| words[(row * 7 + position * (row + 3)) % words.len()];
    let text = |row: usize| {
        let words: Vec<&str> = (0..1 + row % 30).map(|index| word(row, index)).collect();
        words.join(" ")
    };
    (0..60).map(text).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_text_has_the_same_answer_alone_and_in_concurrent_requests() {
    let project = trained();
    let pipeline = project.pipeline(&[]);
    let mut texts = texts();
    texts.extend(["".to_owned(), " <br /> ".to_owned(), "zzyzx".to_owned()]);
    for name in ["linear", "naive", "lstm"] {
        let location = bundle::find::named(&pipeline, name).expect("it is trained");
        let predictor = Predictor::load(&location, &pipeline.run, Some(NETWORKS))
            .expect("the bundle is complete");
        let expected = predictor.probabilities(&texts).expect("predictions");
        let router = router(&project, name, Limits::default());
        let mut requests = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            // Alone, and several copies in one request; all requests at the same time.
            for question in [json!({ "text": text }), json!({ "texts": vec![text; 3] })] {
                let router = router.clone();
                let answer = async move { (index, predict(&router, &question).await) };
                requests.push(tokio::spawn(answer));
            }
        }
        for answer in requests {
            let (index, (status, body)) = answer.await.expect("no panic");
            assert_eq!(status, StatusCode::OK, "{body}");
            for answer in body["answers"].as_array().expect("answers") {
                let found = answer["p_positive"].as_f64();
                let close = match (found, expected[index]) {
                    (Some(found), Some(expected)) => (found - f64::from(expected)).abs() < 1e-6,
                    (found, expected) => found.is_none() && expected.is_none(),
                };
                assert!(close, "{name}, {:?}: {found:?}", texts[index]);
                assert_eq!(answer["label"].is_null(), found.is_none());
            }
        }
        let (_, metrics) = get(&router, "/metrics").await;
        let metrics = metrics.as_str().expect("text").to_owned();
        let count = |name: &str| {
            let line = metrics.lines().find_map(|line| line.strip_prefix(name));
            let line = line.unwrap_or_else(|| panic!("{name} is not in {metrics}"));
            line.trim().parse::<u64>().expect("a number")
        };
        assert_eq!(count("ressenti_batch_texts_sum"), 4 * texts.len() as u64);
        assert_eq!(count("ressenti_queue_texts "), 0);
    }
}

/// Two years of labelled reviews of two films, which are mostly negative in the first year and positive in the second.
fn dated() -> Vec<Value> {
    let review = |row: usize| {
        let is_good = row % 10 < if row < 300 { 2 } else { 8 };
        let text = format!("{row} a {} film", if is_good { "superb" } else { "awful" });
        let time = format!(
            "{}-{:02}-{:02}",
            2020 + row / 300,
            row / 25 % 12 + 1,
            row % 25 + 1
        );
        let topic = ["Heat", "Alien"][row % 2];
        let label = if is_good { "positive" } else { "negative" };
        json!({ "text": text, "time": time, "topic": topic, "label": label })
    };
    (0..600).map(review).collect()
}

/// The parts of a value that its schema does not describe, or describes differently.
fn problems(document: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = document.pointer(&reference[1..]).expect("it is there");
        return problems(document, schema, value, at);
    }
    // `oneOf`: the schema with the fewest problems. Beside a `type` it only states which members belong together.
    if let Some(several) = schema["oneOf"]
        .as_array()
        .filter(|_| schema["type"].is_null())
    {
        let found = several.iter().map(|one| problems(document, one, value, at));
        return found.min_by_key(Vec::len).expect("several");
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let allowed = match &schema["type"] {
        Value::Array(kinds) => kinds.clone(),
        Value::Null => vec![json!(kind)],
        one => vec![one.clone()],
    };
    let mut found = Vec::new();
    let is_integer = kind == "integer" && allowed.contains(&json!("number"));
    if !is_integer && !allowed.contains(&json!(kind)) {
        found.push(format!("{at} is {kind}"));
    }
    if let Some(values) = schema["enum"].as_array().filter(|all| !all.contains(value)) {
        found.push(format!("{at} is not one of {values:?}"));
    }
    for (name, part) in value.as_object().into_iter().flatten() {
        match schema["properties"].get(name) {
            Some(schema) => found.extend(problems(document, schema, part, &format!("{at}.{name}"))),
            None if schema["additionalProperties"] == true => {}
            None => found.push(format!("{at}.{name} is not described")),
        }
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        if value.get(name.as_str().expect("a name")).is_none() {
            found.push(format!("{at}.{name} is missing"));
        }
    }
    for part in value.as_array().into_iter().flatten() {
        found.extend(problems(
            document,
            &schema["items"],
            part,
            &format!("{at}[]"),
        ));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_openapi_description_matches_the_service() {
    let project = trained();
    let router = router(&project, "linear", Limits::default());
    let (_, document) = get(&router, "/openapi.json").await;
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            let method = method.to_uppercase();
            let request = Request::builder().method(method.as_str()).uri(path);
            let (status, body) = send(&router, request.body(Body::empty()).expect("one")).await;
            assert!(
                ![404, 405].contains(&status.as_u16()),
                "{method} {path}: {body}"
            );
            // All methods are described.
            let request = Request::delete(path).body(Body::empty());
            let (status, _) = send(&router, request.expect("one")).await;
            assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
        }
    }
    let schema = |name: &str| document["components"]["schemas"][name].clone();
    let check = |name: &str, value: &Value| {
        let found = problems(&document, &schema(name), value, name);
        assert!(found.is_empty(), "{found:?}\n{value}");
    };
    let question = json!({ "texts": ["A superb film.", " "], "explain": true, "abstain": 0.9 });
    check("PredictRequest", &question);
    let (status, answers) = predict(&router, &question).await;
    assert_eq!(status, StatusCode::OK);
    check("Answers", &answers);
    assert_eq!(answers["answers"][0]["text"], "A superb film.");
    let question = json!({
        "reviews": dated(), "calibrate_on": 100, "period": "month", "method": "maximum_likelihood",
        "columns": { "text": "text", "timestamp": "time", "topic": "topic", "label": "label" },
    });
    let requested = json!({ "reviews": dated(), "calibrate_on": 100, "period": "month" });
    check("TrendRequest", &requested);
    let (status, trend) = post(&router, "/trend", &question).await;
    assert_eq!(status, StatusCode::OK, "{trend}");
    check("Trend", &trend);
    assert_eq!(trend["labelled"], 100);
    assert!(!trend["judged"].is_null() && !trend["largest_change"].is_null());
    check("Health", &get(&router, "/healthz").await.1);
    check("Progress", &get(&router, "/trend/progress").await.1);
    let statuses = &document["paths"]["/predict"]["post"]["responses"];
    let many = vec!["x"; 300];
    for wrong in [json!({}), json!({ "text": 5 }), json!({ "texts": many })] {
        let (status, body) = predict(&router, &wrong).await;
        assert!(statuses.get(status.as_str()).is_some(), "{status}");
        check("Error", &body);
    }
    let statuses = &document["paths"]["/trend"]["post"]["responses"];
    let (status, body) = post(&router, "/trend", &json!({ "reviews": dated() })).await;
    assert!(statuses.get(status.as_str()).is_some(), "{status}");
    check("Error", &body);
    // The check itself finds all three problems.
    assert_eq!(
        problems(
            &document,
            &schema("Error"),
            &json!({ "error": 5, "more": 1 }),
            ""
        )
        .len(),
        3
    );
}

#[tokio::test]
async fn requests_beyond_a_full_queue_are_refused_at_once() {
    let project = trained();
    let limits = Limits {
        queue: 2,
        texts: 2,
        ..Limits::default()
    };
    let router = router(&project, "linear", limits);
    let long = "superb awful film ".repeat(20_000);
    let requests: Vec<_> = (0..100)
        .map(|_| {
            let (router, question) = (router.clone(), json!({ "texts": [long, long] }));
            tokio::spawn(async move { predict(&router, &question).await })
        })
        .collect();
    let (mut answered, mut refused) = (0, 0);
    for answer in requests {
        match answer.await.expect("no panic") {
            (StatusCode::OK, _) => answered += 1,
            (StatusCode::SERVICE_UNAVAILABLE, body) => {
                assert!(
                    body["hint"]
                        .as_str()
                        .expect("a hint")
                        .contains("retry-after")
                );
                refused += 1;
            }
            (status, body) => panic!("{status} {body}"),
        }
    }
    assert!(
        answered > 0 && refused > 0,
        "{answered} answered, {refused} refused"
    );
    let (status, _) = predict(&router, &json!({ "text": "and now?" })).await;
    assert_eq!(status, StatusCode::OK);
}
