//! The stage `embed`: a vector for every entry of a vocabulary, drawn at random or taken from a
//! file of word vectors.

mod align;
mod coverage;
mod encoder;
mod error;
mod lookup;
mod matrix;
mod random;
mod vector_file;
mod vocabulary;

use std::fs;

use artifact::{ArtifactError, Contract, OutputFile, Source, StageName, write_arrays};
use settings::{EmbeddingKind, EmbeddingSettings};
use stage::{Context, Failure, NoOptions, Outcome, Stage, format};

pub use error::EmbedError;

use matrix::Matrix;
use vocabulary::Vocabulary;

/// The matrix inside the artifact.
const EMBEDDING: &str = "embedding.arrow";

/// The coverage report inside the artifact.
const COVERAGE: &str = "coverage.json";

/// The stage.
#[derive(Clone, Copy, Debug)]
pub struct Embed;

impl Stage for Embed {
    const NAME: StageName = StageName::Embed;
    const ABOUT: &'static str = "Give every entry of a vocabulary a vector, at random or from a file of word vectors

Reads `tokenizer.json` and, to weigh what is missing, `train.arrow`. Writes `embedding.arrow`, a row for every id,
and `coverage.json`: which share of the vocabulary and of the running tokens the file has.";
    type Settings = EmbeddingSettings;
    type Options = NoOptions;

    fn run(context: &Context, settings: EmbeddingSettings) -> Result<Outcome, Failure> {
        if settings.kind == EmbeddingKind::Encoder {
            return encoder::import(context);
        }
        let vocabulary = Vocabulary::open(context.input(StageName::Tokenize))?;
        let (matrix, coverage, summary) = match settings.kind {
            EmbeddingKind::Random => random_matrix(&vocabulary, &settings, context)?,
            EmbeddingKind::Static => static_matrix(&vocabulary, &settings, context)?,
            EmbeddingKind::Encoder => unreachable!("an encoder is taken over as it is"),
        };
        let path = context.output().join(EMBEDDING);
        let rows = write_arrays(
            &path,
            &artifact::schema::embedding(matrix.width()),
            matrix.batches(),
        )?;
        let report = context.output().join(COVERAGE);
        let text = serde_json::to_vec_pretty(&coverage).expect("figures are plain data");
        fs::write(&report, text).map_err(ArtifactError::io("write", &report))?;
        let contract = Contract::Embedding {
            tokenizer: vocabulary.fingerprint(),
            vocabulary_size: vocabulary.size(),
            width: matrix.width(),
            pad_id: vocabulary.pad_id(),
        };
        let files = vec![
            OutputFile::table(EMBEDDING, rows),
            OutputFile::data(COVERAGE),
        ];
        let size = format!(
            "{} vectors of {}",
            format::count(rows),
            format::count(matrix.width())
        );
        Ok(Outcome::new(contract, files, format!("{size}, {summary}")))
    }
}

/// A matrix, what is said about it in `coverage.json`, and in half a line.
type Made = (Matrix, serde_json::Value, String);

fn random_matrix(
    vocabulary: &Vocabulary,
    settings: &EmbeddingSettings,
    context: &Context,
) -> Result<Made, Failure> {
    let name = &context.step().variant;
    let width = settings
        .width
        .ok_or_else(|| Failure::new(format!("`embedding.{name}.width` must be given")))?;
    let seed = settings.seed.unwrap_or(0);
    let matrix = random::matrix(vocabulary.size(), width, vocabulary.pad_id(), seed);
    let coverage = serde_json::json!({
        "kind": "random",
        "distribution": "uniform",
        "bound": random::bound(width),
        "seed": seed,
        "types": { "total": vocabulary.size() },
    });
    Ok((matrix, coverage, "drawn at random".to_owned()))
}

fn static_matrix(
    vocabulary: &Vocabulary,
    settings: &EmbeddingSettings,
    context: &Context,
) -> Result<Made, Failure> {
    let name = &context.step().variant;
    let Some(Source::Path(path)) = context.source() else {
        return Err(Failure::new(format!(
            "`embedding.{name}.source` must name the file with the vectors"
        )));
    };
    let task = context
        .progress()
        .task("reading word vectors", None, "vectors");
    let aligned = align::align(
        vocabulary,
        path,
        settings.width,
        settings.seed.unwrap_or(0),
        &task,
    )?;
    drop(task);
    if let Some(warning) = aligned.read.warning() {
        context.progress().warn(&warning);
    }
    let coverage = coverage::Coverage::of(vocabulary, &aligned);
    let summary = coverage.summary();
    Ok((aligned.matrix, coverage.into_json(), summary))
}
