//! Parquet tables of other tools.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ressenti_fuzz::reviews::{rows, settings};
use settings::SourceFormat;

fuzz_target!(|bytes: &[u8]| rows(&settings(SourceFormat::Parquet), bytes));
