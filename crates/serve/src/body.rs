//! Reads request bodies with a limit on size, time and rate.
//!
//! The limits of tower-http are not sufficient: they have no minimum rate, they answer without a hint, and they close
//! the connection of a client that is still sending instead of reading the rest.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use artifact::format::count;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout, timeout_at};

use crate::error::ApiError;
use crate::limits::{BodyLimits, Limits, MIN_RATE};

pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const JSON: &str = "application/json";

/// The body of a request: read by its handler, and to its end by [`UnreadBody::drain`].
#[derive(Clone)]
struct SharedBody(Arc<Mutex<Body>>);

/// Reads the whole body of a request with this content type, within the limits on size and time.
///
/// # Errors
/// Status 400, 408, 413 or 415.
pub(crate) async fn read_json(request: Request, limits: &Limits) -> Result<Vec<u8>, ApiError> {
    if !is_of_type(request.headers(), JSON) {
        let error = format!("The header `content-type` is missing or not `{JSON}`");
        let hint = format!("Send the header `content-type: {JSON}`");
        return Err(ApiError::unsupported(error, hint));
    }
    reject_encoded(request.headers())?;
    let body_limits = BodyLimits::for_path(request.uri().path(), limits);
    let limit = limits.timeout;
    let body = timeout(limit, receive(request, &body_limits)).await;
    body.map_err(|_| too_slow(format!("The body did not arrive within {limit:?}")))?
}

/// Reads the whole body within the limits on size and rate.
///
/// A body that is too large is read to its end and discarded: many clients read the answer only after they have sent
/// everything, and would find a closed connection.
///
/// # Errors
/// Status 400, 408 or 413.
pub(crate) async fn receive(request: Request, limits: &BodyLimits) -> Result<Vec<u8>, ApiError> {
    let headers = request.headers();
    let length = announced_length(headers).unwrap_or(0);
    if expects_continue(headers) && length > limits.bytes as u64 {
        return Err(limits.too_large());
    }
    let Some(SharedBody(shared)) = request.extensions().get().cloned() else {
        return Ok(Vec::new());
    };
    let mut body = shared.lock().await;
    let mut reader = BodyReader::new(&mut body, limits);
    let mut bytes = Vec::new();
    while let Some(data) = reader.next().await? {
        if reader.bytes > limits.bytes {
            bytes = Vec::new();
        } else {
            bytes.extend_from_slice(&data);
        }
    }
    match reader.bytes > limits.bytes {
        true => Err(limits.too_large()),
        false => Ok(bytes),
    }
}

/// Reads a body piece by piece and enforces [`BodyLimits::max_pause`] and [`MIN_RATE`].
struct BodyReader<'a> {
    body: &'a mut Body,
    max_pause: Duration,
    started: Instant,
    /// Bytes read so far.
    bytes: usize,
}

impl<'a> BodyReader<'a> {
    fn new(body: &'a mut Body, limits: &BodyLimits) -> Self {
        Self {
            body,
            max_pause: limits.max_pause,
            started: Instant::now(),
            bytes: 0,
        }
    }

    /// The next piece; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            let frame = poll_fn(|context| Pin::new(&mut *self.body).poll_frame(context));
            // Without a minimum rate, a client could send single bytes for ever.
            let earned = Duration::from_secs(self.bytes as u64 / MIN_RATE);
            let end = (self.started + self.max_pause + earned).min(Instant::now() + self.max_pause);
            let Ok(frame) = timeout_at(end, frame).await else {
                return Err(too_slow(format!(
                    "No part of the body arrived for {0:?}, or fewer than {1} bytes per second arrived after the first {0:?}",
                    self.max_pause,
                    count(MIN_RATE)
                )));
            };
            let Some(frame) = frame else {
                return Ok(None);
            };
            // Trailers contain no data.
            if let Ok(data) = frame.map_err(|_| incomplete())?.into_data() {
                self.bytes += data.len();
                return Ok(Some(data));
            }
        }
    }
}

/// The part of a body that the handler of a rejected request did not read.
pub(crate) struct UnreadBody(SharedBody);

/// Lets the handler of a request read its body with [`receive`], and returns the part that it leaves unread. `None` if
/// there is no body, or if the client sends it only after `100 Continue`.
pub(crate) fn share(request: &mut Request) -> Option<UnreadBody> {
    let is_sent = !request.body().is_end_stream() && !expects_continue(request.headers());
    let body = std::mem::take(request.body_mut());
    let shared = SharedBody(Arc::new(Mutex::new(body)));
    request.extensions_mut().insert(shared.clone());
    is_sent.then_some(UnreadBody(shared))
}

impl UnreadBody {
    /// Reads and discards the rest within the limits: many clients read the answer only after they have sent
    /// everything, and would find a closed connection.
    pub(crate) async fn drain(self, limits: &BodyLimits) {
        let drained = async {
            let mut body = self.0.0.lock().await;
            let mut reader = BodyReader::new(&mut body, limits);
            while let Ok(Some(_)) = reader.next().await {
                if reader.bytes > limits.bytes {
                    return;
                }
            }
        };
        let _ = timeout(limits.total, drained).await;
    }
}

/// Whether the body has this content type; parameters such as `; charset=utf-8` are ignored.
pub(crate) fn is_of_type(headers: &HeaderMap, expected: &str) -> bool {
    let found = headers.get(header::CONTENT_TYPE);
    let found = found.and_then(|value| value.to_str().ok()).unwrap_or("");
    let media_type = found.split(';').next().unwrap_or("").trim();
    media_type.eq_ignore_ascii_case(expected)
}

/// Rejects a body with a `content-encoding`. Only files of reviews may be compressed; their content shows how.
///
/// # Errors
/// Status 415.
pub(crate) fn reject_encoded(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    if encodings.all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Ok(());
    }
    let error = "The body has a `content-encoding`, but JSON must not be compressed";
    let hint = "Send the JSON without `content-encoding`; /trend accepts compressed files, with a content type such as `application/gzip`";
    Err(ApiError::unsupported(error, hint))
}

fn too_slow(error: String) -> ApiError {
    let hint = "Send the body faster, or start the service with a larger `--timeout`";
    ApiError::new(StatusCode::REQUEST_TIMEOUT, error, hint)
}

fn incomplete() -> ApiError {
    let error = "The body is shorter than its announced length, or its chunks are invalid";
    let hint = "Send as many bytes as the header `content-length` announces";
    ApiError::new(StatusCode::BAD_REQUEST, error, hint)
}

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// Whether the client sends its body only after `100 Continue`.
fn expects_continue(headers: &HeaderMap) -> bool {
    let expect = headers.get(header::EXPECT);
    expect.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}
