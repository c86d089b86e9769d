//! Whatever a file of rows may be packed in: gzip, zstd, zip; told by its bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| ingest::fuzzing::any(bytes));
