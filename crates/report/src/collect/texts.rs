//! What the texts of the reviews tell: kinds of test reviews, and the texts behind the mistakes.

use std::collections::{BTreeSet, HashMap};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use artifact::{Artifact, Sentiment, Split, StageName, read_table, schema};
use metrics::{doubtful_labels, is_right};
use stage::Context;

use super::explained::{Words, excerpt};
use super::slices::Sorter;
use crate::ReportError;
use crate::data::{Mistake, SliceData};
use crate::merge::Judged;

/// Mistakes that are shown.
const SHOWN: usize = 8;

/// What the texts tell.
#[derive(Default)]
pub(super) struct Texts {
    pub(super) slices: Vec<SliceData>,
    pub(super) mistakes: Vec<Mistake>,
    pub(super) doubtful: (u64, Vec<Mistake>),
}

/// Reads the reviews; `best` is the model whose mistakes are shown, `words` what drove it.
pub(super) fn collect(
    context: &Context,
    judged: &Judged,
    best: Option<&str>,
    words: &Words,
) -> Result<Texts, ReportError> {
    let place_of: HashMap<u64, usize> = judged
        .row_ids
        .iter()
        .enumerate()
        .map(|(place, id)| (*id, place))
        .collect();
    let probabilities = best.and_then(|best| judged.probabilities.get(best));
    let wrong =
        probabilities.map_or_else(Vec::new, |values| surest_mistakes(&judged.labels, values));
    let doubtful =
        probabilities.map_or_else(Vec::new, |values| doubtful_labels(&judged.labels, values));
    let doubtful_shown = doubtful.len().min(SHOWN);
    let wanted: Vec<usize> = wrong
        .iter()
        .chain(&doubtful[..doubtful_shown])
        .copied()
        .collect();

    let reviews = context.input(StageName::Clean).file("clean.parquet")?;
    let mut sorter = Sorter::default();
    for batch in read_table(&reviews, &schema::clean())? {
        let batch = batch?;
        for row in rows_of(&batch, Split::Train) {
            sorter.learn(batch.column(1).as_string::<i32>().value(row));
        }
    }
    // The test reviews after all of the training reviews, whatever their order in the table.
    let mut excerpts = HashMap::new();
    for batch in read_table(&reviews, &schema::clean())? {
        let batch = batch?;
        let ids = batch.column(0).as_primitive::<UInt64Type>();
        for row in rows_of(&batch, Split::Test) {
            let Some(place) = place_of.get(&ids.value(row)).copied() else {
                continue;
            };
            if wanted.contains(&place) {
                let text = batch.column(1).as_string::<i32>().value(row);
                excerpts.insert(place, excerpt(text, words.get(&ids.value(row))));
            }
            sorter.add(&batch, row, place);
        }
    }
    for (name, tokens) in tokens_of_models(context) {
        sorter.add_cuts(name, tokens, &place_of)?;
    }
    let mistake = |place: &usize| {
        let label = judged.labels[*place];
        let others = judged
            .probabilities
            .iter()
            .filter(|(name, _)| Some(name.as_str()) != best);
        let (text, words) = excerpts.get(place).cloned().unwrap_or_default();
        Mistake {
            text,
            words,
            label: Sentiment::from_id(label)
                .map_or("", Sentiment::as_str)
                .to_owned(),
            probability: probabilities.map_or(0.5, |values| f64::from(values[*place])),
            others_right: others
                .filter(|(_, values)| is_right(label, values[*place]))
                .count(),
        }
    };
    Ok(Texts {
        mistakes: wrong.iter().map(mistake).collect(),
        doubtful: (
            doubtful.len() as u64,
            doubtful[..doubtful_shown].iter().map(mistake).collect(),
        ),
        slices: sorter.slices(judged),
    })
}

/// The rows of a batch that belong to a split.
fn rows_of(batch: &RecordBatch, split: Split) -> impl Iterator<Item = usize> {
    let splits = batch.column(3).as_string::<i32>();
    (0..batch.num_rows()).filter(move |row| splits.value(*row) == split.as_str())
}

/// The tokens that the judged models read, each once.
fn tokens_of_models(context: &Context) -> impl Iterator<Item = (&str, &Artifact)> {
    let judged: BTreeSet<&str> = context
        .inputs(StageName::Evaluate)
        .map(|(name, _)| name)
        .collect();
    let trained = context
        .inputs(StageName::Train)
        .filter(|(name, _)| judged.contains(name));
    let read: BTreeSet<&str> = trained
        .flat_map(|(_, model)| &model.manifest().inputs)
        .filter(|input| input.stage == StageName::Tokenize)
        .map(|input| input.variant.as_str())
        .collect();
    context
        .inputs(StageName::Tokenize)
        .filter(move |(name, _)| read.contains(name))
}

/// The rows with the largest probability of the wrong class.
fn surest_mistakes(labels: &[u8], probabilities: &[f32]) -> Vec<usize> {
    let mut wrong: Vec<usize> = (0..labels.len())
        .filter(|row| !is_right(labels[*row], probabilities[*row]))
        .collect();
    let sureness = |row: &usize| (probabilities[*row] - 0.5).abs();
    wrong.sort_by(|one, two| sureness(two).total_cmp(&sureness(one)));
    wrong.truncate(SHOWN);
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_surest_mistakes_come_first() {
        let labels = [1, 0, 1, 0];
        assert_eq!(surest_mistakes(&labels, &[0.1, 0.7, 0.9, 0.99]), [3, 0, 1]);
    }
}
