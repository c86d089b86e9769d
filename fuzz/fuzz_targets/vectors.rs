//! Files of word vectors: GloVe, word2vec, fastText; plain or gz.
#![no_main]

use std::collections::HashSet;

use artifact::StageName;
use embed::{VectorSink, read_vectors};
use libfuzzer_sys::fuzz_target;
use ressenti_fuzz::as_file;
use settings::StepId;
use stage::{Progress, ProgressMode};

/// Wants every word and keeps it, without its vector.
#[derive(Default)]
struct Words(HashSet<String>);

impl VectorSink for Words {
    fn wants(&self, _word: &str) -> bool {
        true
    }

    fn accept(&mut self, word: &str, vector: &[f32]) -> bool {
        assert!(vector.iter().all(|value| value.is_finite()));
        self.0.insert(word.to_owned())
    }
}

fuzz_target!(|bytes: &[u8]| {
    as_file("vectors.txt", bytes, |path| {
        let _ = settings::vectors::VectorLayout::read(path);
        let progress = Progress::new(ProgressMode::None, StepId::new(StageName::Embed, "fuzz"));
        let task = progress.task("reading", None, "words");
        let _ = read_vectors(path, &mut Words::default(), &task);
    });
});
