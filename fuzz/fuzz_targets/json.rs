//! JSON, a line per review or an array of them, nested or not.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| ingest::fuzzing::json(bytes));
