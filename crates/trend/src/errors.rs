//! From where it is known how the model errs.

use artifact::{Split, StageName, Store};
use evaluate::read_predictions;
use metrics::random::Draws;
use quantification::{QuantificationError, Quantifier};
use settings::Pipeline;
use stage::Failure;

use crate::data::Input;

/// Resamples behind every interval.
const DRAWS: u32 = 1000;

/// A quantifier from what a model of the pipeline said of its validation reviews.
pub fn of_validation(pipeline: &Pipeline, model: &str, seed: u64) -> Result<Quantifier, Failure> {
    let store = Store::new(&pipeline.artifacts);
    let Some(evaluation) = store.latest(StageName::Evaluate, model)? else {
        return Err(Failure::new(format!(
            "`{model}` has not been judged, so that it is not known how it errs"
        ))
        .with_hint(format!(
            "Judge it with `ressenti run --variant {model}`, or let labelled reviews of the file say it: `--adapt 300`"
        )));
    };
    let path = evaluation.file("predictions.parquet")?;
    let rows = read_predictions(&path, model, Split::Validation)?;
    let labels: Vec<u8> = rows.iter().map(|row| row.label).collect();
    let said: Vec<f32> = rows.iter().map(|row| row.probability).collect();
    from_rows(&labels, &said, "the validation reviews", seed)
}

/// A quantifier from labelled rows; `what` names them.
pub(crate) fn from_rows(
    labels: &[u8],
    said: &[f32],
    what: &str,
    seed: u64,
) -> Result<Quantifier, Failure> {
    Quantifier::new(labels, said, DRAWS, seed).map_err(|error| {
        let hint = match &error {
            QuantificationError::OneClass { .. } => {
                Some("A few hundred reviews of both classes are wanted: see `--adapt` and `--labelled`".to_owned())
            }
            QuantificationError::Useless => {
                Some("Another model may do better: `ressenti predict --challenge` and the report say how each does".to_owned())
            }
            _ => None,
        };
        Failure::new(format!("How the model errs cannot be learned from {what}: {error}")).with_hint(hint)
    })
}

/// Takes so many labelled reviews out of the input, drawn at random, and learns from them.
pub(crate) fn from_input(
    input: &mut Input,
    count: usize,
    seed: u64,
) -> Result<Quantifier, Failure> {
    let draws = Draws::new(seed, 0xADA7);
    let mut known: Vec<usize> = (0..input.rows.len())
        .filter(|row| input.rows[*row].verdict.is_some())
        .collect();
    if known.len() < count {
        return Err(Failure::new(format!(
            "{count} labelled reviews were asked for, and the file has {}",
            known.len()
        ))
        .with_hint("`ressenti inspect FILE` shows which column is taken for the label; name another with `--set ingest.columns.label=NAME`".to_owned()));
    }
    known.sort_by_key(|row| draws.bits(*row as u64));
    known.truncate(count);
    let labels: Vec<u8> = known
        .iter()
        .filter_map(|row| input.rows[*row].verdict)
        .collect();
    let said: Vec<f32> = known
        .iter()
        .map(|row| input.rows[*row].probability)
        .collect();
    known.sort_unstable();
    let mut row = 0;
    input.rows.retain(|_| {
        row += 1;
        known.binary_search(&(row - 1)).is_err()
    });
    from_rows(&labels, &said, "the labelled reviews of the file", seed)
}
