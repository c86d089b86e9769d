//! Trains the linear model over word n-grams: counts the n-grams and fits their weights.

use artifact::{Contract, Failure, Split, StageName, format};
use bundle::{ModelFile, Sizes};
use classifier::{IdRows, TokenContract, TokenRows, cpu_threads};
use linear::{LinearError, Matrix, NgramModel, Vocabulary};
use settings::ModelSettings;
use stage::{Context, Outcome};

use crate::Result;
use crate::bundle_output::{ValidationScores, model_description, outcome, write_card};
use crate::data::check_rows;
use crate::probe::fit_penalties;

/// The penalties to compare, from the strongest: each fit starts from the weights of the one before.
const PENALTIES: [f64; 11] = [
    1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6,
];

/// A fit stops when no gradient component is above this; the validation loss no longer changes then.
const TOLERANCE: f64 = 1e-6;

/// Fits the model with the penalty that is best on validation, and writes its bundle.
pub(crate) fn run(context: &Context, settings: &ModelSettings) -> Result<Outcome> {
    let tokens = context.input(StageName::Tokenize);
    let contract = TokenContract::of(tokens)?;
    let train = TokenRows::open_training_rows(tokens, settings)?;
    let validation = TokenRows::open(tokens, Split::Validation)?;
    check_rows(context, train.len(), validation.len())?;

    let task = context.progress().task("counting", None, "n-grams");
    let vocabulary = count(context, settings, &contract, &train)?;
    task.advance(vocabulary.ngrams.len() as u64);
    let rows =
        |rows: &TokenRows| Matrix::new(&vocabulary, &|row| rows.ids(row).into_owned(), rows.len());
    let [train_labels, labels] = [&train, &validation].map(|rows| &rows.labels[..]);
    let (train_matrix, validation_matrix) = (rows(&train), rows(&validation));
    let (train_rows, validation_rows) = (train_matrix.all_rows(), validation_matrix.all_rows());
    drop(task);
    let sets = [(&train_rows, train_labels), (&validation_rows, labels)];
    let best = fit_penalties(context, sets, &PENALTIES, TOLERANCE)?;
    let model = NgramModel::new(&vocabulary, &best.fit.weights);

    let sizes = Sizes {
        vocabulary_size: contract.vocabulary_size,
        width: model.count as u32,
        classes: contract.classes.len() as u32,
    };
    let scores = ValidationScores {
        labels,
        scores: &best.scores,
        loss: best.loss,
        accuracy: best.accuracy,
    };
    let description = ModelFile {
        parameters: model.count as u64 + 1,
        penalty: Some(best.penalty),
        ..model_description(context, settings, &contract, sizes, &scores)?
    };
    let folder = context.output();
    let saved = model.save(&folder.join("model.safetensors"));
    saved.map_err(linear_failure)?;
    description.save(folder, &tokens.file("tokenizer.json")?)?;
    write_card(context, &description)?;
    let [reviews, ngrams] = [train.len(), model.count].map(format::count);
    let (penalty, result) = (best.penalty, scores.describe());
    let summary =
        format!("{reviews} training reviews, {ngrams} word n-grams, penalty {penalty:e}, {result}");
    Ok(Outcome {
        device: Some(cpu_threads(context.run().cores())),
        ..outcome(&contract, &description, summary)
    })
}

fn count(
    context: &Context,
    settings: &ModelSettings,
    contract: &TokenContract,
    train: &TokenRows,
) -> Result<Vocabulary> {
    let ngrams = settings.ngrams.unwrap_or_default();
    let unknown = match context.input(StageName::Tokenize).manifest().contract {
        Contract::Tokens { unknown_id, .. } => unknown_id,
        _ => None,
    };
    let skipped = [Some(contract.pad_id), unknown].into_iter().flatten();
    Vocabulary::count(
        &|row| (train.ids(row).into_owned(), train.label(row) == 1),
        train.len(),
        (ngrams.longest, ngrams.min_count, ngrams.smoothing),
        (contract.vocabulary_size, skipped.collect()),
    )
    .map_err(linear_failure)
}

/// The failure for an error of the linear model, with a hint.
fn linear_failure(error: LinearError) -> Failure {
    let hint = match error {
        LinearError::Artifact(error) => return error.into(),
        LinearError::TooLong { .. } => {
            "Lower `ngrams.longest` of the model or `vocabulary_size` of its tokenizer"
        }
        LinearError::NoFeatures(_) => "Lower `ngrams.min_count` of the model, or add more reviews",
        LinearError::File { .. } => {
            "Train the model again with `ressenti run --only train --force`"
        }
    };
    Failure::from_error(error).with_hint(hint.to_owned())
}
