//! Arrays in the store, mapped into memory; a token row is walked through as training does.
#![no_main]

use arrow::array::{Array, AsArray};
use arrow::datatypes::UInt16Type;
use libfuzzer_sys::fuzz_target;
use ressenti_fuzz::as_file;

fuzz_target!(|bytes: &[u8]| {
    as_file("train.arrow", bytes, |path| {
        let Ok(batches) = artifact::map_arrays(path, &artifact::schema::tokens(false)) else {
            return;
        };
        for batch in batches {
            let rows = batch.column(3).as_list::<i32>();
            for row in 0..rows.len() {
                let ids = rows.value(row);
                let _: u64 = ids
                    .as_primitive::<UInt16Type>()
                    .values()
                    .iter()
                    .map(|id| u64::from(*id))
                    .sum();
            }
        }
    });
});
