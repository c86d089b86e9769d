//! The entry for `fuzz/`, which feeds bytes to the reader of word vectors.

use std::collections::HashSet;
use std::path::Path;

use artifact::StageName;
use settings::StepId;
use stage::{Progress, ProgressMode};

use crate::vector_file::{Wanted, read_vectors};

/// Wants every word and keeps it, without its vector.
#[derive(Default)]
struct Words(HashSet<String>);

impl Wanted for Words {
    fn wants(&self, _word: &str) -> bool {
        true
    }

    fn take(&mut self, word: &str, vector: &[f32]) -> bool {
        assert!(vector.iter().all(|value| value.is_finite()));
        self.0.insert(word.to_owned())
    }
}

/// Reads a file of word vectors.
pub fn vectors(path: &Path) {
    let progress = Progress::new(ProgressMode::None, StepId::new(StageName::Embed, "fuzz"));
    let task = progress.task("reading", None, "words");
    let _ = read_vectors(path, &mut Words::default(), &task);
}
