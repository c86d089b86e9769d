//! Text in every encoding, found by its bytes or set; the first byte is the choice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ressenti_fuzz::reviews::{rows, settings};
use settings::{IngestSettings, SourceFormat};

/// Encodings to set.
const ENCODINGS: [&str; 7] = [
    "utf-16le",
    "utf-16be",
    "windows-1252",
    "utf-8",
    "shift_jis",
    "iso-2022-jp",
    "gb18030",
];

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    let encoding = ENCODINGS.get(usize::from(*choice) % (ENCODINGS.len() + 1));
    let settings = IngestSettings {
        encoding: encoding.map(|name| (*name).to_owned()),
        ..settings(SourceFormat::Csv)
    };
    rows(&settings, bytes);
});
