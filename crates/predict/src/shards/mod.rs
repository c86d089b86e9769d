//! A file predicted in shards, each by a process of its own, on this machine or on another one that
//! sees the same files. Three verbs, each of them a process: `plan` cuts the input into ranges of
//! rows, `shard` predicts one of them, `merge` makes one output of all. `coordinate` does all
//! three with processes of this machine, `cluster` with jobs of Slurm.
//!
//! ```text
//! OUTPUT.shards/plan.json               the ranges, and all that the answers follow from
//! OUTPUT.shards/0007-of-0016.partial/   a shard under way: its rows so far and their journal
//! OUTPUT.shards/0007-of-0016/           a finished shard: rows, rejected.jsonl, and shard.json with
//!                                       what they must be; put in place by one rename
//! OUTPUT.shards/0007-of-0016.lock       held by the process that is at it; names host and process
//! OUTPUT.shards/0007-of-0016.log        what that process said, where a coordinator started it
//! OUTPUT.shards/coordinator.lock        held by whoever plans or merges
//! ```
//!
//! Nothing depends on which process computed a shard, when, or how often one was killed at it.

mod cluster;
mod coordinate;
mod lock;
mod merge;
mod numbers;
mod plan;
mod process;
mod sealed;
mod shard;
mod verbs;

pub use plan::Plan;
pub use verbs::{Verb, command_of};

pub(crate) use cluster::ClusterRun;
pub(crate) use coordinate::{Coordinator, coordinate};
pub(crate) use merge::merge_alone;
pub(crate) use plan::plan_alone;
pub(crate) use shard::run_shard;
