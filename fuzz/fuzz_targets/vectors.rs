//! Files of word vectors: GloVe, word2vec, fastText; plain or gz.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ressenti_fuzz::as_file;

fuzz_target!(|bytes: &[u8]| {
    as_file("vectors.txt", bytes, |path| {
        let _ = settings::vectors::VectorLayout::peek(path);
        embed::fuzzing::vectors(path);
    });
});
