//! `explanations.json`: the most confident errors of a model, and the words that influenced them.

use artifact::files::{Explanation, Prediction, write_json};
use artifact::{Failure, StageName, texts_by_row_id};
use bundle::{Scorer, TextReader, word_contributions};
use metrics::most_confident_errors;
use stage::Context;

use crate::Result;

/// The name of the file.
pub(crate) const EXPLANATIONS: &str = "explanations.json";

/// Number of errors to explain.
const EXPLAINED: usize = 10;

/// Explains the most confident errors on the test rows, most confident first.
pub(crate) fn write(
    context: &Context,
    (scorer, reader): (&dyn Scorer, &TextReader),
    predictions: &[Prediction],
) -> Result<()> {
    let rows = predictions.iter();
    let rows = rows.map(|row| (row.row_id, row.label, row.probability));
    let errors = most_confident_errors(rows, EXPLAINED);
    let reviews = context.input(StageName::Clean);
    let texts = texts_by_row_id(reviews, &errors.iter().copied().collect())?;
    let missing = |id: &u64| {
        let problem = format!("The test review {id} is in the tokens but not in `clean.parquet`");
        let hint = "Create both again with `ressenti run --from clean`".to_owned();
        Failure::new(problem).with_hint(hint)
    };
    let text = |row_id: &u64| texts.get(row_id).ok_or_else(|| missing(row_id));
    let (progress, count) = (context.progress(), Some(errors.len() as u64));
    let task = progress.task("explaining errors", count, "reviews");
    // More than four decimal places would be noise.
    let rounded = |weight: f64| (weight * 1e4).round() / 1e4;
    let mut explained = Vec::new();
    // One text per thread at a time.
    for row_ids in errors.chunks(rayon::current_num_threads()) {
        let texts = row_ids.iter().map(text).collect::<Result<Vec<_>, _>>()?;
        let all_words = word_contributions(scorer, reader, &texts)?;
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
