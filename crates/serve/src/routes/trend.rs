//! `POST /trend`: from reviews with a time to what people feel, as JSON or as a page.
//!
//! The reviews are the body: a file, or JSON with options beside them.

use axum::extract::{Query, Request, State};
use axum::http::header::{ACCEPT, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use std::time::Instant;
use tokio::time::timeout_at;

use crate::body::{self, HTML, JSON};
use crate::error::ApiError;
use crate::limits::{BodyLimits, TREND};
use crate::shared::Shared;
use crate::trends::{TrendRequest, Upload};

/// Types of bodies that are a file of reviews. What it really is, its content tells; types that a page of
/// another site may send without being asked are not among them.
const FILES: [&str; 14] = [
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

/// Which model read the reviews: its fingerprint.
const MODEL: HeaderName = HeaderName::from_static("ressenti-model");

/// A trend's page has its style within, and nothing else.
const PAGE_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");

pub(crate) async fn trend(
    State(Shared { trends, limits, .. }): State<Shared>,
    query: Result<Query<Vec<(String, String)>>, axum::extract::rejection::QueryRejection>,
    request: Request,
) -> Result<Response, ApiError> {
    let deadline = Instant::now() + limits.trend_timeout;
    let is_envelope = is_envelope(request.headers())?;
    if is_envelope {
        body::check_is_plain(request.headers())?;
    }
    let as_page = wants_page(request.headers());
    let Query(pairs) = query.map_err(|error| ApiError::unfit_trend(error.body_text()))?;
    let options = match is_envelope {
        false => Some(TrendRequest::of_query(pairs)?),
        true if pairs.is_empty() => None,
        true => {
            let problem = "options of a JSON request belong in its body, not in the address";
            return Err(ApiError::unfit_trend(problem));
        }
    };
    // The body is read only once the request has a place: otherwise it could fill the memory.
    let place = trends
        .places(1)
        .ok_or_else(|| ApiError::busy("More trends are waiting than the service takes", 5))?;
    let body_limits = BodyLimits::of(TREND, &limits);
    let work = async {
        let body = body::receive(request, &body_limits).await?;
        let asked = Upload {
            body,
            options,
            as_page,
            deadline,
        };
        trends.ask(asked, place, |job| job).await
    };
    let late = |_| ApiError::trend_timed_out(limits.trend_timeout);
    let made = timeout_at(deadline.into(), work).await.map_err(late)??;
    let kind = if as_page { HTML } else { JSON };
    let mut response = ([(CONTENT_TYPE, kind)], made.text).into_response();
    let headers = response.headers_mut();
    if let Ok(fingerprint) = HeaderValue::from_str(&made.model.fingerprint) {
        headers.insert(MODEL, fingerprint);
    }
    if as_page {
        headers.insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
    }
    Ok(response)
}

/// Whether the body is JSON of ours, and not a file.
fn is_envelope(headers: &HeaderMap) -> Result<bool, ApiError> {
    if body::is_of_type(headers, JSON) {
        return Ok(true);
    }
    match FILES.iter().any(|kind| body::is_of_type(headers, kind)) {
        true => Ok(false),
        false => Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The content type of the body is none that reviews come in, or missing",
            "Send a file as it is with the header `content-type: text/csv`, or `application/octet-stream` whatever it is; reviews as JSON with `application/json`, JSON lines with `application/x-ndjson`",
        )),
    }
}

/// Whether a page is wanted rather than JSON, which is the default.
fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    let mut kinds = accept.unwrap_or_default().split(',').filter_map(|part| {
        let mut parts = part.split(';').map(|it| it.trim().to_ascii_lowercase());
        let kind = parts.next()?;
        // A weight of nothing says that it is not wanted.
        let mut weights = parts.filter_map(|it| it.strip_prefix("q=")?.trim().parse::<f64>().ok());
        weights.all(|weight| weight > 0.0).then_some(kind)
    });
    let known = ["text/html", JSON];
    kinds.find(|kind| known.contains(&kind.as_str())) == Some("text/html".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_that_is_taken_is_described() {
        for kind in FILES {
            let said = format!("\"{kind}\": {{ \"schema\"");
            assert!(crate::routes::OPENAPI.contains(&said), "{kind}");
        }
    }

    #[test]
    fn who_asks_for_a_page_gets_one() {
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
