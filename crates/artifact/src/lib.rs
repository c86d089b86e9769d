//! Artifacts: the output folders of steps, with contracts, digests, manifests, keys, the store and its locks. An
//! artifact is written completely or not at all, and verified before it is used.
//!
//! Stages exchange data only through these folders. This crate does not know what a stage computes.

mod arrays;
mod cache;
mod contract;
mod digest;
mod error;
mod failure;
pub mod files;
pub mod format;
mod guard;
mod host;
mod key;
mod lock;
mod manifest;
mod normalization;
mod pending;
mod reader;
mod reviews;
pub mod schema;
mod sentiment;
mod source;
mod stage_name;
mod store;
mod tables;
mod unused;

pub use arrays::{map_arrays, write_arrays};
pub use cache::cache_folder;
pub use contract::Contract;
pub use digest::{Digest, DigestBuilder};
pub use error::{ArtifactError, Result};
pub use failure::{Failure, FailureKind};
pub use guard::catch_panics;
pub use host::{cluster_job, host_name, process_name};
pub use key::{InputReference, Key, SourceReference, canonical_json, step_key};
pub use lock::FileLock;
pub use manifest::{FileEntry, FileRole, MANIFEST_NAME, Manifest, RunInfo};
pub use normalization::Normalization;
pub use pending::{OutputFile, PendingArtifact, sync};
pub use reader::Artifact;
pub use reviews::{
    CleanedReview, filter_split, for_each_review, groups_by_row_id, texts_by_row_id,
};
pub use sentiment::{Sentiment, Split};
pub use source::{Source, SourceIndex};
pub use stage_name::StageName;
pub use store::Store;
pub use tables::{TableWriter, read_columns, read_table};
pub use unused::{UnusedFolder, UnusedKind};
