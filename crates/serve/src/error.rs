//! Errors of the API: a status, an error message and a hint.

use std::fmt::Display;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An error answer. Its body is JSON: `error` and `hint`.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    error: String,
    hint: String,
    /// Seconds after which the client may try again.
    retry_after: Option<u32>,
}

/// An example of a valid request to `/predict`.
pub(crate) const PREDICT_EXAMPLE: &str = r#"Send {"text": "Great fun!"} or {"texts": ["One.", "Another."]}; optional members are "explain": true and "abstain": 0.9"#;

/// An example of a valid request to `/trend`.
pub(crate) const TREND_EXAMPLE: &str = r#"Send a file of reviews with times, and options in the query string such as `?period=month&calibrate_on=300`; or send JSON: {"reviews": [{"text": "Great.", "time": "2024-05-01", "topic": "Heat"}], "period": "month"}. /openapi.json lists all options"#;

impl ApiError {
    pub(crate) fn new(code: StatusCode, error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            status: code,
            error: error.into(),
            hint: hint.into(),
            retry_after: None,
        }
    }

    /// The service is busy: the client may retry after this many seconds.
    pub(crate) fn busy(error: impl Into<String>, seconds: u32) -> Self {
        let hint = "Retry after the number of seconds in the header `retry-after`";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error, hint).retry_after(seconds)
    }

    /// Sets the number of seconds after which the client may retry.
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Invalid JSON members or query parameters; `example` shows a valid request.
    pub(crate) fn invalid(problem: impl Display, example: &str) -> Self {
        let error = format!("The request is invalid: {problem}");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, error, example)
    }

    /// An invalid request for a trend.
    pub(crate) fn invalid_trend(problem: impl Display) -> Self {
        Self::invalid(problem, TREND_EXAMPLE)
    }

    /// The trend was not finished in time.
    pub(crate) fn trend_timed_out(limit: Duration) -> Self {
        let error = format!("The trend was not finished within {limit:?}");
        let hint = "Send fewer reviews, start the service with a larger `--trend-timeout`, or use `ressenti trend FILE`";
        Self::new(StatusCode::GATEWAY_TIMEOUT, error, hint)
    }

    /// The trend would not be finished in time.
    pub(crate) fn trend_too_long(seconds: f64, limit: Duration) -> Self {
        let needed = artifact::format::seconds(seconds);
        let error = format!("The trend would take about {needed}, and the limit is {limit:?}");
        let hint = "Send fewer reviews, start the service with a larger `--trend-timeout` or another `--trend-model`, or use `ressenti trend FILE`";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, error, hint)
    }

    /// The model failed.
    pub(crate) fn model_failed(problem: impl Display) -> Self {
        let error = format!("The model failed: {problem}");
        let hint =
            "See /healthz and the output of the service; `ressenti doctor` checks the machine";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error, hint)
    }

    /// The content type of the body is not supported.
    pub(crate) fn unsupported(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error, hint)
    }

    /// The device failed; only a new process can use it again.
    pub(crate) fn device_failed() -> Self {
        Self::busy("The device failed and the service is stopping", 30)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.error, "hint": self.hint });
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
