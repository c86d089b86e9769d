//! Reading the body of a request within a size and a time.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, timeout, timeout_at};

use crate::error::ApiError;
use crate::limits::{Bounds, LEAST_RATE, Limits};

pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const JSON: &str = "application/json";

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
    check_is_plain(request.headers())?;
    let bounds = Bounds::of(request.uri().path(), limits);
    match timeout(limits.timeout, receive(request, &bounds)).await {
        Ok(body) => body,
        Err(_) => Err(ApiError::too_late(limits.timeout)),
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
    let mut coming = Coming::of(request.into_body(), bounds);
    let mut bytes = Vec::new();
    let mut is_too_large = false;
    while let Some(data) = coming.next().await? {
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

/// A body as it comes, within its time.
struct Coming<'a> {
    body: Body,
    bounds: &'a Bounds,
    begun: Instant,
    bytes: u64,
}

impl<'a> Coming<'a> {
    fn of(body: Body, bounds: &'a Bounds) -> Self {
        Self {
            body,
            bounds,
            begun: Instant::now(),
            bytes: 0,
        }
    }

    /// The next piece; nothing at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            let body = &mut self.body;
            let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context));
            // Who sends a byte now and then is never silent.
            let earned = Duration::from_secs(self.bytes / LEAST_RATE);
            let end = (self.begun + self.bounds.silence + earned)
                .min(Instant::now() + self.bounds.silence);
            let Ok(frame) = timeout_at(end, frame).await else {
                return Err(ApiError::too_slow(self.bounds.silence));
            };
            let Some(frame) = frame else {
                return Ok(None);
            };
            // Trailers are no data.
            if let Ok(data) = frame.map_err(|_| ApiError::broken_off())?.into_data() {
                self.bytes += data.len() as u64;
                return Ok(Some(data));
            }
        }
    }
}

/// A body that comes back when whoever was given it has enough of it.
struct Lent {
    body: Option<Body>,
    owner: Rest,
}

/// What came back of a body that was lent; nothing where all of it was read.
type Rest = Arc<Mutex<Option<Body>>>;

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let frame = Pin::new(body).poll_frame(context);
        if let Poll::Ready(None | Some(Err(_))) = frame {
            self.body = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        *self.owner.lock().unwrap_or_else(PoisonError::into_inner) = self.body.take();
    }
}

/// A request like this one, and where what it leaves of its body will be; nothing where there is none, or where
/// it is not sent before somebody asks for it.
pub(crate) fn lend(request: Request) -> (Request, Option<Leftover>) {
    if request.body().is_end_stream() || waits_for_leave(request.headers()) {
        return (request, None);
    }
    let (parts, body) = request.into_parts();
    let owner = Rest::default();
    let body = Some(body);
    let lent = Lent {
        body,
        owner: Arc::clone(&owner),
    };
    let request = Request::from_parts(parts, Body::new(lent));
    (request, Some(Leftover(owner)))
}

/// What a refused request leaves of its body.
pub(crate) struct Leftover(Rest);

impl Leftover {
    /// Lets it come to its end, as far as it may be that long: whoever looks for an answer only after everything is
    /// sent would find a closed connection instead of it.
    pub(crate) async fn discard(self, bounds: &Bounds) {
        let rest = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(body) = rest else {
            return;
        };
        let mut coming = Coming::of(body, bounds);
        while let Ok(Some(_)) = coming.next().await {
            if coming.bytes > bounds.bytes as u64 {
                return;
            }
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

/// Nothing is unpacked but files of reviews, whose content says how they are packed.
///
/// # Errors
/// 415 where the header says that it is packed.
pub(crate) fn check_is_plain(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut packings = headers.get_all(header::CONTENT_ENCODING).iter();
    match packings.any(|packing| !packing.as_bytes().eq_ignore_ascii_case(b"identity")) {
        true => Err(ApiError::packed()),
        false => Ok(()),
    }
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
