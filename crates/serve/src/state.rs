//! The state that all requests share.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::hosts::AllowedHosts;
use crate::limits::Limits;
use crate::telemetry::Telemetry;
use crate::trends::{RunningTrend, TrendQueue};
use crate::worker::PredictionQueues;

/// The state that all requests share.
#[derive(Clone)]
pub(crate) struct AppState {
    pub(crate) predictions: PredictionQueues,
    pub(crate) trends: TrendQueue,
    /// The trend that is computed at present.
    pub(crate) running: RunningTrend,
    /// Name of the model that computes trends.
    pub(crate) trend_model: Arc<str>,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) limits: Limits,
    /// One permit for each connection that may be open.
    pub(crate) connections: Arc<Semaphore>,
    pub(crate) hosts: Arc<AllowedHosts>,
    /// Whether to print a line for each request.
    pub(crate) log: bool,
}
