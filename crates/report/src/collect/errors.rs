//! Slices, likely label errors and most confident errors: everything that needs the texts of the reviews.

use std::collections::{BTreeSet, HashMap};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use artifact::{Artifact, Sentiment, Split, StageName};
use artifact::{filter_split, read_table, schema};
use metrics::{is_correct, likely_label_errors, most_confident_errors, wilson_interval};
use stage::Context;

use super::decisions::{class_probability, predicted};
use super::excerpts::{attributions, excerpt};
use super::slices::SliceBuilder;
use super::{Result, find};
use crate::data::{Disagreement, ReportData, SubsetAccuracy};
use crate::predictions::TestPredictions;

/// Most confident errors on the page.
const ERRORS: usize = 8;

/// Likely label errors on the page; the CSV file has all.
const LABEL_ERRORS: usize = 20;

/// Reads the reviews and adds slices and errors. The errors are those of the best model.
pub(super) fn collect(
    context: &Context,
    predictions: &TestPredictions,
    data: &mut ReportData,
) -> Result<()> {
    let best = data.best().map(|(model, _)| model);
    // An ensemble has no attributions; most of its errors are also errors of the member with the largest weight.
    let explainer = best.map(|best| best.members.first().unwrap_or(&best.name).clone());
    let best = best.map(|best| best.name.clone());
    let best = best.as_ref();
    let words = attributions(context, explainer.as_deref())?;
    let index_by_id: HashMap<u64, usize> = predictions.row_ids.iter().copied().zip(0..).collect();
    let probabilities = best.and_then(|best| predictions.probabilities.get(best));
    let (mut wrong, mut label_errors) = (Vec::new(), Vec::new());
    if let Some(values) = probabilities {
        let rows = predictions.labels.iter().zip(values).enumerate();
        let rows = rows.map(|(index, (label, value))| (index, *label, *value));
        wrong = most_confident_errors(rows, ERRORS);
        label_errors = likely_label_errors(&predictions.labels, values);
    }

    let reviews = context.input(StageName::Clean).file("clean.parquet")?;
    let mut slices = SliceBuilder::default();
    // Slices by unknown words need all training reviews first, so test reviews wait in memory.
    let mut test = Vec::new();
    for batch in read_table(&reviews, &schema::clean())? {
        let batch = batch?;
        let train = filter_split(&reviews, &batch, Split::Train)?;
        for row in 0..train.num_rows() {
            slices.add_training_text(text(&train, row));
        }
        test.push(filter_split(&reviews, &batch, Split::Test)?);
    }
    let wanted: BTreeSet<usize> = wrong.iter().chain(&label_errors).copied().collect();
    let mut texts: HashMap<usize, &str> = HashMap::new();
    for batch in &test {
        let ids = batch.column(0).as_primitive::<UInt64Type>();
        for row in 0..batch.num_rows() {
            if let Some(index) = index_by_id.get(&ids.value(row)).copied() {
                if wanted.contains(&index) {
                    texts.insert(index, text(batch, row));
                }
                slices.add(batch, row, index);
            }
        }
    }
    for (name, tokens) in tokens_of_models(context) {
        slices.add_truncation(name, tokens, &index_by_id)?;
    }
    let disagreement = |index: usize, is_excerpt: bool| {
        let (id, label) = (predictions.row_ids[index], predictions.labels[index]);
        let others = predictions.probabilities.iter();
        let others = others.filter(|(name, _)| Some(*name) != best);
        let correct = others.filter(|(_, values)| is_correct(label, values[index]));
        let others_correct = correct.count();
        let text = texts.get(&index).copied().unwrap_or_default();
        let probability = probabilities.map_or(0.5, |values| values[index]);
        let (class, label) = (predicted(probability), Sentiment::from_id(label));
        let (text, words) = match is_excerpt {
            true => excerpt(text, words.get(&id).map_or(&[][..], Vec::as_slice)),
            false => (text.to_owned(), Vec::new()),
        };
        Disagreement {
            row_id: id,
            text,
            words,
            label: label.map_or("", Sentiment::as_str).to_owned(),
            prediction: class.as_str().to_owned(),
            confidence: class_probability(class, probability).into(),
            probability: probability.into(),
            others_correct,
        }
    };
    let excerpts = |rows: &[usize]| rows.iter().map(|row| disagreement(*row, true)).collect();
    let shown = label_errors.len().min(LABEL_ERRORS);
    data.confident_errors = excerpts(&wrong);
    data.likely_label_errors = (label_errors.len() as u64, excerpts(&label_errors[..shown]));
    let all = label_errors.iter().map(|index| disagreement(*index, false));
    data.label_error_rows = all.collect();
    let confidence = data.confidence;
    for length in &mut data.input_lengths {
        let subset = |is_truncated| {
            let indices = slices.by_truncation(&length.tokenizer, is_truncated);
            let (rows, correct) = (indices.len(), predictions.correct(&length.model, indices));
            SubsetAccuracy {
                rows: rows as u64,
                accuracy: wilson_interval(correct, rows as u64, confidence),
            }
        };
        (length.on_truncated, length.on_whole) = (subset(true), subset(false));
    }
    data.slices = slices.build(predictions);
    data.explained_by = explainer;
    Ok(())
}

fn text(batch: &RecordBatch, row: usize) -> &str {
    batch.column(1).as_string::<i32>().value(row)
}

/// The tokens that the evaluated models read, each tokenizer once.
fn tokens_of_models(context: &Context) -> impl Iterator<Item = (&str, &Artifact)> {
    let evaluated = context.inputs(StageName::Evaluate);
    let trained = evaluated.filter_map(|(name, _)| find(context, StageName::Train, name));
    let inputs = trained.flat_map(|model| &model.manifest().inputs);
    let tokens = inputs.filter(|input| input.stage == StageName::Tokenize);
    let names: BTreeSet<&str> = tokens.map(|input| input.variant.as_str()).collect();
    let tokens = context.inputs(StageName::Tokenize);
    tokens.filter(move |(name, _)| names.contains(name))
}
