//! Predicting a file in shards by jobs of a cluster. `--plan` divides the input into ranges of rows, `--shard K`
//! predicts one range, and `--merge` joins all into one output. Each step is a process that can run on any machine
//! with access to the same files. `cluster` runs all three with Slurm.
//!
//! ```text
//! OUTPUT.shards/plan.json               the ranges, and everything that determines the output
//! OUTPUT.shards/0007-of-0016.partial/   an unfinished shard: finished rows and their journal
//! OUTPUT.shards/0007-of-0016/           a finished shard: rows, rejected.jsonl, and shard.json with
//!                                       their digests; moved here by one rename
//! OUTPUT.shards/0007-of-0016.lock       locked by the process that predicts the shard
//! OUTPUT.shards/plan.lock               locked by a process that plans or merges
//! ```
//!
//! The output does not depend on which process predicted a shard, when, or how often it was killed.

mod cluster;
mod command;
mod merge;
mod plan;
mod row_numbers;
mod sealed;
mod shard;

pub(crate) use cluster::run_on_cluster;
pub(crate) use merge::merge;
pub(crate) use plan::plan;
pub(crate) use shard::run_shard;
