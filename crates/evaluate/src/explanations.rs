//! `explanations.json`: the mistakes that a model is surest of, and the words that drove them.

use artifact::files::Prediction;

use artifact::files::{Explanation, write_json};
use artifact::{Failure, StageName, texts_by_row_id};
use bundle::{Scorer, TextReader, word_contributions};
use metrics::is_correct;
use stage::Context;

/// The name of the file.
pub(crate) const EXPLANATIONS: &str = "explanations.json";

/// Mistakes that are explained.
const EXPLAINED: usize = 10;

/// Explains the surest mistakes on the test rows, the surest first.
pub(crate) fn write(
    context: &Context,
    (scorer, reader): (&dyn Scorer, &TextReader),
    predictions: &[Prediction],
) -> Result<(), Failure> {
    let mistakes = surest_mistakes(predictions);
    let reviews = context.input(StageName::Clean);
    let texts = texts_by_row_id(reviews, &mistakes.iter().copied().collect())?;
    let text_of = |row_id: &u64| {
        texts.get(row_id).ok_or_else(|| {
            Failure::new(format!(
                "The test review {row_id} is among the tokens and not among the reviews"
            ))
            .with_hint("Build both again with `ressenti run --from clean`".to_owned())
        })
    };
    let count = Some(mistakes.len() as u64);
    let task = context
        .progress()
        .task("explaining mistakes", count, "reviews");
    // Four digits behind the point: more would be noise.
    let rounded = |weight: f64| (weight * 1e4).round() / 1e4;
    let mut explained = Vec::new();
    // As many at a time as there are threads to explain them.
    for row_ids in mistakes.chunks(rayon::current_num_threads()) {
        let some = row_ids.iter().map(text_of).collect::<Result<Vec<_>, _>>()?;
        let all_words = word_contributions(scorer, reader, &some)?;
        for (row_id, words) in row_ids.iter().zip(all_words) {
            let words = words.into_iter();
            let words = words.map(|word| (word.range.start, word.range.end, rounded(word.weight)));
            explained.push(Explanation {
                row_id: *row_id,
                words: words.filter(|(_, _, weight)| *weight != 0.0).collect(),
            });
        }
        task.advance(row_ids.len() as u64);
    }
    write_json(&context.output().join(EXPLANATIONS), &explained)?;
    Ok(())
}

/// The ids of the rows with the largest probability of the wrong class; of equals the smaller id first.
fn surest_mistakes(predictions: &[Prediction]) -> Vec<u64> {
    let mut wrong: Vec<&Prediction> = predictions
        .iter()
        .filter(|row| !is_correct(row.label, row.probability))
        .collect();
    let sureness = |row: &Prediction| (row.probability - 0.5).abs();
    wrong.sort_by(|one, two| {
        let order = sureness(two).total_cmp(&sureness(one));
        order.then(one.row_id.cmp(&two.row_id))
    });
    wrong.truncate(EXPLAINED);
    wrong.into_iter().map(|row| row.row_id).collect()
}

#[cfg(test)]
mod tests {
    use artifact::Split;

    use super::*;

    #[test]
    fn the_surest_mistakes_come_first() {
        let row = |row_id, label, probability| Prediction {
            row_id,
            split: Split::Test,
            label,
            probability,
        };
        let rows = [
            row(7, 1, 0.1),
            row(1, 0, 0.7),
            row(3, 1, 0.9),
            row(5, 0, 0.99),
            row(2, 1, 0.1),
        ];
        assert_eq!(surest_mistakes(&rows), [5, 2, 7, 1]);
    }
}
