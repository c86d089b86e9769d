//! Any file of rows as records of text: delimited text, JSON and Parquet, plain or packed with gzip, zstd
//! or zip, in many encodings. What a file is, its content shows; what its columns mean is for others to say.
//!
//! Memory is bounded by the longest row allowed, not by the file. What cannot be understood of a file is one
//! bad record at its place, and never lost.

mod container;
mod content;
mod delimited;
mod dialect;
mod encoding;
mod error;
mod json;
mod limit;
mod parquet;
mod record;
mod replay;
mod table;

pub use container::{Unpacked, nameless, unpack};
pub use content::Content;
pub use error::{InputError, Problem, files_in};
pub use record::Record;
pub use table::{Table, row_limit};
