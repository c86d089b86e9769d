//! Files that people bring beside reviews: tokenizers, word vectors, pipeline files.
#![no_main]

use std::fs;
use std::path::Path;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    match kind % 3 {
        0 => {
            if let Ok(tokenizer) = text::TokenizerFile::from_bytes(bytes, Path::new("tokenizer.json")) {
                let _ = tokenizer.encode("It was fine, was it not?", 16, settings::Truncation::Head);
            }
        }
        kind => {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("file");
            fs::write(&path, bytes).expect("written");
            if kind == 1 {
                let _ = settings::vectors::peek_width(&path);
            } else {
                let _ = settings::Pipeline::load(&path, &[]);
            }
        }
    }
});
