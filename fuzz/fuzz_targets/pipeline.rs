//! The pipeline file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ressenti_fuzz::as_file;

fuzz_target!(|bytes: &[u8]| {
    as_file("pipeline.toml", bytes, |path| {
        let _ = settings::Pipeline::load(path, &[]);
    });
});
