//! Limits on the size, the number and the duration of requests.

use std::time::Duration;

use axum::http::StatusCode;
use clap::{Args, Parser};

use crate::error::ApiError;

/// The limits of a service, set by its command line.
#[derive(Args, Clone, Copy, Debug)]
pub struct Limits {
    /// Maximum size of a request body in bytes
    #[arg(long = "max-body", value_name = "BYTES", default_value_t = 1 << 20, value_parser = positive)]
    pub body: usize,

    /// Maximum number of texts in a request
    #[arg(long = "max-texts", value_name = "TEXTS", default_value_t = 256, value_parser = positive)]
    pub texts: usize,

    /// Maximum number of texts in a batch of the model
    #[arg(long, value_name = "TEXTS", default_value_t = 64, value_parser = positive)]
    pub batch: usize,

    /// Maximum number of queued texts; requests beyond it get status 503. Texts to explain have a separate queue
    /// of at most 32
    #[arg(long, value_name = "TEXTS", default_value_t = 1024, value_parser = positive)]
    pub queue: usize,

    /// Maximum number of open connections
    #[arg(long = "max-connections", value_name = "CONNECTIONS", default_value_t = 512, value_parser = positive)]
    pub connections: usize,

    /// Time limit in seconds for each of: receiving the request head, receiving the body, computing the answer, an
    /// idle connection, a client that does not read. A body for /trend may take longer if no pause exceeds the
    /// limit and, after it, the average rate is at least 10,000 bytes per second
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub timeout: Duration,

    /// Maximum size of a request body for /trend in bytes
    #[arg(long = "max-trend-body", value_name = "BYTES", default_value_t = 32 << 20, value_parser = positive)]
    pub trend_body: usize,

    /// Maximum number of reviews in a trend
    #[arg(long = "max-reviews", value_name = "REVIEWS", default_value_t = 100_000, value_parser = positive)]
    pub reviews: usize,

    /// Maximum number of queued trends, including the running one; requests beyond it get status 503
    #[arg(long = "trend-queue", value_name = "TRENDS", default_value_t = 4, value_parser = positive)]
    pub trends: usize,

    /// Time limit in seconds for a trend, including its time in the queue
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = seconds)]
    pub trend_timeout: Duration,

    /// Seconds that requests in progress may still take when the service is stopped
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub grace: Duration,
}

impl Default for Limits {
    /// The values of an empty command line.
    fn default() -> Self {
        #[derive(Parser)]
        struct Empty {
            #[command(flatten)]
            limits: Limits,
        }
        Empty::parse_from([""]).limits
    }
}

impl Limits {
    /// Maximum number of texts in a request: a request must fit into the queue.
    pub(crate) fn max_texts(&self) -> usize {
        self.texts.min(self.queue)
    }
}

fn positive(text: &str) -> Result<usize, String> {
    // tokio's semaphores do not accept much larger numbers.
    let number = text.parse::<usize>().ok();
    let number = number.filter(|number| (1..=1 << 30).contains(number));
    number.ok_or_else(|| "a whole number from 1 to 1073741824".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.parse::<f64>().ok();
    number
        .filter(|number| (0.05..=86_400.0).contains(number))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "seconds from 0.05 to 86400".to_owned())
}

/// Maximum number of texts in a request with `explain`: for a network, an explanation takes as long as dozens of
/// predictions.
pub(crate) const MAX_EXPLAINED_TEXTS: usize = 8;

/// Maximum number of texts in the queue for explanations, including those in progress; `--queue` can lower it.
pub(crate) const MAX_QUEUED_EXPLANATIONS: usize = 32;

/// The path with larger and slower requests than the others.
pub(crate) const TREND: &str = "/trend";

/// Minimum average rate of a body in bytes per second, after the first [`BodyLimits::max_pause`].
pub(crate) const MIN_RATE: u64 = 10_000;

/// Limits for the body of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyLimits {
    /// Maximum size.
    pub(crate) bytes: usize,
    /// The flag that sets `bytes`.
    pub(crate) flag: &'static str,
    /// Maximum time without new bytes; after this time [`MIN_RATE`] applies.
    pub(crate) max_pause: Duration,
    /// Maximum time for the whole request.
    pub(crate) total: Duration,
}

impl BodyLimits {
    /// The error for a larger body.
    pub(crate) fn too_large(&self) -> ApiError {
        let (bytes, flag) = (self.bytes, self.flag);
        let error = format!("The body is larger than {bytes} bytes");
        let hint = format!(
            "Send fewer texts per request, start the service with a larger `{flag}`, or use `ressenti predict` or `ressenti trend` for a whole file"
        );
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, error, hint)
    }

    /// The limits for a path.
    pub(crate) fn for_path(path: &str, limits: &Limits) -> Self {
        let (bytes, flag, total) = match path {
            TREND => (limits.trend_body, "--max-trend-body", limits.trend_timeout),
            _ => (limits.body, "--max-body", limits.timeout),
        };
        Self {
            bytes,
            flag,
            max_pause: limits.timeout,
            total,
        }
    }
}
