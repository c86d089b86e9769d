//! What a client is told that cannot be answered: a status, what is wrong, and what to do.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::limits::Limits;

/// A request that is not answered with what it asked for. Its body is JSON: `error` and `hint`.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    body: ErrorBody,
}

#[derive(Clone, Debug, Serialize)]
struct ErrorBody {
    error: String,
    hint: String,
}

/// Seconds after which a client who was refused may come again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

impl ApiError {
    fn new(status: StatusCode, error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            status,
            body: ErrorBody {
                error: error.into(),
                hint: hint.into(),
            },
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
    pub(crate) fn too_large(limits: &Limits) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("The body is larger than {} bytes", limits.body),
            "Send fewer texts at a time, start the service with a larger `--max-body`, or take `ressenti predict --input FILE` for a whole file",
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

    /// 408: the client was late.
    pub(crate) fn too_slow(limits: &Limits) -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            format!("The body did not come within {:?}", limits.timeout),
            "Send it faster, or start the service with a larger `--timeout`",
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
    pub(crate) fn busy() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "More texts are waiting than the service takes",
            "Come again after the seconds that `retry-after` says",
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

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}
