//! The routes of the service.

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
use crate::json::parse;
use crate::limits::{BodyLimits, Limits, MAX_EXPLAINED_TEXTS, TREND};
use crate::state::AppState;
use crate::telemetry::CurrentLoad;
use crate::worker::{PredictQuery, PredictResponse};

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
        .route("/trend.css", trend_style())
        .route("/openapi.json", file(JSON, OPENAPI))
        .route("/predict", post(predict))
        .route(TREND, post(trend::trend))
        .route("/healthz", get(health))
        .route("/metrics", get(metrics))
        .fallback(async || {
            let hint = "See /openapi.json for all paths; / is a page to try the model";
            ApiError::new(StatusCode::NOT_FOUND, "The path does not exist", hint)
        })
        .method_not_allowed_fallback(async || {
            ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "The path does not support this method",
                "Use a method of the header `allow`; /openapi.json describes them",
            )
        })
        .layer(from_fn_with_state(state.clone(), observe))
        .with_state(state)
}

/// The style of a trend page that is embedded in another page as a shadow tree.
fn trend_style() -> MethodRouter<AppState> {
    let style = pages::STYLE.replace(":root", ":host");
    get(move || {
        let style = style.clone();
        async move { ([(CONTENT_TYPE, STYLE)], style) }
    })
}

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

async fn predict(
    State(state): State<AppState>,
    request: Request,
) -> Result<Json<PredictResponse>, ApiError> {
    let limits = &state.limits;
    let body = body::read(request, JSON, limits).await?;
    let query = parse_query(&body, limits)?;
    let response = timeout(limits.timeout, state.predictions.predict(query)).await;
    let response = response.map_err(|_| {
        ApiError::new(
            StatusCode::GATEWAY_TIMEOUT,
            format!("The model did not answer within {:?}", limits.timeout),
            "Send fewer texts per request, or start the service with a larger `--timeout`",
        )
    })?;
    response.map(Json)
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
    let (max, option) = match request.explain {
        true => (
            limits.max_texts().min(MAX_EXPLAINED_TEXTS),
            " with `explain`",
        ),
        false => (limits.max_texts(), ""),
    };
    if texts.len() > max {
        let texts = texts.len();
        return Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("The request has {texts} texts; a request{option} may have at most {max}"),
            "Send several requests, or use `ressenti predict --input FILE` for a whole file",
        ));
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
        "queue_texts": state.predictions.depth(),
        "trends": state.trends.depth(),
    }))
}

async fn metrics(State(state): State<AppState>) -> impl IntoResponse {
    let free = state.connections.available_permits();
    let text = state.telemetry.exposition(CurrentLoad {
        texts: state.predictions.depth(),
        trends: state.trends.depth(),
        connections: state.limits.connections.saturating_sub(free),
    });
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
        false => ApiError::new(
            StatusCode::MISDIRECTED_REQUEST,
            "The header `host` is not a name of this service",
            "Use `localhost` or `127.0.0.1` as the host name, or start the service with `--host NAME`",
        )
        .into_response(),
    };
    let timeouts = [StatusCode::REQUEST_TIMEOUT, StatusCode::GATEWAY_TIMEOUT];
    if let Some(unread) = unread
        && !response.status().is_success()
        && !timeouts.contains(&response.status())
    {
        unread
            .drain(&BodyLimits::for_path(path, &state.limits))
            .await;
    }
    let (status, duration) = (response.status().as_u16(), started.elapsed());
    state.telemetry.count_request(path, status, duration);
    if let Some(method) = method {
        let milliseconds = 1e3 * duration.as_secs_f64();
        crate::print_line(&format!("{method} {path} {status} {milliseconds:.1} ms"));
    }
    let headers = response.headers_mut();
    // A trend page has a separate policy.
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
