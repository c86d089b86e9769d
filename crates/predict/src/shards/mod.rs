//! A file predicted in shards by jobs of a cluster. `--plan` divides the input into ranges of rows,
//! `--shard K` predicts one of them, `--merge` makes one output of all. Each is a process that can run on
//! any machine that sees the same files. `cluster` runs all three with Slurm.
//!
//! ```text
//! OUTPUT.shards/plan.json               the ranges, and everything that the predictions depend on
//! OUTPUT.shards/0007-of-0016.partial/   an unfinished shard: its rows so far and their journal
//! OUTPUT.shards/0007-of-0016/           a finished shard: rows, rejected.jsonl, and shard.json with
//!                                       their digests; put in place by one rename
//! OUTPUT.shards/0007-of-0016.lock       held by the process that predicts the shard
//! OUTPUT.shards/plan.lock               held by a process that plans or merges
//! ```
//!
//! The output does not depend on which process predicted a shard, when, or how often it was killed.

mod cluster;
mod command;
mod merge;
mod numbers;
mod plan;
mod sealed;
mod shard;

pub(crate) use cluster::run_on_cluster;
pub(crate) use merge::merge;
pub(crate) use plan::plan;
pub(crate) use shard::run_shard;
