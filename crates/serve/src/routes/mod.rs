//! What the service answers, path by path.

mod trend;

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::body::{self, HTML, JSON};
use crate::error::{ApiError, PREDICT_EXAMPLE};
use crate::json::parsed;
use crate::limits::{BodyLimits, EXPLAINED, Limits, TREND};
use crate::shared::Shared;
use crate::telemetry::Now;
use crate::worker::{Answers, Question};

/// The page may load what comes from here and nothing else, and run nothing that stands in it.
const CONTENT_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
/// Of Prometheus' text format.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The OpenAPI description, held to the routes and their answers by a test.
pub(crate) const OPENAPI: &str = include_str!("../openapi.json");

pub(crate) fn router(shared: Shared) -> Router {
    let file = |kind: &'static str, text: &'static str| {
        get(move || async move { ([(CONTENT_TYPE, kind)], text) })
    };
    Router::new()
        .route("/", file(HTML, include_str!("../page/index.html")))
        .route("/page.css", file(STYLE, include_str!("../page/page.css")))
        .route("/page.js", file(SCRIPT, include_str!("../page/page.js")))
        .route("/trend.js", file(SCRIPT, include_str!("../page/trend.js")))
        .route("/trend.css", trend_style())
        .route("/openapi.json", file(JSON, OPENAPI))
        .route("/predict", post(predict))
        .route(TREND, post(trend::trend))
        .route("/healthz", get(health))
        .route("/metrics", get(metrics))
        .fallback(async || {
            let hint = "/openapi.json names all paths; / is a page for people";
            ApiError::new(StatusCode::NOT_FOUND, "There is nothing at this path", hint)
        })
        .method_not_allowed_fallback(async || {
            ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "This path does not know that method",
                "The header `allow` names the methods that it knows, and /openapi.json what they do",
            )
        })
        .layer(from_fn_with_state(shared.clone(), observe))
        .with_state(shared)
}

/// The style of a trend's page for a part of another page, whose root is that part.
fn trend_style() -> MethodRouter<Shared> {
    let style = pages::STYLE.replace(":root", ":host");
    get(move || {
        let style = style.clone();
        async move { ([(CONTENT_TYPE, STYLE)], style) }
    })
}

/// A body of `POST /predict`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct PredictRequest {
    text: Option<String>,
    texts: Option<Vec<String>>,
    #[serde(default)]
    explain: bool,
    abstain: Option<f32>,
}

async fn predict(
    State(shared): State<Shared>,
    request: Request,
) -> Result<Json<Answers>, ApiError> {
    let body = body::read(request, JSON, &shared.limits).await?;
    let question = question(&body, &shared.limits)?;
    let answers = timeout(shared.limits.timeout, shared.queue.ask(question)).await;
    let answers = answers.map_err(|_| {
        ApiError::new(
            StatusCode::GATEWAY_TIMEOUT,
            format!(
                "The model came to no answer within {:?}",
                shared.limits.timeout
            ),
            "Send fewer texts at a time, or start the service with a larger `--timeout`",
        )
    })?;
    answers.map(Json)
}

fn question(body: &[u8], limits: &Limits) -> Result<Question, ApiError> {
    let unfit = |problem: &str| ApiError::unfit(problem, PREDICT_EXAMPLE);
    let request: PredictRequest = parsed(body, PREDICT_EXAMPLE)?;
    let texts = match (request.text, request.texts) {
        (Some(text), None) => vec![text],
        (None, Some(texts)) => texts,
        (Some(_), Some(_)) => return Err(unfit("`text` and `texts` exclude each other")),
        (None, None) => return Err(unfit("`text` or `texts` is missing")),
    };
    let (found, most) = (texts.len(), limits.most_texts());
    let (most, what) = match request.explain {
        true => (most.min(EXPLAINED), "have explained"),
        false => (most, "hold"),
    };
    if found > most {
        return Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("{found} texts are more than the {most} that one request may {what}"),
            "Send them in several requests, or take `ressenti predict --input FILE` for a whole file",
        ));
    }
    let is_probability = |least: f32| (0.5..=1.0).contains(&least);
    if !request.abstain.is_none_or(is_probability) {
        return Err(unfit("`abstain` is a probability from 0.5 to 1"));
    }
    Ok(Question {
        texts,
        explain: request.explain,
        abstain: request.abstain,
    })
}

/// `stale` where a changed model could not be loaded and the one before it answers; `load_error` says why.
async fn health(State(shared): State<Shared>) -> Json<Value> {
    let (model, load_error) = shared.telemetry.model();
    let status = if load_error.is_some() { "stale" } else { "ok" };
    Json(json!({
        "status": status,
        "model": model,
        "load_error": load_error,
        "queue_texts": shared.queue.depth(),
        "trends": shared.trends.depth(),
    }))
}

async fn metrics(State(shared): State<Shared>) -> impl IntoResponse {
    let free = shared.connections.available_permits();
    let open = shared.limits.connections.saturating_sub(free);
    let text = shared.telemetry.exposition(Now {
        texts: shared.queue.depth(),
        trends: shared.trends.depth(),
        connections: open,
    });
    ([(CONTENT_TYPE, EXPOSITION)], text)
}

/// Counts every answer, writes its line, and adds what every answer says to browsers.
async fn observe(State(shared): State<Shared>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    // Paths that do not exist are one: a stranger could fill the memory with names otherwise.
    let path = matched.as_ref().map_or("other", |path| path.as_str());
    let method = shared.log.then(|| request.method().clone());
    let unread = body::share(&mut request);
    let mut response = match shared.hosts.is_allowed(&request) {
        true => next.run(request).await,
        false => ApiError::new(
            StatusCode::MISDIRECTED_REQUEST,
            "The header `host` names another than this service, as a page of another site would",
            "Ask for it as `localhost` or `127.0.0.1`, or start the service with `--host NAME` for the name that it has",
        )
        .into_response(),
    };
    let is_late = [StatusCode::REQUEST_TIMEOUT, StatusCode::GATEWAY_TIMEOUT];
    if let Some(unread) = unread
        && !response.status().is_success()
        && !is_late.contains(&response.status())
    {
        unread.drain(&BodyLimits::of(path, &shared.limits)).await;
    }
    let (status, took) = (response.status().as_u16(), started.elapsed());
    shared.telemetry.answered(path, status, took);
    if let Some(method) = method {
        let milliseconds = 1e3 * took.as_secs_f64();
        crate::print_line(&format!("{method} {path} {status} {milliseconds:.1} ms"));
    }
    let headers = response.headers_mut();
    // A page that is an answer has one of its own.
    headers
        .entry(CONTENT_SECURITY_POLICY)
        .or_insert(CONTENT_POLICY);
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
