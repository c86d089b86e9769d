//! Answers on the screen. Colours are left out by `anstream` where there is no terminal, or where
//! `NO_COLOR` says so; so no answer is in a colour alone.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use bundle::{Explanation, UNDECIDED, WordSpan};

/// Words named below an explained text, for either side.
const NAMED: usize = 5;

/// A word is coloured from this share of the strongest word's weight on, and bold from half of it on.
const COLOURED: f64 = 0.1;

/// What is said of one text.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Answer {
    /// From 1.
    pub(crate) row: u64,
    /// As it came, where `text` is something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) input: Option<String>,
    /// As it came; where words are asked for as the model was given it, because their places are in that.
    pub(crate) text: String,
    /// Nothing for a text of which nothing is left once it is cleaned, and for a line that is no text.
    pub(crate) label: Option<String>,
    /// That it is positive.
    pub(crate) probability: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) words: Option<Vec<WordSpan>>,
    /// Why a line is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    #[serde(skip)]
    pub(crate) explanation: Option<Explanation>,
}

/// One JSON array.
pub(crate) fn json<T: Serialize>(out: &mut impl Write, answers: &[T]) -> io::Result<()> {
    let text = serde_json::to_string_pretty(answers).expect("plain data");
    writeln!(out, "{text}")?;
    out.flush()
}

/// `positive   0.973  the text`, and below it the words that drove it.
pub(crate) fn text(out: &mut impl Write, answer: &Answer) -> io::Result<()> {
    let (Some(label), Some(probability)) = (&answer.label, answer.probability) else {
        let why = match &answer.reason {
            Some(reason) => format!("line {}: {reason}", answer.row),
            None => "nothing is left of the text once it is cleaned".to_owned(),
        };
        return writeln!(out, "{:<10}     -  ({why})", "-");
    };
    let style = match label.as_str() {
        UNDECIDED => AnsiColor::Yellow.on_default(),
        _ => colour(f64::from(probability) - 0.5).bold(),
    };
    write!(out, "{style}{label:<10}{style:#} {probability:.3}  ")?;
    match &answer.explanation {
        None => writeln!(out, "{}", answer.text),
        Some(explanation) => explained(out, explanation),
    }
}

fn explained(out: &mut impl Write, explanation: &Explanation) -> io::Result<()> {
    let weights = explanation.words.iter().map(|word| word.weight.abs());
    let strongest = weights.fold(0.0, f64::max);
    let mut written = 0;
    for word in &explanation.words {
        write!(out, "{}", &explanation.text[written..word.range.start])?;
        let share = word.weight.abs() / strongest.max(f64::MIN_POSITIVE);
        let style = match share {
            share if share < COLOURED => Style::new(),
            share if share < 0.5 => colour(word.weight),
            _ => colour(word.weight).bold(),
        };
        let text = &explanation.text[word.range.clone()];
        write!(out, "{style}{text}{style:#}")?;
        written = word.range.end;
    }
    writeln!(out, "{}", &explanation.text[written..])?;
    for (title, sign) in [("for", 1.0), ("against", -1.0)] {
        let words = explanation.strongest(explanation.words.len());
        let side = words.iter().filter(|word| word.weight * sign > 0.0);
        let named = side.take(NAMED);
        let named = named.map(|word| format!("{} {:+.2}", word.word, word.weight));
        let named: Vec<String> = named.collect();
        if !named.is_empty() {
            let style = colour(sign);
            writeln!(out, "  {style}{title:<8}{style:#} {}", named.join(", "))?;
        }
    }
    Ok(())
}

/// Green for what is positive, red for what is not.
fn colour(value: f64) -> Style {
    match value >= 0.0 {
        true => AnsiColor::Green.on_default(),
        false => AnsiColor::Red.on_default(),
    }
}
