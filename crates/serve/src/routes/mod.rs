//! The routes of the service.

mod trend;

use std::sync::LazyLock;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::body::{self, HTML, JSON};
use crate::error::{ApiError, PREDICT_EXAMPLE};
use crate::json::parse;
use crate::limits::{BodyLimits, Limits, MAX_EXPLAINED_TEXTS, TREND};
use crate::state::AppState;
use crate::worker::PredictQuery;

/// The page may only load files from this service, and no inline scripts run.
const CONTENT_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
/// The content type of Prometheus' text format.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The OpenAPI description; a test compares it with the routes and their answers.
pub(crate) const OPENAPI: &str = include_str!("../openapi.json");

pub(crate) fn router(state: AppState) -> Router {
    let file = |content_type: &'static str, text: &'static str| {
        get(move || async move { ([(CONTENT_TYPE, content_type)], text) })
    };
    Router::new()
        .route("/", file(HTML, include_str!("../page/index.html")))
        .route("/page.css", file(STYLE, include_str!("../page/page.css")))
        .route("/page.js", file(SCRIPT, include_str!("../page/page.js")))
        .route("/trend.js", file(SCRIPT, include_str!("../page/trend.js")))
        .route("/trend.css", file(STYLE, &TREND_STYLE))
        .route("/openapi.json", file(JSON, OPENAPI))
        .route("/predict", post(predict))
        .route(TREND, post(trend::trend))
        .route("/trend/progress", get(trend::progress))
        .route("/healthz", get(health))
        .route("/metrics", get(metrics))
        .fallback(async || {
            let hint = "See /openapi.json for all paths; / is a page to try the model";
            ApiError::new(StatusCode::NOT_FOUND, "The path does not exist", hint)
        })
        .method_not_allowed_fallback(async || {
            let error = "The path does not support this method";
            let hint = "Use a method of the header `allow`; /openapi.json describes them";
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, error, hint)
        })
        .layer(from_fn_with_state(state.clone(), observe))
        .with_state(state)
}

/// The style of a trend page that is embedded in another page as a shadow tree.
static TREND_STYLE: LazyLock<String> = LazyLock::new(|| pages::STYLE.replace(":root", ":host"));

/// The body of `POST /predict`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct PredictRequest {
    text: Option<String>,
    texts: Option<Vec<String>>,
    #[serde(default)]
    explain: bool,
    abstain: Option<f32>,
}

async fn predict(State(state): State<AppState>, request: Request) -> Result<Response, ApiError> {
    let limits = &state.limits;
    let body = body::read_json(request, limits).await?;
    let query = parse_query(&body, limits)?;
    let response = timeout(limits.timeout, state.predictions.predict(query)).await;
    let response = response.map_err(|_| {
        let error = format!("The model did not answer within {:?}", limits.timeout);
        let hint = "Send fewer texts per request, or start the service with a larger `--timeout`";
        ApiError::new(StatusCode::GATEWAY_TIMEOUT, error, hint)
    })?;
    Ok(Json(response?).into_response())
}

fn parse_query(body: &[u8], limits: &Limits) -> Result<PredictQuery, ApiError> {
    let invalid = |problem: &str| ApiError::invalid(problem, PREDICT_EXAMPLE);
    let request: PredictRequest = parse(body, PREDICT_EXAMPLE)?;
    let texts = match (request.text, request.texts) {
        (Some(text), None) => vec![text],
        (None, Some(texts)) => texts,
        (Some(_), Some(_)) => return Err(invalid("use either `text` or `texts`, not both")),
        (None, None) => return Err(invalid("`text` or `texts` is missing")),
    };
    let max = limits.max_texts();
    let (max, option) = match request.explain {
        true => (max.min(MAX_EXPLAINED_TEXTS), " with `explain`"),
        false => (max, ""),
    };
    if texts.len() > max {
        let texts = texts.len();
        let error =
            format!("The request has {texts} texts; a request{option} may have at most {max}");
        let hint = "Send several requests, or use `ressenti predict --input FILE` for a whole file";
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, error, hint));
    }
    let is_valid = |probability: f32| (0.5..=1.0).contains(&probability);
    if !request.abstain.is_none_or(is_valid) {
        return Err(invalid("`abstain` must be a probability from 0.5 to 1"));
    }
    Ok(PredictQuery {
        texts,
        explain: request.explain,
        abstain: request.abstain,
    })
}

/// The status is `stale` if a changed model could not be loaded and the old one is in use; `load_error` is the reason.
async fn health(State(state): State<AppState>) -> Json<Value> {
    let (model, load_error) = state.telemetry.model();
    let status = if load_error.is_some() { "stale" } else { "ok" };
    Json(json!({
        "status": status,
        "model": model,
        "load_error": load_error,
        "examples": model.as_ref().map(|model| &model.examples),
        "trend": {
            "model": &*state.trend_model,
            "max_bytes": state.limits.trend_body,
            "max_reviews": state.limits.reviews,
            "max_seconds": state.limits.trend_timeout.as_secs_f64(),
        },
        "queue_texts": state.predictions.depth(),
        "trends": state.trends.depth(),
    }))
}

async fn metrics(State(state): State<AppState>) -> impl IntoResponse {
    let free = state.connections.available_permits();
    let connections = state.limits.connections.saturating_sub(free);
    let (texts, trends) = (state.predictions.depth(), state.trends.depth());
    let text = state.telemetry.exposition(texts, trends, connections);
    ([(CONTENT_TYPE, EXPOSITION)], text)
}

/// For every request: checks the host name, counts and logs the answer, and adds security headers.
async fn observe(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    // All unknown paths are counted together; otherwise clients could fill the memory with names.
    let path = matched.as_ref().map_or("other", |path| path.as_str());
    let method = state.log.then(|| request.method().clone());
    let unread = body::share(&mut request);
    let mut response = match state.hosts.is_allowed(&request) {
        true => next.run(request).await,
        false => {
            let error = "The header `host` is not a name of this service";
            let hint = "Use `localhost` or `127.0.0.1` as the host name, or start the service with `--host NAME`";
            ApiError::new(StatusCode::MISDIRECTED_REQUEST, error, hint).into_response()
        }
    };
    let timeouts = [StatusCode::REQUEST_TIMEOUT, StatusCode::GATEWAY_TIMEOUT];
    if let Some(unread) = unread
        && !response.status().is_success()
        && !timeouts.contains(&response.status())
    {
        let limits = BodyLimits::for_path(path, &state.limits);
        unread.drain(&limits).await;
    }
    let (status, duration) = (response.status().as_u16(), started.elapsed());
    state.telemetry.count_request(path, status, duration);
    if let Some(method) = method {
        let milliseconds = 1e3 * duration.as_secs_f64();
        crate::print_line(&format!("{method} {path} {status} {milliseconds:.1} ms"));
    }
    let headers = response.headers_mut();
    // A trend page has a separate policy.
    let policy = headers.entry(CONTENT_SECURITY_POLICY);
    policy.or_insert(CONTENT_POLICY);
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
