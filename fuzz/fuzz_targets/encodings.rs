//! Text in every encoding, found by its bytes or set; the first byte is the choice.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    ingest::fuzzing::encoded(*choice, bytes);
});
