//! Reading the body of a request within a size and a time.

use std::future::poll_fn;
use std::pin::Pin;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use tokio::time::timeout;

use crate::error::ApiError;
use crate::limits::Limits;

/// The whole body, if it has this content type, is no larger than allowed and comes in time.
///
/// A body that is too large is read to its end and thrown away as it comes: many clients look for an
/// answer only after they have sent everything, and would find a closed connection instead of it.
///
/// # Errors
/// 400, 408, 413 or 415.
pub(crate) async fn read(
    request: Request,
    content_type: &str,
    limits: &Limits,
) -> Result<Vec<u8>, ApiError> {
    let headers = request.headers();
    if !is_of_type(headers, content_type) {
        return Err(ApiError::wrong_content_type(content_type));
    }
    if waits_for_leave(headers) && length(headers).is_some_and(|length| length > limits.body as u64)
    {
        return Err(ApiError::too_large(limits));
    }
    match timeout(limits.timeout, collect(request.into_body(), limits)).await {
        Ok(body) => body,
        Err(_) => Err(ApiError::too_slow(limits)),
    }
}

async fn collect(mut body: Body, limits: &Limits) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    let mut is_too_large = false;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|_| ApiError::broken_off())?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        is_too_large |= bytes.len() + data.len() > limits.body;
        if is_too_large {
            bytes = Vec::new();
        } else {
            bytes.extend_from_slice(data);
        }
    }
    match is_too_large {
        true => Err(ApiError::too_large(limits)),
        false => Ok(bytes),
    }
}

/// Parameters such as `; charset=utf-8` are let pass.
fn is_of_type(headers: &HeaderMap, expected: &str) -> bool {
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
