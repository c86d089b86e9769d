//! Bytes as a source of reviews, read by `ingest`.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use artifact::StageName;
use ingest::{Ingest, for_each_review};
use settings::{IngestSettings, Pipeline, REVIEWS, SourceFormat, StepId};
use stage::{NoOptions, Progress, ProgressMode};

use crate::as_file;

/// Settings with small bounds, so that reading them takes few bytes.
pub fn settings(format: SourceFormat) -> IngestSettings {
    IngestSettings {
        format,
        max_text_bytes: 200,
        max_decompressed_bytes: 1 << 20,
        ..IngestSettings::default()
    }
}

/// Reads bytes as a file of rows.
///
/// # Panics
/// A review has a text that none may have.
pub fn rows(settings: &IngestSettings, bytes: &[u8]) {
    as_file("x", bytes, |path| {
        let step = StepId::new(StageName::Ingest, REVIEWS);
        let progress = Progress::new(ProgressMode::None, step);
        let _ = for_each_review(&[path.to_owned()], settings, &progress, |review| {
            assert!(!review.text.contains('\0'));
            ControlFlow::Continue(())
        });
    });
}

/// Reads bytes as the aclImdb archive.
///
/// # Panics
/// The disk refuses.
pub fn archive(bytes: &[u8]) {
    as_file("x.tar.gz", bytes, |path| {
        let ingest = "source = 'x.tar.gz'\nmax_text_bytes = 200\nmax_unpacked_bytes = 1048576\n";
        run(&path.with_file_name("pipeline.toml"), ingest);
    });
}

fn run(file: &Path, ingest: &str) {
    let text = format!("[pipeline]\nname = 'fuzz'\n[ingest]\n{ingest}");
    fs::write(file, text).expect("written");
    let pipeline = Pipeline::load(file, &[]).expect("a pipeline");
    let step = pipeline.step(StageName::Ingest, None).expect("a step");
    let progress = Progress::new(ProgressMode::None, step.id.clone());
    let _ = stage::execute::<Ingest>(&pipeline, step, true, progress, &NoOptions {});
}
