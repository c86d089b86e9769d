//! A `tokenizer.json` that people bring, and text through it.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use settings::Truncation;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(tokenizer) = text::TokenizerFile::from_bytes(bytes, Path::new("tokenizer.json")) {
        let _ = tokenizer.tokens();
        let _ = tokenizer.encode(
            "It was fine, was it not? \u{e9}t\u{e9} \u{1f600}",
            16,
            Truncation::HeadTail,
        );
    }
});
