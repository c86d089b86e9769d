//! Whatever a file of rows may be packed in: gzip, zstd, zip; told by its bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ressenti_fuzz::reviews::{rows, settings};
use settings::SourceFormat;

fuzz_target!(|bytes: &[u8]| rows(&settings(SourceFormat::Auto), bytes));
