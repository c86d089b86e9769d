//! What all requests share.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::hosts::Hosts;
use crate::limits::Limits;
use crate::telemetry::Telemetry;
use crate::trends::Trends;
use crate::worker::Queue;

/// What all requests share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) queue: Queue,
    pub(crate) trends: Trends,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) limits: Limits,
    /// As many permits as there may be connections.
    pub(crate) connections: Arc<Semaphore>,
    /// By which names it may be asked.
    pub(crate) hosts: Arc<Hosts>,
    /// Whether a line is written for each request.
    pub(crate) log: bool,
}
