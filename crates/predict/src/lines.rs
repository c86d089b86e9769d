//! Texts of the command line, and of a pipe as they come.

use std::io::{self, BufRead, BufReader, Read, Write};

use serde::Serialize;
use stage::Failure;

use crate::arguments::Format;
use crate::explain::{Explanation, PlacedWord};
use crate::predictor::Predictor;
use crate::show;

/// Lines that are answered together, where so many have come already.
const TOGETHER: usize = 512;

/// Answers about texts, in their order.
pub(crate) struct Speaker<'a> {
    pub(crate) predictor: &'a Predictor,
    pub(crate) abstain: Option<f32>,
    pub(crate) explain: bool,
    pub(crate) format: Format,
}

/// What is said of one text.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Answer {
    /// From 1.
    pub(crate) row: u64,
    pub(crate) text: String,
    /// Nothing for a text of which nothing is left once it is cleaned.
    pub(crate) label: Option<String>,
    /// That it is positive.
    pub(crate) probability: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) words: Option<Vec<PlacedWord>>,
    #[serde(skip)]
    pub(crate) explanation: Option<Explanation>,
}

impl Speaker<'_> {
    /// Answers texts that are all there.
    ///
    /// # Errors
    /// The model cannot be asked.
    pub(crate) fn say(&self, texts: &[String]) -> Result<(), Failure> {
        let answers = self.answers(texts, 1)?;
        let mut out = anstream::stdout();
        // A closed pipe is a reader who has seen enough: not an error of ours.
        let _ = match self.format {
            Format::Json => show::json(&mut out, &answers),
            _ => self.show(&mut out, &answers).map(drop),
        };
        Ok(())
    }

    /// Answers lines as they come: a line that is there is not kept waiting for the next.
    ///
    /// # Errors
    /// The model cannot be asked, or a line is not UTF-8.
    pub(crate) fn answer_lines(&self, input: impl Read) -> Result<(), Failure> {
        let mut input = BufReader::new(input);
        let mut out = anstream::stdout();
        let mut all = Vec::new();
        let mut row = 1;
        loop {
            let lines = lines_there(&mut input).map_err(|error| {
                Failure::from_error(error).with_hint(
                    "Lines of a pipe are UTF-8; a file in another encoding is read with `--input FILE`"
                        .to_owned(),
                )
            })?;
            if lines.is_empty() {
                break;
            }
            let answers = self.answers(&lines, row)?;
            row += lines.len() as u64;
            if self.format == Format::Json {
                all.extend(answers);
            } else if self.show(&mut out, &answers).is_err() {
                return Ok(());
            }
        }
        if self.format == Format::Json {
            let _ = show::json(&mut out, &all);
        }
        Ok(())
    }

    fn show(&self, out: &mut impl Write, answers: &[Answer]) -> io::Result<()> {
        for answer in answers {
            match self.format {
                Format::Text => show::text(out, answer)?,
                _ => writeln!(
                    out,
                    "{}",
                    serde_json::to_string(answer).expect("plain data")
                )?,
            }
        }
        out.flush()
    }

    fn answers(&self, texts: &[String], first: u64) -> Result<Vec<Answer>, Failure> {
        let probabilities = self.predictor.probabilities(texts)?;
        let mut explanations = match self.explain {
            true => self.predictor.explain_all(texts)?,
            false => Vec::new(),
        }
        .into_iter();
        let answer = |(place, (text, probability)): (usize, (&String, Option<f32>))| {
            let explanation = explanations.next().flatten();
            Answer {
                row: first + place as u64,
                text: text.clone(),
                label: probability
                    .map(|value| self.predictor.label(value, self.abstain).to_owned()),
                probability,
                words: explanation.as_ref().map(Explanation::placed),
                explanation,
            }
        };
        let answers = texts.iter().zip(probabilities).enumerate().map(answer);
        Ok(answers.collect())
    }
}

/// The next line, and those behind it that are there already; none at the end.
fn lines_there(input: &mut BufReader<impl Read>) -> io::Result<Vec<String>> {
    let mut lines = Vec::new();
    while lines.is_empty() || (lines.len() < TOGETHER && input.buffer().contains(&b'\n')) {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            break;
        }
        let end = line.trim_end_matches(['\r', '\n']).len();
        line.truncate(end);
        lines.push(line);
    }
    Ok(lines)
}
