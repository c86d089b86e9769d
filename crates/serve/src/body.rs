//! Reading the body of a request within a size and a time.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use tokio::time::timeout;

use crate::error::ApiError;
use crate::limits::Limits;

/// What may come of a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Most bytes.
    pub(crate) bytes: usize,
    /// The option that says so.
    pub(crate) flag: &'static str,
    /// How long nothing may come.
    pub(crate) silence: Duration,
}

/// The whole body, if it has this content type, is no larger than allowed and comes in time.
///
/// # Errors
/// 400, 408, 413 or 415.
pub(crate) async fn read(
    request: Request,
    content_type: &str,
    limits: &Limits,
) -> Result<Vec<u8>, ApiError> {
    if !is_of_type(request.headers(), content_type) {
        return Err(ApiError::wrong_content_type(content_type));
    }
    let bounds = Bounds {
        bytes: limits.body,
        flag: "--max-body",
        silence: limits.timeout,
    };
    match timeout(limits.timeout, receive(request, &bounds)).await {
        Ok(body) => body,
        Err(_) => Err(ApiError::too_slow(limits.timeout)),
    }
}

/// The whole body, if it is no larger than allowed and goes on coming.
///
/// A body that is too large is read to its end and thrown away as it comes: many clients look for an
/// answer only after they have sent everything, and would find a closed connection instead of it.
///
/// # Errors
/// 400, 408 or 413.
pub(crate) async fn receive(request: Request, bounds: &Bounds) -> Result<Vec<u8>, ApiError> {
    let headers = request.headers();
    if waits_for_leave(headers) && length(headers).is_some_and(|it| it > bounds.bytes as u64) {
        return Err(ApiError::too_large(bounds));
    }
    let mut body = request.into_body();
    let mut bytes = Vec::new();
    let mut is_too_large = false;
    while let Some(data) = next(&mut body, bounds).await? {
        is_too_large |= bytes.len() + data.len() > bounds.bytes;
        if is_too_large {
            bytes = Vec::new();
        } else {
            bytes.extend_from_slice(&data);
        }
    }
    match is_too_large {
        true => Err(ApiError::too_large(bounds)),
        false => Ok(bytes),
    }
}

/// Lets a body come to its end that nobody wants, for the same reason; one that is told to wait is not sent.
pub(crate) async fn discard(request: Request, bounds: &Bounds) {
    if waits_for_leave(request.headers()) {
        return;
    }
    let mut body = request.into_body();
    let mut come = 0;
    while let Ok(Some(data)) = next(&mut body, bounds).await {
        come += data.len();
        if come > bounds.bytes {
            return;
        }
    }
}

/// The next piece; nothing at the end.
async fn next(body: &mut Body, bounds: &Bounds) -> Result<Option<Bytes>, ApiError> {
    loop {
        let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context));
        let Ok(frame) = timeout(bounds.silence, frame).await else {
            return Err(ApiError::too_slow(bounds.silence));
        };
        let Some(frame) = frame else {
            return Ok(None);
        };
        // Trailers are no data.
        if let Ok(data) = frame.map_err(|_| ApiError::broken_off())?.into_data() {
            return Ok(Some(data));
        }
    }
}

/// Parameters such as `; charset=utf-8` are let pass.
pub(crate) fn is_of_type(headers: &HeaderMap, expected: &str) -> bool {
    let found = headers.get(header::CONTENT_TYPE);
    let found = found.and_then(|value| value.to_str().ok()).unwrap_or("");
    let kind = found.split(';').next().unwrap_or("").trim();
    kind.eq_ignore_ascii_case(expected)
}

fn length(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// The client sends its body only once it is told to go on.
fn waits_for_leave(headers: &HeaderMap) -> bool {
    let expect = headers.get(header::EXPECT);
    expect.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}
