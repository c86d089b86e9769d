//! The stage `embed`: a vector for every entry of a vocabulary (random, from a file of word vectors, or learned from the
//! reviews), or a pretrained encoder, or the features that an encoder computes for every review.

mod adapt;
mod align;
mod coverage;
mod encoder;
mod features;
mod fetch;
mod learned;
mod lookup;
mod matrix;
mod random;
mod vector_file;
mod vocabulary;

use std::fs;

use artifact::{
    ArtifactError, Contract, Failure, OutputFile, Source, StageName, format, write_arrays,
};
use classifier::guard;
use serde_json::{Value, json};
use settings::{EmbeddingKind, EmbeddingSettings as Settings};
use stage::{Context, NoOptions, Outcome, Stage};

pub use fetch::main as fetch;
pub use vector_file::{VectorSink, read_vectors};

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
    const ABOUT: &'static str = "Create a vector for every entry of a vocabulary, or import a pretrained encoder

The vectors are random, from a file of word vectors, or learned from the reviews. Writes `embedding.arrow` with a row for
every token id, and `coverage.json` with the share of the vocabulary and of the training tokens that have a vector. For an
encoder, writes its files, or the features that it computes for every review.";
    type Settings = settings::EmbeddingSettings;
    type Options = NoOptions;

    fn run(context: &Context, settings: Settings) -> Result<Outcome, Failure> {
        guard(|| run(context, settings))
    }
}

/// Runs the stage.
fn run(context: &Context, settings: Settings) -> Result<Outcome, Failure> {
    let create = match settings.kind {
        EmbeddingKind::Encoder => return encoder::import(context, &settings),
        EmbeddingKind::Features => return features::compute(context, &settings),
        EmbeddingKind::Random => random_matrix,
        EmbeddingKind::Static => static_matrix,
        EmbeddingKind::Learned => learn_matrix,
    };
    let vocabulary = Vocabulary::open(context.input(StageName::Tokenize))?;
    let (matrix, coverage, summary) = create(&vocabulary, &settings, context)?;
    let path = context.output().join(EMBEDDING);
    let schema = artifact::schema::embedding(matrix.width);
    let rows = write_arrays(&path, &schema, matrix.batches())?;
    let report = write_figures(context, COVERAGE, &coverage)?;
    let contract = Contract::Embedding {
        tokenizer: vocabulary.fingerprint,
        vocabulary_size: vocabulary.size(),
        width: matrix.width,
        pad_id: vocabulary.pad_id,
    };
    let files = vec![OutputFile::table(EMBEDDING, rows), report];
    let (count, width) = (format::count(rows), format::count(matrix.width));
    let summary = format!("{count} vectors of {width}, {summary}");
    Ok(Outcome::new(contract, files, summary))
}

/// Writes a JSON file of figures into the artifact.
fn write_figures(context: &Context, name: &str, figures: &Value) -> Result<OutputFile, Failure> {
    let path = context.output().join(name);
    let text = serde_json::to_vec_pretty(figures).expect("figures are plain data");
    fs::write(&path, text).map_err(ArtifactError::io("write", &path))?;
    Ok(OutputFile::data(name))
}

/// A matrix, the content of its `coverage.json`, and its summary for the last line of the stage.
type MatrixResult = Result<(Matrix, Value, String), Failure>;

fn required_width(settings: &Settings, context: &Context) -> Result<u32, Failure> {
    let name = &context.step().variant;
    let missing = || Failure::new(format!("The setting `embedding.{name}.width` is missing"));
    settings.width.ok_or_else(missing)
}

fn random_matrix(vocabulary: &Vocabulary, settings: &Settings, context: &Context) -> MatrixResult {
    let width = required_width(settings, context)?;
    let seed = settings.seed.unwrap_or(0);
    let matrix = random::matrix(vocabulary.size(), width, vocabulary.pad_id, seed);
    let coverage = serde_json::json!({
        "kind": "random",
        "distribution": "uniform",
        "bound": random::bound(width),
        "seed": seed,
        "types": { "total": vocabulary.size() },
    });
    Ok((matrix, coverage, "random".to_owned()))
}

/// Number of words whose neighbours are reported.
const REPORTED_WORDS: usize = 12;

/// Neighbours reported for each word.
const NEIGHBOURS: usize = 6;

/// Number of most frequent words among which neighbours are searched: vectors of rare words are unreliable.
const COMMON: usize = 5000;

fn learn_matrix(vocabulary: &Vocabulary, settings: &Settings, context: &Context) -> MatrixResult {
    let width = required_width(settings, context)?;
    let seed = settings.seed.unwrap_or(0);
    let learning = settings.learning.clone().unwrap_or_default();
    let tokens = context.input(StageName::Tokenize);
    let corpus = learned::Corpus::open(tokens, learning.unlabelled)?;
    let total = corpus.texts() as u64 * u64::from(learning.epochs);
    let progress = context.progress();
    let task = progress.task("learning vectors", Some(total), "reviews");
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(context.run().cores())
        .build()
        .map_err(Failure::from_error)?;
    let (size, pad_id) = (vocabulary.size(), vocabulary.pad_id);
    let matrix =
        pool.install(|| learned::learn(&corpus, size, pad_id, &learning, width, seed, &task));
    drop(task);
    let coverage = serde_json::json!({
        "kind": "learned",
        "method": "skip-gram with negative sampling",
        "learning": learning,
        "seed": seed,
        "texts": corpus.texts(),
        "tokens": corpus.tokens(),
        "types": { "total": vocabulary.size() },
        "neighbours": neighbours(vocabulary, &matrix),
    });
    let tokens = format::count(corpus.tokens() as u64);
    let reviews = format::plural(corpus.texts() as u64, "review", "reviews");
    let summary = format!("learned from {tokens} tokens of {reviews}");
    Ok((matrix, coverage, summary))
}

/// The nearest neighbours of some words, for the report.
fn neighbours(vocabulary: &Vocabulary, matrix: &Matrix) -> Value {
    let word = |id: usize| match &vocabulary.entries[id] {
        vocabulary::Entry::Word { surface, .. } => Some(surface.as_str()),
        _ => None,
    };
    let is_alphabetic = |word: &str| word.chars().all(char::is_alphabetic);
    let is_whole_word = |id: &usize| word(*id).is_some_and(is_alphabetic);
    let ids = 0..vocabulary.entries.len();
    let mut common: Vec<usize> = ids.filter(is_whole_word).collect();
    common.sort_by_key(|id| std::cmp::Reverse(vocabulary.counts[*id]));
    common.truncate(COMMON);
    let preferred =
        "good bad great boring funny awful excellent waste love actor plot music".split(' ');
    let find = |preferred| common.iter().find(|id| word(**id) == Some(preferred));
    let mut chosen: Vec<usize> = preferred.filter_map(find).copied().collect();
    if chosen.is_empty() {
        let rest = common.iter().skip(common.len().min(100) / 2);
        chosen = rest.take(REPORTED_WORDS).copied().collect();
    }
    let nearest = learned::neighbours(matrix, &chosen, &common, NEIGHBOURS);
    let entries = chosen.iter().zip(nearest).filter_map(|(id, nearest)| {
        let neighbour = |(id, cosine)| Some(json!({"word": word(id)?, "cosine": cosine}));
        let words = nearest.into_iter().filter_map(neighbour);
        Some((word(*id)?.to_owned(), Value::Array(words.collect())))
    });
    Value::Object(entries.collect())
}

fn static_matrix(vocabulary: &Vocabulary, settings: &Settings, context: &Context) -> MatrixResult {
    let name = &context.step().variant;
    let Some(Source::Path(path)) = context.source() else {
        let problem =
            format!("`embedding.{name}.source` must be the path of a file of word vectors");
        return Err(Failure::new(problem));
    };
    let progress = context.progress();
    let task = progress.task("reading word vectors", None, "vectors");
    let seed = settings.seed.unwrap_or(0);
    let aligned = align::align(vocabulary, path, settings.width, seed, &task)?;
    drop(task);
    if let Some(warning) = aligned.file.warning() {
        progress.warn(&warning);
    }
    let (coverage, summary) = coverage::report(vocabulary, &aligned);
    Ok((aligned.matrix, coverage, summary))
}
