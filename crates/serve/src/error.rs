//! What a client is told that cannot be answered: a status, what is wrong, and what to do.

use std::time::Duration;

use artifact::format::count;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use thiserror::Error;

use crate::limits::{BodyLimits, MIN_RATE};

/// A request that is not answered with what it asked for. Its body is JSON: `error` and `hint`.
#[derive(Clone, Debug, Error)]
pub(crate) enum ApiError {
    /// The body is no JSON; the hint is one that would be right.
    #[error("The body is no JSON: {problem}")]
    Malformed {
        problem: String,
        example: &'static str,
    },
    /// JSON or parameters that do not say what is needed; the hint is a request that does.
    #[error("The request does not fit: {problem}")]
    Unfit {
        problem: String,
        example: &'static str,
    },
    #[error("The body ended before its announced length, or its framing is wrong")]
    BrokenOff,
    #[error("The content type of the body is another than expected, or missing")]
    WrongContentType { expected: &'static str },
    #[error("The content type of the body is none that reviews come in, or missing")]
    NoTypeOfReviews,
    #[error("The body is packed, as its header `content-encoding` says, and JSON is not unpacked")]
    Packed,
    #[error("The body is larger than {} bytes", .0.bytes)]
    TooLarge(BodyLimits),
    #[error("{found} texts are more than the {most} that one request may {what}")]
    TooManyTexts {
        found: usize,
        most: usize,
        what: &'static str,
    },
    /// The whole body was late.
    #[error("The body did not come within {0:?}")]
    TooLate(Duration),
    /// A part of the body was late.
    #[error(
        "The body did not go on for {0:?}, or came with less than {rate} bytes a second after as long",
        rate = count(MIN_RATE)
    )]
    TooSlow(Duration),
    #[error("The header `host` names another than this service, as a page of another site would")]
    Misdirected,
    #[error("The model came to no answer within {0:?}")]
    TimedOut(Duration),
    #[error("There was no trend within {0:?}")]
    TrendTimedOut(Duration),
    /// The queue is full; `what` waits in it.
    #[error("More {what} than the service takes, which is {}", count(*.most as u64))]
    Busy { what: &'static str, most: usize },
    #[error("More trends are waiting than the service takes")]
    BusyWithTrends,
    /// There is a model that answers, but no copy of it can be made for trends.
    #[error("The model's files have changed and cannot be read for a trend: {0}")]
    NoModelForTrends(String),
    #[error("The model is being replaced")]
    ModelReplaced,
    #[error("The device failed, and the service is stopping")]
    DeviceFailed,
    #[error("The model cannot be asked: {0}")]
    ModelFailed(String),
    #[error("There is nothing at this path")]
    NoSuchPath,
    #[error("This path does not know that method")]
    WrongMethod,
    /// There can be no trend of these reviews.
    #[error("{error}")]
    NoTrend {
        status: StatusCode,
        error: String,
        hint: String,
    },
}

/// A request to `/predict` that is right.
pub(crate) const PREDICT_EXAMPLE: &str = r#"Send {"text": "Not bad at all."} or {"texts": ["One.", "Another."]}, and if you like "explain": true and "abstain": 0.9"#;

/// The same for `/trend`.
pub(crate) const TREND_EXAMPLE: &str = r#"Send a file of reviews with times as it is, with wishes in the address such as `?period=month&adapt=300`, or {"reviews": [{"text": "Great.", "time": "2024-05-01", "topic": "Heat"}], "period": "month"}; /openapi.json has all of them"#;

impl ApiError {
    /// JSON or parameters of a request for a trend that do not say what is needed.
    pub(crate) fn unfit_trend(problem: impl Into<String>) -> Self {
        Self::Unfit {
            problem: problem.into(),
            example: TREND_EXAMPLE,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Malformed { .. } | Self::BrokenOff => StatusCode::BAD_REQUEST,
            Self::NoSuchPath => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLate(_) | Self::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge(_) | Self::TooManyTexts { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::WrongContentType { .. } | Self::NoTypeOfReviews | Self::Packed => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::Unfit { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::ModelFailed(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Busy { .. }
            | Self::BusyWithTrends
            | Self::NoModelForTrends(_)
            | Self::ModelReplaced
            | Self::DeviceFailed => StatusCode::SERVICE_UNAVAILABLE,
            Self::TimedOut(_) | Self::TrendTimedOut(_) => StatusCode::GATEWAY_TIMEOUT,
            Self::NoTrend { status, .. } => *status,
        }
    }

    fn hint(&self) -> String {
        let hint = match self {
            Self::Malformed { example, .. } | Self::Unfit { example, .. } => example,
            Self::BrokenOff => "Send as many bytes as `content-length` says",
            Self::WrongContentType { expected } => {
                return format!("Send it with the header `content-type: {expected}`");
            }
            Self::NoTypeOfReviews => {
                "Send a file as it is with the header `content-type: text/csv`, or `application/octet-stream` whatever it is; reviews as JSON with `application/json`, JSON lines with `application/x-ndjson`"
            }
            Self::Packed => {
                "Send it as it is, without `content-encoding`; to /trend a packed file may go, with a content type such as `application/gzip`"
            }
            Self::TooLarge(limits) => {
                return format!(
                    "Send fewer texts at a time, start the service with a larger `{}`, or take `ressenti predict` or `ressenti trend` for a whole file",
                    limits.flag
                );
            }
            Self::TooManyTexts { .. } => {
                "Send them in several requests, or take `ressenti predict --input FILE` for a whole file"
            }
            Self::TooLate(_) | Self::TooSlow(_) => {
                "Send it faster, or start the service with a larger `--timeout`"
            }
            Self::Misdirected => {
                "Ask for it as `localhost` or `127.0.0.1`, or start the service with `--host NAME` for the name that it has"
            }
            Self::TimedOut(_) => {
                "Send fewer texts at a time, or start the service with a larger `--timeout`"
            }
            Self::TrendTimedOut(_) => {
                "Send fewer reviews, start the service with a larger `--trend-timeout`, or take `ressenti trend FILE`"
            }
            Self::NoModelForTrends(_) => {
                "Come again once they are mended, or restart the service with another model; meanwhile /predict answers as before"
            }
            Self::Busy { .. } | Self::BusyWithTrends | Self::ModelReplaced | Self::DeviceFailed => {
                "Come again after the seconds that `retry-after` says"
            }
            Self::ModelFailed(_) => {
                "Look at /healthz and at what the service printed; `ressenti doctor` examines the machine"
            }
            Self::NoSuchPath => "/openapi.json names all paths; / is a page for people",
            Self::WrongMethod => {
                "The header `allow` names the methods that it knows, and /openapi.json what they do"
            }
            Self::NoTrend { hint, .. } => hint,
        };
        hint.to_owned()
    }

    /// Seconds after which a refused client may try again.
    fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Busy { .. } => Some(1),
            Self::ModelReplaced => Some(2),
            Self::BusyWithTrends => Some(5),
            Self::NoModelForTrends(_) | Self::DeviceFailed => Some(30),
            _ => None,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.to_string(), "hint": self.hint() });
        let mut response = (self.status(), Json(body)).into_response();
        if let Some(seconds) = self.retry_after() {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
