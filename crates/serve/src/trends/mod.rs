//! Trends of uploaded reviews: the options of a request, and the thread that computes one trend at a time. Until the
//! answer is sent, the reviews are in memory and in an unnamed file.

mod refusal;
mod request;
mod running;
mod worker;

pub(crate) use request::TrendRequest;
pub(crate) use running::RunningTrend;
pub(crate) use worker::{TrendQueue, Upload, Worker};
