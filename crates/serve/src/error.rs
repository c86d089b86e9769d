//! What a client is told that cannot be answered: a status, what is wrong, and what to do.

use std::fmt::Display;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A request that is not answered with what it asked for. Its body is JSON: `error` and `hint`.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    error: String,
    hint: String,
    /// Seconds after which the client may try again.
    retry_after: Option<u32>,
}

/// A request to `/predict` that is right.
pub(crate) const PREDICT_EXAMPLE: &str = r#"Send {"text": "Not bad at all."} or {"texts": ["One.", "Another."]}, and if you like "explain": true and "abstain": 0.9"#;

/// The same for `/trend`.
pub(crate) const TREND_EXAMPLE: &str = r#"Send a file of reviews with times as it is, with wishes in the address such as `?period=month&adapt=300`, or {"reviews": [{"text": "Great.", "time": "2024-05-01", "topic": "Heat"}], "period": "month"}; /openapi.json has all of them"#;

impl ApiError {
    pub(crate) fn new(
        status: StatusCode,
        error: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            status,
            error: error.into(),
            hint: hint.into(),
            retry_after: None,
        }
    }

    /// A request that may be sent again after so many seconds.
    pub(crate) fn busy(error: impl Into<String>, seconds: u32) -> Self {
        let hint = "Come again after the seconds that `retry-after` says";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error, hint).retry_after(seconds)
    }

    /// Says when the client may try again.
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// JSON or parameters that do not say what is needed; the example is a request that does.
    pub(crate) fn unfit(problem: impl Display, example: &str) -> Self {
        let error = format!("The request does not fit: {problem}");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, error, example)
    }

    /// The same of a request for a trend.
    pub(crate) fn unfit_trend(problem: impl Display) -> Self {
        Self::unfit(problem, TREND_EXAMPLE)
    }

    /// There was no trend in time.
    pub(crate) fn trend_timed_out(limit: Duration) -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            format!("There was no trend within {limit:?}"),
            "Send fewer reviews, start the service with a larger `--trend-timeout`, or take `ressenti trend FILE`",
        )
    }

    /// The model came to no answer.
    pub(crate) fn model_failed(problem: impl Display) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("The model cannot be asked: {problem}"),
            "Look at /healthz and at what the service printed; `ressenti doctor` examines the machine",
        )
    }

    /// Only a new process can use the device again.
    pub(crate) fn device_failed() -> Self {
        Self::busy("The device failed, and the service is stopping", 30)
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
