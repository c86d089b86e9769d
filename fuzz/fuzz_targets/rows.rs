//! Files of rows: CSV and its relatives, JSON, Parquet, gzip, zstd, zip, every encoding; told by
//! their bytes, with a pattern of settings from the first byte.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((settings, bytes)) = bytes.split_first() else { return };
    ingest::fuzzing::rows(*settings, bytes);
});
