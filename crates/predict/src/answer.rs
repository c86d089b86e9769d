//! Answers as text for people and as JSON. No information is in a colour alone: `anstream` removes colours without a
//! terminal or with `NO_COLOR`.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use artifact::{Sentiment, format};
use serde::Serialize;

use bundle::{Explanation, Probabilities, UNDECIDED, WordSpan};

/// Words listed below an explained text, for each class.
const LISTED_WORDS: usize = 5;

/// A word is coloured if its weight is at least this share of the largest weight, and bold from a half.
const MIN_COLOURED_SHARE: f64 = 0.1;

/// The prediction of one text.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Answer {
    /// Number of the text, from 1.
    pub(crate) row: u64,
    /// The original text, with `--explain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) input: Option<String>,
    /// The original text; with `--explain` the cleaned text, to which the positions of words refer.
    pub(crate) text: String,
    /// `None` if the text is empty after cleaning or the line could not be read; so are the probabilities.
    pub(crate) label: Option<String>,
    /// Probability of the likelier class.
    pub(crate) confidence: Option<f32>,
    pub(crate) p_negative: Option<f32>,
    pub(crate) p_positive: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) words: Option<Vec<WordSpan>>,
    /// Why the line could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    #[serde(skip)]
    pub(crate) explanation: Option<Explanation>,
}

/// Writes answers as one JSON array.
pub(crate) fn write_json<T: Serialize>(out: &mut impl Write, answers: &[T]) -> io::Result<()> {
    let text = serde_json::to_string_pretty(answers).expect("plain data");
    writeln!(out, "{text}")?;
    out.flush()
}

/// Writes `positive (97.3%)  the text`, and with an explanation the most influential words.
pub(crate) fn write_text(out: &mut impl Write, answer: &Answer) -> io::Result<()> {
    let (Some(label), Some(p_positive)) = (&answer.label, answer.p_positive) else {
        let reason = match &answer.reason {
            Some(reason) => format!("line {}: {reason}", answer.row),
            None => "the text is empty after cleaning".to_owned(),
        };
        return writeln!(out, "{:<18} ({reason})", "no label");
    };
    let prediction = describe(label, Probabilities::from_positive(p_positive));
    let style = match label.as_str() {
        UNDECIDED => AnsiColor::Yellow.on_default(),
        _ => colour(f64::from(p_positive) - 0.5).bold(),
    };
    write!(out, "{style}{prediction:<18}{style:#} ")?;
    match &answer.explanation {
        None => writeln!(out, "{}", answer.text),
        Some(explanation) => write_explanation(out, explanation),
    }
}

/// A label with the probability of the likelier class: `negative (96.5%)`, `undecided (negative 52.3%)`.
pub(crate) fn describe(label: &str, probabilities: Probabilities) -> String {
    let class = probabilities.class();
    let percent = format::percent(probabilities.confidence.into());
    match label {
        UNDECIDED => format!("{label} ({class} {percent})"),
        _ => format!("{label} ({percent})"),
    }
}

/// Writes a text with coloured words, and below it the most influential words of each class.
fn write_explanation(out: &mut impl Write, explanation: &Explanation) -> io::Result<()> {
    let weights = explanation.words.iter().map(|word| word.weight.abs());
    let strongest = weights.fold(0.0, f64::max);
    let mut written = 0;
    for word in &explanation.words {
        write!(out, "{}", &explanation.text[written..word.range.start])?;
        let share = word.weight.abs() / strongest.max(f64::MIN_POSITIVE);
        let style = match share {
            share if share < MIN_COLOURED_SHARE => Style::new(),
            share if share < 0.5 => colour(word.weight),
            _ => colour(word.weight).bold(),
        };
        let text = &explanation.text[word.range.clone()];
        write!(out, "{style}{text}{style:#}")?;
        written = word.range.end;
    }
    writeln!(out, "{}", &explanation.text[written..])?;
    for (class, direction) in [(Sentiment::Positive, 1.0), (Sentiment::Negative, -1.0)] {
        let words = explanation.strongest(explanation.words.len());
        let words = words.iter().filter(|word| word.weight * direction > 0.0);
        let words = words.take(LISTED_WORDS);
        let words = words.map(|word| format!("{} {:+.2}", word.word, word.weight));
        let words: Vec<String> = words.collect();
        if !words.is_empty() {
            let (style, words) = (colour(direction), words.join(", "));
            writeln!(out, "  {style}towards {class}:{style:#} {words}")?;
        }
    }
    Ok(())
}

/// Green for positive values, red for negative values.
fn colour(value: f64) -> Style {
    match value >= 0.0 {
        true => AnsiColor::Green.on_default(),
        false => AnsiColor::Red.on_default(),
    }
}
