//! How much of everything a request, and all of them together, may take.

use std::time::Duration;

use axum::http::StatusCode;
use clap::{Args, Parser};

use crate::error::ApiError;

/// The limits of a service, as its command line sets them.
#[derive(Args, Clone, Copy, Debug)]
pub struct Limits {
    /// Largest body of a request, in bytes
    #[arg(long = "max-body", value_name = "BYTES", default_value_t = 1 << 20, value_parser = positive)]
    pub body: usize,

    /// Most texts of one request
    #[arg(long = "max-texts", value_name = "TEXTS", default_value_t = 256, value_parser = positive)]
    pub texts: usize,

    /// Most texts computed together
    #[arg(long, value_name = "TEXTS", default_value_t = 64, value_parser = positive)]
    pub batch: usize,

    /// Most texts that wait; a request beyond that is told to come again. Texts to be explained wait in a queue of
    /// their own, of 32 at most
    #[arg(long, value_name = "TEXTS", default_value_t = 1024, value_parser = positive)]
    pub queue: usize,

    /// Most connections at a time
    #[arg(long = "max-connections", value_name = "CONNECTIONS", default_value_t = 512, value_parser = positive)]
    pub connections: usize,

    /// Seconds that a request may take: its head, its body, its answer; and an idle connection, and one whose client
    /// does not read. A body for /trend may take longer, with a pause of no more than that, and 10,000 bytes a second
    /// on average after it
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub timeout: Duration,

    /// Largest body of a request for a trend, in bytes
    #[arg(long = "max-trend-body", value_name = "BYTES", default_value_t = 32 << 20, value_parser = positive)]
    pub trend_body: usize,

    /// Most reviews of a trend
    #[arg(long = "max-reviews", value_name = "REVIEWS", default_value_t = 100_000, value_parser = positive)]
    pub reviews: usize,

    /// Most trends that wait, the one that is made counted; a request beyond that is told to come again
    #[arg(long = "trend-queue", value_name = "TRENDS", default_value_t = 4, value_parser = positive)]
    pub trends: usize,

    /// Seconds that a trend may take, waiting included
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = seconds)]
    pub trend_timeout: Duration,

    /// Seconds that requests under way are given when the service is stopped
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub grace: Duration,
}

impl Default for Limits {
    /// What an empty command line says.
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
    /// Most texts of one request: it must fit into the queue.
    pub(crate) fn most_texts(&self) -> usize {
        self.texts.min(self.queue)
    }
}

fn positive(text: &str) -> Result<usize, String> {
    // Beyond that it is no limit, and tokio's semaphores refuse it.
    let number = text.parse::<usize>().ok();
    number
        .filter(|number| (1..=1 << 30).contains(number))
        .ok_or_else(|| "a whole number from 1 to 1073741824".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.parse::<f64>().ok();
    number
        .filter(|number| (0.05..=86_400.0).contains(number))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "seconds from 0.05 to 86400".to_owned())
}

/// Most texts of one request that are explained: of a net an explanation costs as much as dozens
/// of answers.
pub(crate) const EXPLAINED: usize = 8;

/// Most texts that wait to be explained or are being, where `--queue` allows as many.
pub(crate) const EXPLANATIONS: usize = 32;

/// The path whose requests are larger than others, and take longer.
pub(crate) const TREND: &str = "/trend";

/// Bytes a second that a body must come with on average, once the time is over in which nothing needs to come.
pub(crate) const MIN_RATE: u64 = 10_000;

/// What may come of the body of a request for some path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyLimits {
    /// Most bytes.
    pub(crate) bytes: usize,
    /// The option that sets `bytes`.
    pub(crate) flag: &'static str,
    /// How long nothing may come; and from when on it must come as fast as [`MIN_RATE`] says.
    pub(crate) silence: Duration,
    /// How long the request may take altogether.
    pub(crate) whole: Duration,
}

impl BodyLimits {
    /// A body has more bytes.
    pub(crate) fn too_large(&self) -> ApiError {
        ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("The body is larger than {} bytes", self.bytes),
            format!(
                "Send fewer texts at a time, start the service with a larger `{}`, or take `ressenti predict` or `ressenti trend` for a whole file",
                self.flag
            ),
        )
    }

    /// For a path.
    pub(crate) fn of(path: &str, limits: &Limits) -> Self {
        let (bytes, flag, whole) = match path {
            TREND => (limits.trend_body, "--max-trend-body", limits.trend_timeout),
            _ => (limits.body, "--max-body", limits.timeout),
        };
        Self {
            bytes,
            flag,
            silence: limits.timeout,
            whole,
        }
    }
}
