//! Trends of reviews that are sent: the options of a request, and the thread that makes trends, one after the
//! other. The reviews are kept in memory and in a file without a name until the answer is there.

mod refusal;
mod request;
mod worker;

pub(crate) use request::TrendRequest;
pub(crate) use worker::{Trends, Upload, Worker};
