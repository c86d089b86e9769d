//! What a client is told that cannot be answered: a status, what is wrong, and what to do.

use artifact::format;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::time::Duration;

use crate::limits::{Bounds, LEAST_RATE, Limits};

/// A request that is not answered with what it asked for. Its body is JSON: `error` and `hint`.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    body: ErrorBody,
    /// Seconds after which a client who was refused may come again.
    retry_after: Option<u32>,
}

#[derive(Clone, Debug, Serialize)]
struct ErrorBody {
    error: String,
    hint: String,
}

impl ApiError {
    pub(crate) fn new(
        status: StatusCode,
        error: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            status,
            body: ErrorBody {
                error: error.into(),
                hint: hint.into(),
            },
            retry_after: None,
        }
    }

    /// 503, and when to come again.
    fn busy_for(seconds: u32, error: &str) -> Self {
        let hint = "Come again after the seconds that `retry-after` says";
        Self {
            retry_after: Some(seconds),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, error, hint)
        }
    }

    /// 400: no JSON.
    pub(crate) fn malformed(problem: &str) -> Self {
        let error = format!("The body is no JSON: {problem}");
        Self::new(StatusCode::BAD_REQUEST, error, EXAMPLE)
    }

    /// 422: JSON that does not say what is needed.
    pub(crate) fn unfit(problem: &str) -> Self {
        let error = format!("The request does not fit: {problem}");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, error, EXAMPLE)
    }

    /// 400: the connection broke off within the body.
    pub(crate) fn broken_off() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "The body ended before its announced length, or its framing is wrong",
            "Send as many bytes as `content-length` says",
        )
    }

    /// 415.
    pub(crate) fn wrong_content_type(expected: &str) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The content type of the body is another than expected, or missing",
            format!("Send it with the header `content-type: {expected}`"),
        )
    }

    /// 413: too many bytes.
    pub(crate) fn too_large(bounds: &Bounds) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("The body is larger than {} bytes", bounds.bytes),
            format!(
                "Send fewer texts at a time, start the service with a larger `{}`, or take `ressenti predict` or `ressenti trend` for a whole file",
                bounds.flag
            ),
        )
    }

    /// 413: too many texts.
    pub(crate) fn too_many_texts(found: usize, most: usize, what: &str) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("{found} texts are more than the {most} that one request may {what}"),
            "Send them in several requests, or take `ressenti predict --input FILE` for a whole file",
        )
    }

    /// 415: packed JSON.
    pub(crate) fn packed() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The body is packed, as its header `content-encoding` says, and JSON is not unpacked",
            "Send it as it is, without `content-encoding`; to /trend a packed file may go, with a content type such as `application/gzip`",
        )
    }

    /// 408: the client was late.
    pub(crate) fn too_late(time: Duration) -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            format!("The body did not come within {time:?}"),
            "Send it faster, or start the service with a larger `--timeout`",
        )
    }

    /// 408: the client was late with a part.
    pub(crate) fn too_slow(silence: Duration) -> Self {
        let rate = format::count(LEAST_RATE);
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            format!(
                "The body did not go on for {silence:?}, or came with less than {rate} bytes a second after as long"
            ),
            "Send it faster, or start the service with a larger `--timeout`",
        )
    }

    /// 421: meant for somebody else.
    pub(crate) fn misdirected() -> Self {
        Self::new(
            StatusCode::MISDIRECTED_REQUEST,
            "The header `host` names another than this service, as a page of another site would",
            "Ask for it as `localhost` or `127.0.0.1`, or start the service with `--host NAME` for the name that it has",
        )
    }

    /// 504: the model was late.
    pub(crate) fn timed_out(limits: &Limits) -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            format!("The model came to no answer within {:?}", limits.timeout),
            "Send fewer texts at a time, or start the service with a larger `--timeout`",
        )
    }

    /// 503: the queue is full.
    pub(crate) fn busy(capacity: usize, explain: bool) -> Self {
        let what = if explain {
            "texts are waiting to be explained"
        } else {
            "texts are waiting"
        };
        let most = format::count(capacity as u64);
        Self::busy_for(
            1,
            &format!("More {what} than the service takes, which is {most}"),
        )
    }

    /// 503: as many trends wait as may.
    pub(crate) fn busy_with_trends() -> Self {
        Self::busy_for(5, "More trends are waiting than the service takes")
    }

    /// 503: there is a model that answers, but no copy of it can be made for trends.
    pub(crate) fn no_model_for_trends(problem: &str) -> Self {
        Self {
            retry_after: Some(30),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("The model's files have changed and cannot be read for a trend: {problem}"),
                "Come again once they are mended, or restart the service with another model; meanwhile /predict answers as before",
            )
        }
    }

    /// 503: a new process has to take over.
    pub(crate) fn device_failed() -> Self {
        Self::busy_for(30, "The device failed, and the service is stopping")
    }

    /// 503: the model became another one just now.
    pub(crate) fn model_replaced() -> Self {
        Self::busy_for(2, "The model is being replaced")
    }

    /// 504: the trend was late.
    pub(crate) fn trend_timed_out(limits: &Limits) -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            format!("There was no trend within {:?}", limits.trend_timeout),
            "Send fewer reviews, start the service with a larger `--trend-timeout`, or take `ressenti trend FILE`",
        )
    }

    /// 400: no JSON, where reviews are sent as JSON.
    pub(crate) fn malformed_trend(problem: &str) -> Self {
        let error = format!("The body is no JSON: {problem}");
        Self::new(StatusCode::BAD_REQUEST, error, TREND_EXAMPLE)
    }

    /// 422: wishes that make no sense.
    pub(crate) fn unfit_trend(problem: &str) -> Self {
        let error = format!("The request does not fit: {problem}");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, error, TREND_EXAMPLE)
    }

    /// 415: no content type, or one that no file of reviews has.
    pub(crate) fn no_type_of_reviews() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The content type of the body is none that reviews come in, or missing",
            "Send a file as it is with the header `content-type: text/csv`, or `application/octet-stream` whatever it is; reviews as JSON with `application/json`, JSON lines with `application/x-ndjson`",
        )
    }

    /// 500.
    pub(crate) fn model_failed(problem: &str) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("The model cannot be asked: {problem}"),
            "Look at /healthz and at what the service printed; `ressenti doctor` examines the machine",
        )
    }

    /// 404.
    pub(crate) fn no_such_path() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "There is nothing at this path",
            "/openapi.json names all paths; / is a page for people",
        )
    }

    /// 405.
    pub(crate) fn wrong_method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "This path does not know that method",
            "The header `allow` names the methods that it knows, and /openapi.json what they do",
        )
    }
}

/// What most who meet an error want to see.
const EXAMPLE: &str = r#"Send {"text": "Not bad at all."} or {"texts": ["One.", "Another."]}, and if you like "explain": true and "abstain": 0.9"#;

/// The same for trends.
const TREND_EXAMPLE: &str = r#"Send a file of reviews with times as it is, with wishes in the address such as `?period=month&adapt=300`, or {"reviews": [{"text": "Great.", "time": "2024-05-01", "topic": "Heat"}], "period": "month"}; /openapi.json has all of them"#;

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        if let Some(seconds) = self.retry_after {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
