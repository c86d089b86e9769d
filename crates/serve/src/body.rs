//! Reading the body of a request within a size and a time.
//!
//! This is code of our own because the limits of tower-http know no least rate, answer without a hint, and close the
//! connection of a client that is still sending instead of draining what it sends.

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

/// The body of a request, which its handler reads and [`Unread::drain`] brings to its end.
#[derive(Clone)]
struct SharedBody(Arc<Mutex<Body>>);

/// The whole body, if it has this content type, is no larger than allowed and comes in time.
///
/// # Errors
/// 400, 408, 413 or 415.
pub(crate) async fn read(
    request: Request,
    expected: &'static str,
    limits: &Limits,
) -> Result<Vec<u8>, ApiError> {
    if !is_of_type(request.headers(), expected) {
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The content type of the body is another than expected, or missing",
            format!("Send it with the header `content-type: {expected}`"),
        ));
    }
    check_is_plain(request.headers())?;
    let body_limits = BodyLimits::of(request.uri().path(), limits);
    match timeout(limits.timeout, receive(request, &body_limits)).await {
        Ok(body) => body,
        Err(_) => Err(late(format!("come within {:?}", limits.timeout))),
    }
}

/// The whole body, if it is no larger than allowed and goes on coming.
///
/// A body that is too large is read to its end and thrown away as it comes: many clients look for an
/// answer only after they have sent everything, and would find a closed connection instead of it.
///
/// # Errors
/// 400, 408 or 413.
pub(crate) async fn receive(request: Request, limits: &BodyLimits) -> Result<Vec<u8>, ApiError> {
    let headers = request.headers();
    if expects_continue(headers) && length(headers).is_some_and(|it| it > limits.bytes as u64) {
        return Err(limits.too_large());
    }
    let shared = request.extensions().get::<SharedBody>().cloned();
    let mut body = match &shared {
        Some(shared) => shared.0.lock().await,
        None => return Ok(Vec::new()),
    };
    let mut reader = BodyReader::of(&mut body, limits);
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

/// A body as it comes, within its time.
struct BodyReader<'a> {
    body: &'a mut Body,
    silence: Duration,
    begun: Instant,
    /// How many have come.
    bytes: usize,
}

impl<'a> BodyReader<'a> {
    fn of(body: &'a mut Body, limits: &BodyLimits) -> Self {
        Self {
            body,
            silence: limits.silence,
            begun: Instant::now(),
            bytes: 0,
        }
    }

    /// The next piece; nothing at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            let frame = poll_fn(|context| Pin::new(&mut *self.body).poll_frame(context));
            // A client that sends a byte now and then is never silent, but too slow.
            let earned = Duration::from_secs(self.bytes as u64 / MIN_RATE);
            let end = (self.begun + self.silence + earned).min(Instant::now() + self.silence);
            let Ok(frame) = timeout_at(end, frame).await else {
                return Err(late(format!(
                    "go on for {:?}, or came with less than {} bytes a second after as long",
                    self.silence,
                    count(MIN_RATE)
                )));
            };
            let Some(frame) = frame else {
                return Ok(None);
            };
            // Trailers are no data.
            if let Ok(data) = frame.map_err(|_| broken_off())?.into_data() {
                self.bytes += data.len();
                return Ok(Some(data));
            }
        }
    }
}

/// What a refused request has left unread of its body.
pub(crate) struct Unread(SharedBody);

/// Lets the handler of a request read its body through [`receive`], and returns what it leaves unread; nothing where
/// there is no body, or where the client sends it only when it is asked for.
pub(crate) fn share(request: &mut Request) -> Option<Unread> {
    let is_sent = !request.body().is_end_stream() && !expects_continue(request.headers());
    let body = std::mem::take(request.body_mut());
    let shared = SharedBody(Arc::new(Mutex::new(body)));
    request.extensions_mut().insert(shared.clone());
    is_sent.then_some(Unread(shared))
}

impl Unread {
    /// Reads and discards it, within the limits: a client that looks for an answer only after it has sent everything
    /// would find a closed connection instead of it.
    pub(crate) async fn drain(self, limits: &BodyLimits) {
        let drained = async {
            let mut body = self.0.0.lock().await;
            let mut reader = BodyReader::of(&mut body, limits);
            while let Ok(Some(_)) = reader.next().await {
                if reader.bytes > limits.bytes {
                    return;
                }
            }
        };
        let _ = timeout(limits.whole, drained).await;
    }
}

/// Parameters such as `; charset=utf-8` are let pass.
pub(crate) fn is_of_type(headers: &HeaderMap, expected: &str) -> bool {
    let found = headers.get(header::CONTENT_TYPE);
    let found = found.and_then(|value| value.to_str().ok()).unwrap_or("");
    let kind = found.split(';').next().unwrap_or("").trim();
    kind.eq_ignore_ascii_case(expected)
}

/// Nothing is unpacked but files of reviews, whose content says how they are packed.
///
/// # Errors
/// 415 where the header says that it is packed.
pub(crate) fn check_is_plain(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut packings = headers.get_all(header::CONTENT_ENCODING).iter();
    match packings.any(|packing| !packing.as_bytes().eq_ignore_ascii_case(b"identity")) {
        true => Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The body is packed, as its header `content-encoding` says, and JSON is not unpacked",
            "Send it as it is, without `content-encoding`; to /trend a packed file may go, with a content type such as `application/gzip`",
        )),
        false => Ok(()),
    }
}

/// A body that did not do this in time.
fn late(what: String) -> ApiError {
    ApiError::new(
        StatusCode::REQUEST_TIMEOUT,
        format!("The body did not {what}"),
        "Send it faster, or start the service with a larger `--timeout`",
    )
}

fn broken_off() -> ApiError {
    ApiError::new(
        StatusCode::BAD_REQUEST,
        "The body ended before its announced length, or its framing is wrong",
        "Send as many bytes as `content-length` says",
    )
}

fn length(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// Whether the client sends its body only once it is told to continue.
fn expects_continue(headers: &HeaderMap) -> bool {
    let expect = headers.get(header::EXPECT);
    expect.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}
