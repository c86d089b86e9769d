//! Reads table files as records of text: delimited text, JSON and Parquet, plain or compressed with gzip, zstd
//! or zip, in many encodings. The format is detected from the content. The crate does not know what columns mean.
//!
//! Memory is bounded by the longest row allowed, not by the file size. A part of a file that cannot be parsed
//! becomes a record with a problem at that position, so no row is lost silently.

mod content;
mod decompress;
mod delimited;
mod dialect;
mod encoding;
mod error;
mod json;
mod limit;
mod parquet;
mod record;
mod repairs;
mod rewind;
mod table;

pub use content::Content;
pub use decompress::{Decompressed, create_temporary_file, decompress};
pub use error::{InputError, Problem, Result, pattern_hint};
pub use record::Record;
pub use repairs::Repairs;
pub use table::{Table, row_limit};
