//! `POST /trend`: the trend of uploaded reviews, as JSON or as a page. The body is a file of reviews, or JSON with
//! reviews and options.

use artifact::format;
use axum::Json;
use axum::extract::{Query, Request, State};
use axum::http::header::{ACCEPT, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::time::Instant;
use tokio::time::timeout_at;

use crate::body::{self, HTML, JSON};
use crate::error::ApiError;
use crate::limits::{BodyLimits, TREND};
use crate::state::AppState;
use crate::trends::{TrendRequest, Upload};

/// Content types of files of reviews; the real format is detected from the content. Types that a page of another site
/// may send without a preflight request (CORS) are not allowed.
const FILE_TYPES: [&str; 14] = [
    "text/csv",
    "text/tab-separated-values",
    "application/csv",
    "application/jsonl",
    "application/x-ndjson",
    "application/x-jsonlines",
    "application/parquet",
    "application/vnd.apache.parquet",
    "application/gzip",
    "application/x-gzip",
    "application/zstd",
    "application/zip",
    "application/x-zip-compressed",
    "application/octet-stream",
];

/// The fingerprint of the model that read the reviews.
const MODEL: HeaderName = HeaderName::from_static("ressenti-model");

/// The id of a request, chosen by the client.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A trend page contains its style and loads no files.
const PAGE_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");

pub(crate) async fn trend(
    State(AppState { trends, limits, .. }): State<AppState>,
    query: Result<Query<Vec<(String, String)>>, axum::extract::rejection::QueryRejection>,
    request: Request,
) -> Result<Response, ApiError> {
    let deadline = Instant::now() + limits.trend_timeout;
    let is_json = is_json(request.headers())?;
    if is_json {
        body::reject_encoded(request.headers())?;
    }
    let as_page = wants_page(request.headers());
    let id = request_id(request.headers()).unwrap_or_default().to_owned();
    let Query(pairs) = query.map_err(|error| ApiError::invalid_trend(error.body_text()))?;
    let options = match is_json {
        false => Some(TrendRequest::from_query(pairs)?),
        true if pairs.is_empty() => None,
        true => {
            let problem = "options of a JSON request belong in its body, not in the query string";
            return Err(ApiError::invalid_trend(problem));
        }
    };
    // The body is read only after a slot is reserved: otherwise bodies could fill the memory.
    let slot = trends.reserve(1).ok_or_else(|| {
        let capacity = format::plural(trends.capacity as u64, "trend", "trends");
        ApiError::busy(format!("The queue is full: it holds {capacity}"), 5)
    })?;
    let body_limits = BodyLimits::for_path(TREND, &limits);
    let work = async {
        let body = body::receive(request, &body_limits).await?;
        let upload = Upload {
            body,
            options,
            as_page,
            deadline,
            id,
        };
        trends.submit(upload, slot, |job| job).await
    };
    let timed_out = |_| ApiError::trend_timed_out(limits.trend_timeout);
    let trend = timeout_at(deadline.into(), work).await;
    let trend = trend.map_err(timed_out)??;
    let content_type = if as_page { HTML } else { JSON };
    let mut response = ([(CONTENT_TYPE, content_type)], trend.text).into_response();
    let headers = response.headers_mut();
    if let Ok(fingerprint) = HeaderValue::from_str(&trend.model.fingerprint) {
        headers.insert(MODEL, fingerprint);
    }
    if as_page {
        headers.insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
    }
    Ok(response)
}

/// `GET /trend/progress`: how many bytes of a trend's file are read, and then how many reviews are predicted. The trend is named by the header `x-request-id` of
/// its request.
pub(crate) async fn progress(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Json<serde_json::Value> {
    let counts = request_id(&headers).and_then(|id| state.running.counts(id));
    Json(json!({
        "done": counts.map(|it| it.done),
        "total": counts.map(|it| it.total),
        "unit": counts.map(|it| it.unit),
        "seconds_left": counts.and_then(|it| it.seconds_left),
    }))
}

fn request_id(headers: &HeaderMap) -> Option<&str> {
    headers.get(REQUEST_ID)?.to_str().ok()
}

/// Whether the body is JSON with reviews and options; otherwise it is a file.
fn is_json(headers: &HeaderMap) -> Result<bool, ApiError> {
    if body::is_of_type(headers, JSON) {
        return Ok(true);
    }
    if FILE_TYPES.iter().any(|it| body::is_of_type(headers, it)) {
        return Ok(false);
    }
    let error = "The header `content-type` is missing or not a type of a file of reviews";
    let hint = "Send a file with the header `content-type: text/csv`, or `application/octet-stream` for any format; JSON with `application/json`, JSON lines with `application/x-ndjson`";
    Err(ApiError::unsupported(error, hint))
}

/// Whether the client prefers a page to JSON, which is the default.
fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    let mut types = accept.unwrap_or_default().split(',').filter_map(|part| {
        let mut parts = part.split(';').map(|it| it.trim().to_ascii_lowercase());
        let media_type = parts.next()?;
        // A weight of zero means "not acceptable".
        let mut weights = parts.filter_map(|it| it.strip_prefix("q=")?.trim().parse::<f64>().ok());
        weights.all(|weight| weight > 0.0).then_some(media_type)
    });
    let known = ["text/html", JSON];
    types.find(|it| known.contains(&it.as_str())) == Some("text/html".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_content_type_is_described() {
        for media_type in FILE_TYPES {
            let entry = format!("\"{media_type}\": {{ \"schema\"");
            assert!(crate::routes::OPENAPI.contains(&entry), "{media_type}");
        }
    }

    #[test]
    fn a_page_is_sent_if_the_client_prefers_it() {
        for (accept, expected) in [
            ("text/html", true),
            ("text/html,application/xhtml+xml,*/*;q=0.8", true),
            ("application/json, text/html;q=0.5", false),
            ("text/html;q=0", false),
            ("text/html ; Q=0.000, */*", false),
            ("application/json;q=0, text/html;q=0.1", true),
            ("*/*", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(wants_page(&headers), expected, "{accept}");
        }
        assert!(!wants_page(&HeaderMap::new()));
    }
}
