//! Tables in the store, read by their contract.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ressenti_fuzz::as_file;

fuzz_target!(|bytes: &[u8]| {
    as_file("reviews.parquet", bytes, |path| {
        if let Ok(batches) = artifact::read_table(path, &artifact::schema::reviews()) {
            batches.for_each(drop);
        }
    });
});
