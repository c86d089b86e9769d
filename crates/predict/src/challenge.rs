//! `ressenti predict --challenge`: the built-in set of texts made to trick a model, by several models
//! side by side.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use artifact::Failure;
use challenge::{Case, Challenge, Relation, built_in};
use serde_json::json;
use stage::stdout_is_open;

use crate::arguments::Format;
use crate::show;
use bundle::Predictor;

/// Characters of a text that are shown.
const SHOWN: usize = 90;

/// Puts every case to every model and shows what they made of it.
///
/// # Errors
/// A model cannot be asked, or the answers not be written.
pub(crate) fn run(
    names: &[String],
    predictors: &[Predictor],
    format: Format,
) -> Result<(), Failure> {
    let cases = built_in();
    let asked = predictors.iter().map(|predictor| ask(predictor, &cases));
    let found = asked.collect::<Result<Vec<_>, _>>()?;
    let mut out = anstream::stdout();
    let written = match format {
        Format::Text => print(&mut out, names, &found),
        _ => print_json(&mut out, names, &found, format),
    };
    stdout_is_open(written.and_then(|()| out.flush())).map(drop)
}

fn ask(predictor: &Predictor, cases: &[Case]) -> Result<Challenge, Failure> {
    let texts: Vec<&str> = cases.iter().map(|case| case.text.as_str()).collect();
    let said = predictor.probabilities(&texts)?;
    let judged = cases.iter().cloned().zip(said).map(|(case, probability)| {
        let text = &case.text;
        let empty = || Failure::new(format!("Nothing is left of `{text}` once it is cleaned"));
        let probability = probability.ok_or_else(empty)?;
        Ok((case, probability, false))
    });
    Ok(Challenge::score(judged.collect::<Result<_, Failure>>()?))
}

/// Every text that some model failed, and then how many there were by capability.
fn print(out: &mut impl Write, names: &[String], found: &[Challenge]) -> io::Result<()> {
    let heading = Style::new().bold();
    let wide = names.iter().map(String::len).max().unwrap_or(0).max(11);
    let name = |name: &String| format!("  {name:>wide$}");
    let columns: String = names.iter().map(name).collect();
    let legend = "the probability of positive; failures are marked";
    writeln!(out, "{heading}{columns}{heading:#}   {legend}")?;
    let mut capability = "";
    for (place, answer) in found[0].cases.iter().enumerate() {
        if !found.iter().any(|model| model.cases[place].failed) {
            continue;
        }
        if answer.case.capability != capability {
            capability = &answer.case.capability;
            writeln!(out, "{heading}{capability}{heading:#}")?;
        }
        for model in found {
            let answer = &model.cases[place];
            let (mark, style) = match answer.failed {
                true => ("x", AnsiColor::Red.on_default().bold()),
                false => (" ", Style::new()),
            };
            let said = format!("{mark} {:.2}", answer.probability);
            write!(out, "  {style}{said:>wide$}{style:#}")?;
        }
        let shown: String = answer.case.text.chars().take(SHOWN).collect();
        writeln!(out, "   {:<9} {shown}", expected(&answer.case))?;
    }
    let legend = "failed, by what is asked of a model";
    writeln!(out, "\n{heading}{columns}   {legend}{heading:#}")?;
    for (place, tally) in found[0].capabilities.iter().enumerate() {
        for model in found {
            let tally = &model.capabilities[place];
            let share = 100.0 * tally.failed as f64 / tally.cases.max(1) as f64;
            let rate = format!("{} ({share:.0} %)", tally.failed);
            write!(out, "  {rate:>wide$}")?;
        }
        writeln!(out, "   {} of {}", tally.capability, tally.cases)?;
    }
    Ok(())
}

/// What should be said of a text: its label, or how it relates to the one before it.
fn expected(case: &Case) -> &str {
    match (&case.label, case.relation) {
        (Some(label), _) => label,
        (None, Some(Relation::Same)) => "same",
        (None, Some(Relation::More)) => "more",
        (None, Some(Relation::Less)) => "less",
        (None, None) => "",
    }
}

/// The whole set with what every model said; for JSON lines a case a line.
fn print_json(
    out: &mut impl Write,
    names: &[String],
    found: &[Challenge],
    format: Format,
) -> io::Result<()> {
    let all: Vec<serde_json::Value> = (0..found[0].cases.len())
        .map(|place| {
            let said = names.iter().zip(found).map(|(name, model)| {
                let answer = &model.cases[place];
                let said = json!({ "probability": answer.probability, "failed": answer.failed });
                (name.clone(), said)
            });
            let said: serde_json::Map<String, serde_json::Value> = said.collect();
            json!({ "case": found[0].cases[place].case, "models": said })
        })
        .collect();
    if format == Format::Json {
        return show::json(out, &all);
    }
    all.iter().try_for_each(|case| writeln!(out, "{case}"))
}
