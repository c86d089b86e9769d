//! What the texts of the reviews tell: kinds of test reviews, and the texts behind the mistakes.

use std::collections::{BTreeSet, HashMap};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use artifact::{Artifact, Failure, Sentiment, Split, StageName};
use artifact::{filter_split, read_table, schema};
use metrics::{is_correct, likely_label_errors};
use stage::Context;

use super::explained::{self, excerpt};
use super::find;
use super::slices::Sorter;
use crate::data::{MarkedWord, Mistake, ModelData, ReportData};
use crate::merge::Judged;

/// Mistakes that are shown.
const SHOWN: usize = 8;

/// Reads the reviews, and adds what their texts tell. The mistakes are those of the best model.
pub(super) fn collect(
    context: &Context,
    judged: &Judged,
    data: &mut ReportData,
) -> Result<(), Failure> {
    let best = data.best().map(|(model, _)| model.clone());
    let best_name = best.as_ref().map(|best| best.name.as_str());
    // A model explains its own mistakes; those of an ensemble are mostly those of its first member.
    let first = |best: &ModelData| best.members.first().unwrap_or(&best.name).clone();
    let explainer = best.as_ref().map(first);
    let words = explained::collect(context, explainer.as_deref())?;
    let place_of: HashMap<u64, usize> = judged.row_ids.iter().copied().zip(0..).collect();
    let probabilities = best_name.and_then(|best| judged.probabilities.get(best));
    let (mut wrong, mut doubtful) = (Vec::new(), Vec::new());
    if let Some(values) = probabilities {
        wrong = surest_mistakes(&judged.labels, values);
        doubtful = likely_label_errors(&judged.labels, values);
    }
    let all_doubtful = doubtful.len() as u64;
    doubtful.truncate(SHOWN);

    let reviews = context.input(StageName::Clean).file("clean.parquet")?;
    let mut sorter = Sorter::default();
    // The sorter must know all training reviews before it sorts a test review, so test rows wait in memory.
    let mut test = Vec::new();
    for batch in read_table(&reviews, &schema::clean())? {
        let batch = batch?;
        let train = filter_split(&reviews, &batch, Split::Train)?;
        for row in 0..train.num_rows() {
            sorter.learn(text_of(&train, row));
        }
        test.push(filter_split(&reviews, &batch, Split::Test)?);
    }
    let mut excerpts: HashMap<usize, (String, Vec<MarkedWord>)> = HashMap::new();
    for batch in test {
        let ids = batch.column(0).as_primitive::<UInt64Type>();
        for row in 0..batch.num_rows() {
            let id = ids.value(row);
            let Some(place) = place_of.get(&id).copied() else {
                continue;
            };
            if wrong.contains(&place) || doubtful.contains(&place) {
                let words = words.get(&id).map_or(&[][..], Vec::as_slice);
                excerpts.insert(place, excerpt(text_of(&batch, row), words));
            }
            sorter.add(&batch, row, place);
        }
    }
    for (name, tokens) in tokens_of_models(context) {
        sorter.add_cuts(name, tokens, &place_of)?;
    }
    let mistake = |place: &usize| {
        let label = judged.labels[*place];
        let others = judged.probabilities.iter().filter(|(name, values)| {
            Some(name.as_str()) != best_name && is_correct(label, values[*place])
        });
        let (text, words) = excerpts.get(place).cloned().unwrap_or_default();
        let class = Sentiment::from_id(label).map_or("", Sentiment::as_str);
        Mistake {
            text,
            words,
            label: class.to_owned(),
            probability: probabilities.map_or(0.5, |values| f64::from(values[*place])),
            others_right: others.count(),
        }
    };
    data.mistakes = wrong.iter().map(mistake).collect();
    data.doubtful = (all_doubtful, doubtful.iter().map(mistake).collect());
    data.slices = sorter.slices(judged);
    data.explained_by = explainer;
    Ok(())
}

fn text_of(batch: &RecordBatch, row: usize) -> &str {
    batch.column(1).as_string::<i32>().value(row)
}

/// The tokens that the judged models read, each once.
fn tokens_of_models(context: &Context) -> impl Iterator<Item = (&str, &Artifact)> {
    let judged = context.inputs(StageName::Evaluate);
    let trained = judged.filter_map(|(name, _)| find(context, StageName::Train, name));
    let inputs = trained.flat_map(|model| &model.manifest().inputs);
    let tokens = inputs.filter(|input| input.stage == StageName::Tokenize);
    let read: BTreeSet<&str> = tokens.map(|input| input.variant.as_str()).collect();
    let tokens = context.inputs(StageName::Tokenize);
    tokens.filter(move |(name, _)| read.contains(name))
}

/// The rows with the largest probability of the wrong class.
fn surest_mistakes(labels: &[u8], probabilities: &[f32]) -> Vec<usize> {
    let mut wrong: Vec<usize> = (0..labels.len()).collect();
    wrong.retain(|row| !is_correct(labels[*row], probabilities[*row]));
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
