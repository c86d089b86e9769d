//! How much of everything a request, and all of them together, may take.

use std::time::Duration;

/// The limits of a service.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Largest body of a request, in bytes; more is answered 413.
    pub body: usize,
    /// Most texts of one request; more are answered 413.
    pub texts: usize,
    /// Most texts that the model is asked about together.
    pub batch: usize,
    /// Most texts that wait or are computed; a request beyond that is answered 503.
    pub queue: usize,
    /// Most connections; one beyond that is answered 503 and closed.
    pub connections: usize,
    /// How long a request's head, its body, and its answer may each take: 408 for what the client
    /// is late with, 504 for what the model is; and how long an answer may wait to be read. A body for a trend may
    /// take longer, if it keeps coming.
    pub timeout: Duration,
    /// Largest body of a request for a trend, in bytes; more is answered 413.
    pub trend_body: usize,
    /// Most reviews of a trend; more are answered 413.
    pub reviews: usize,
    /// Most trends that wait or are made, one at a time; a request beyond that is answered 503.
    pub trends: usize,
    /// How long a trend may take, from the head of its request on: 504.
    pub trend_timeout: Duration,
    /// How long requests under way are given when the service is stopped.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 1 << 20,
            texts: 256,
            batch: 64,
            queue: 1024,
            connections: 512,
            timeout: Duration::from_secs(10),
            trend_body: 32 << 20,
            reviews: 100_000,
            trends: 4,
            trend_timeout: Duration::from_secs(120),
            grace: Duration::from_secs(10),
        }
    }
}

/// Most texts of one request that are explained: of a net an explanation costs as much as dozens
/// of answers.
pub(crate) const EXPLAINED: usize = 8;

/// Most texts that wait to be explained or are being, where `--queue` allows as many.
pub(crate) const EXPLANATIONS: usize = 32;

/// The path whose requests are larger than others, and take longer.
pub(crate) const TREND: &str = "/trend";

/// Bytes a second that a body must come with on average, once the time is over in which nothing needs to come.
pub(crate) const LEAST_RATE: u64 = 10_000;

/// What may come of a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Most bytes.
    pub(crate) bytes: usize,
    /// The option that says so.
    pub(crate) flag: &'static str,
    /// How long nothing may come; and from when on it must come as fast as [`LEAST_RATE`] says.
    pub(crate) silence: Duration,
}

impl Bounds {
    /// For a path.
    pub(crate) fn of(path: &str, limits: &Limits) -> Self {
        let (bytes, flag) = match path {
            TREND => (limits.trend_body, "--max-trend-body"),
            _ => (limits.body, "--max-body"),
        };
        Self {
            bytes,
            flag,
            silence: limits.timeout,
        }
    }
}
