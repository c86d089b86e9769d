//! A small project in a temporary folder: a pipeline file, reviews, and artifacts.

use std::fs;
use std::path::{Path, PathBuf};

use artifact::{Artifact, StageName, Store};
use settings::{Override, Pipeline};
use tempfile::TempDir;

use crate::corpus;

/// A pipeline with two models that runs in seconds. Its reviews are in `reviews.csv` beside the file.
pub fn tiny_pipeline() -> &'static str {
    r#"[pipeline]
name = "Tiny"
seed = 7

[run]
device = "cpu"

[ingest]
source = "reviews.csv"

[clean]
split = { test = 0.25, validation = 0.2 }

[tokenizer.words]
kind = "word"
vocabulary_size = 300
min_frequency = 1
max_length = 24

[embedding.random]
kind = "random"
tokenizer = "words"
width = 8

[training]
epochs = 2
batch_size = 8
learning_rate = 0.01
log_every = 1

[model.naive]
kind = "naive"
embedding = "random"
hidden = 8

[model.lstm]
kind = "lstm"
embedding = "random"
hidden = 8

[evaluation]
bootstrap_samples = 50
"#
}

/// A temporary folder with a pipeline file and its reviews; removed when dropped.
#[derive(Debug)]
pub struct Project {
    folder: TempDir,
}

impl Project {
    /// [`tiny_pipeline`] with [`corpus::kaggle_csv`].
    pub fn tiny() -> Self {
        Self::with_pipeline(tiny_pipeline())
    }

    /// Another pipeline file with the same reviews.
    pub fn with_pipeline(text: &str) -> Self {
        Self::with_reviews(text, &corpus::kaggle_csv())
    }

    /// Another pipeline file with other reviews, in `reviews.csv`.
    pub fn with_reviews(text: &str, reviews: &str) -> Self {
        let folder = TempDir::with_prefix("ressenti-").expect("a temporary folder");
        let write = |name: &str, content: &str| {
            fs::write(folder.path().join(name), content).expect("it is written");
        };
        write("pipeline.toml", text);
        write("reviews.csv", reviews);
        Self { folder }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The pipeline file.
    pub fn pipeline_file(&self) -> PathBuf {
        self.folder().join("pipeline.toml")
    }

    /// The artifacts folder.
    pub fn artifacts(&self) -> PathBuf {
        self.folder().join("artifacts")
    }

    /// The store in the artifacts folder.
    pub fn store(&self) -> Store {
        Store::new(self.artifacts())
    }

    /// The pipeline with overrides as in `--set`.
    pub fn pipeline(&self, changes: &[&str]) -> Pipeline {
        let changes: Vec<Override> = changes
            .iter()
            .map(|text| text.parse().expect("an override"))
            .collect();
        Pipeline::load(&self.pipeline_file(), &changes).expect("the pipeline is valid")
    }

    /// The error of a pipeline with these overrides: the message and the hint, separated by a bar.
    pub fn load_error(&self, changes: &[&str]) -> String {
        let changes: Vec<Override> = changes
            .iter()
            .map(|text| text.parse().expect("an override"))
            .collect();
        let loaded = Pipeline::load(&self.pipeline_file(), &changes);
        let checked =
            loaded.and_then(|it| it.steps().iter().try_for_each(|step| it.check_files(step)));
        let error = checked.expect_err("it is refused");
        let hint = error.hint().map(|hint| format!(" | {hint}"));
        error.to_string() + &hint.unwrap_or_default()
    }

    /// The last artifact of a variant.
    pub fn artifact(&self, stage: StageName, variant: &str) -> Artifact {
        let found = self
            .store()
            .latest(stage, variant)
            .expect("its manifest is readable");
        found.unwrap_or_else(|| panic!("`{stage} {variant}` was not built"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tiny_pipeline_is_valid() {
        let project = Project::tiny();
        let pipeline = project.pipeline(&[]);
        assert_eq!(
            pipeline.models.keys().collect::<Vec<_>>(),
            ["naive", "lstm"]
        );
        let sources = &pipeline.ingest.source;
        assert!(!sources.is_empty() && sources.iter().all(|path| path.is_file()));
    }
}
