//! JSON, a line per review or an array of them, nested or not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ressenti_fuzz::reviews::{rows, settings};
use settings::SourceFormat;

fuzz_target!(|bytes: &[u8]| rows(&settings(SourceFormat::Jsonl), bytes));
