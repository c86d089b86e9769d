//! CSV and its relatives: separators, quotes and headers found by themselves; the first byte is a
//! choice of settings.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ressenti_fuzz::reviews::{rows, settings};
use settings::{IngestSettings, SourceFormat};

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    let formats = [SourceFormat::Auto, SourceFormat::Csv, SourceFormat::Tsv];
    let settings = IngestSettings {
        header: [None, Some(true), Some(false)][usize::from(choice % 3)],
        ..settings(formats[usize::from(choice / 3 % 3)])
    };
    rows(&settings, bytes);
});
