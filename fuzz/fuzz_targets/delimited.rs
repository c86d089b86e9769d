//! CSV and its relatives: separators, quotes and headers found by themselves; the first byte is a
//! choice of settings.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    ingest::fuzzing::delimited(*choice, bytes);
});
