//! `ressenti predict --challenge`: the results of several models on the built-in challenge set, side by side.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use artifact::{Failure, format};
use challenge::{Case, Challenge, Relation, built_in};
use serde_json::json;
use stage::stdout_is_open;

use crate::answer::{describe, write_json};
use crate::arguments::Format;
use bundle::{Predictor, Probabilities};

/// Characters shown of a text.
const SHOWN: usize = 90;

/// Runs every case on every model and prints the results.
///
/// # Errors
/// A prediction fails, or the results cannot be written.
pub(crate) fn run(names: &[String], models: &[Predictor], format: Format) -> Result<(), Failure> {
    let cases = built_in();
    let results = models.iter().map(|model| score(model, &cases));
    let results = results.collect::<Result<Vec<_>, _>>()?;
    let mut out = anstream::stdout();
    let written = match format {
        Format::Text => print_text(&mut out, names, &results),
        Format::Json => write_json(&mut out, &json_cases(names, &results)),
        Format::Jsonl => {
            let mut cases = json_cases(names, &results).into_iter();
            cases.try_for_each(|case| writeln!(out, "{case}"))
        }
    };
    stdout_is_open(written.and_then(|()| out.flush())).map(drop)
}

fn score(predictor: &Predictor, cases: &[Case]) -> Result<Challenge, Failure> {
    let texts: Vec<&str> = cases.iter().map(|case| case.text.as_str()).collect();
    let probabilities = predictor.probabilities(&texts)?;
    let scored = cases.iter().cloned().zip(probabilities);
    let scored = scored.map(|(case, probability)| {
        let problem = || format!("The challenge text `{}` is empty after cleaning", case.text);
        let probability = probability.ok_or_else(|| Failure::new(problem()))?;
        Ok((case, probability, false))
    });
    Ok(Challenge::score(scored.collect::<Result<_, Failure>>()?))
}

/// Prints every text that some model failed, and the failures by capability.
fn print_text(out: &mut impl Write, names: &[String], results: &[Challenge]) -> io::Result<()> {
    let heading = Style::new().bold();
    let width = names.iter().map(String::len).max().unwrap_or(0).max(19);
    let column = |name: &String| format!("  {name:>width$}");
    let columns: String = names.iter().map(column).collect();
    let legend = "expected  text (x: failed)";
    writeln!(out, "{heading}{columns}   {legend}{heading:#}")?;
    let mut capability = "";
    for (index, result) in results[0].cases.iter().enumerate() {
        if !results.iter().any(|model| model.cases[index].failed) {
            continue;
        }
        if result.case.capability != capability {
            capability = &result.case.capability;
            writeln!(out, "{heading}{capability}{heading:#}")?;
        }
        for model in results {
            let result = &model.cases[index];
            let (mark, style) = match result.failed {
                true => ("x", AnsiColor::Red.on_default().bold()),
                false => (" ", Style::new()),
            };
            let probabilities = Probabilities::from_positive(result.probability);
            let label = probabilities.class().as_str();
            let prediction = format!("{mark} {}", describe(label, probabilities));
            write!(out, "  {style}{prediction:>width$}{style:#}")?;
        }
        let text: String = result.case.text.chars().take(SHOWN).collect();
        writeln!(out, "   {:<9} {text}", expected(&result.case))?;
    }
    let legend = "failures by capability";
    writeln!(out, "\n{heading}{columns}   {legend}{heading:#}")?;
    for (index, capability) in results[0].capabilities.iter().enumerate() {
        for model in results {
            let failed = model.capabilities[index].failed;
            let share = failed as f64 / capability.cases.max(1) as f64;
            let failures = format!("{failed} ({})", format::percent(share));
            write!(out, "  {failures:>width$}")?;
        }
        let cases = format::plural(capability.cases, "case", "cases");
        writeln!(out, "   {} ({cases})", capability.capability)?;
    }
    Ok(())
}

/// The expected result: the label, or how the text relates to the first text of its pair.
fn expected(case: &Case) -> &str {
    match (&case.label, case.relation) {
        (Some(label), _) => label,
        (None, Some(Relation::Same)) => "same",
        (None, Some(Relation::More)) => "more",
        (None, Some(Relation::Less)) => "less",
        (None, None) => "",
    }
}

/// Every case with the predictions of all models, as one JSON object each.
fn json_cases(names: &[String], results: &[Challenge]) -> Vec<serde_json::Value> {
    let describe = |index: usize| {
        let models = names.iter().zip(results).map(|(name, model)| {
            let result = &model.cases[index];
            let it = Probabilities::from_positive(result.probability);
            let prediction = json!({
                "label": it.class(), "confidence": it.confidence, "p_negative": it.p_negative,
                "p_positive": it.p_positive, "failed": result.failed,
            });
            (name.clone(), prediction)
        });
        let models: serde_json::Map<String, serde_json::Value> = models.collect();
        json!({ "case": results[0].cases[index].case, "models": models })
    };
    (0..results[0].cases.len()).map(describe).collect()
}
