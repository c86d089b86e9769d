//! Texts of the command line, and lines of standard input as they arrive.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::mem;
use std::path::Path;

use artifact::files::PredictedLanguages;
use artifact::{ArtifactError, Failure, format};
use ingest::RejectedRow;
use stage::{Progress, stdout_is_open};

use crate::answer::{self, Answer};
use crate::arguments::Format;
use crate::{print_notes, warn_of_languages};
use bundle::{Explanation, Predictor, Probabilities};

/// Most lines that are predicted together, if as many are available.
const MAX_BATCH: usize = 512;

/// Number of first lines whose language is identified; the number of all lines is not known.
const EXAMINED_LINES: u64 = 10_000;

/// Characters shown of a rejected line.
const EXCERPT: usize = 200;

/// The reason of a line that is too long, the same as for a row of a file.
const TOO_LONG: &str = "the text is longer than `ingest.max_text_bytes`";

/// A text, or why the line was rejected.
type Line = Result<String, RejectedRow>;

/// Predicts texts and writes the answers to standard output, in order.
pub(crate) struct AnswerWriter<'a> {
    pub(crate) predictor: &'a Predictor,
    pub(crate) progress: &'a Progress,
    pub(crate) abstain: Option<f32>,
    pub(crate) explain: bool,
    pub(crate) format: Format,
    /// Longest text in bytes: `ingest.max_text_bytes`.
    pub(crate) max_bytes: usize,
    /// Largest share of rejected lines: `ingest.max_reject_rate`.
    pub(crate) max_reject_rate: f64,
}

impl AnswerWriter<'_> {
    /// Answers the texts of the command line.
    ///
    /// # Errors
    /// A text is too long, the prediction fails, or the answers cannot be written.
    pub(crate) fn answer_texts(&self, texts: Vec<String>) -> Result<(), Failure> {
        let limit = self.max_bytes;
        if let Some(index) = texts.iter().position(|text| text.len() > limit) {
            let number = index + 1;
            let problem = format!("Text {number} is longer than `ingest.max_text_bytes` = {limit}");
            let hint = "Allow longer texts with `--set ingest.max_text_bytes=NUMBER`";
            return Err(Failure::new(problem).with_hint(hint.to_owned()));
        }
        let mut languages = PredictedLanguages::default();
        let lines = texts.into_iter().map(Ok).collect();
        let answers = self.predict(lines, 1, &mut languages)?;
        stdout_is_open(self.write(&mut anstream::stdout(), &answers))?;
        warn_of_languages(&languages, self.progress);
        Ok(())
    }

    /// Answers lines as they arrive, without waiting for the next line. A line that cannot be read gets a reason
    /// instead of a label.
    ///
    /// # Errors
    /// The lines cannot be read, the prediction fails, the answers cannot be written, or too many lines were rejected.
    pub(crate) fn answer_lines(&self, input: impl Read) -> Result<(), Failure> {
        let mut input = BufReader::new(input);
        let mut out = anstream::stdout();
        let mut all = Vec::new();
        // Number of rejected lines, and the number and the reason of the first one.
        let (mut rejected, mut first) = (0_u64, None);
        let mut languages = PredictedLanguages::default();
        let mut row = 1;
        loop {
            let lines = available_lines(&mut input, self.max_bytes);
            let lines = lines.map_err(ArtifactError::io("read", Path::new("standard input")))?;
            if lines.is_empty() {
                break;
            }
            let count = lines.len() as u64;
            let answers = self.predict(lines, row, &mut languages)?;
            row += count;
            for answer in &answers {
                if let Some(reason) = &answer.reason {
                    rejected += 1;
                    first.get_or_insert_with(|| (answer.row, reason.clone()));
                }
            }
            if self.format == Format::Json {
                all.extend(answers);
            } else if !stdout_is_open(self.write(&mut out, &answers))? {
                return Ok(());
            }
        }
        if self.format == Format::Json && !stdout_is_open(self.write(&mut out, &all))? {
            return Ok(());
        }
        warn_of_languages(&languages, self.progress);
        let Some((first_row, reason)) = first else {
            return Ok(());
        };
        let hint = match reason == TOO_LONG {
            true => "Allow longer texts with `--set ingest.max_text_bytes=NUMBER`",
            false => "Use `--input FILE --output FILE.csv` for a file in another encoding",
        };
        let (count, all) = (format::count(rejected), row - 1);
        let lines = format::plural(all, "line", "lines");
        let problem = format!("Could not read {count} of {lines}; line {first_row}: {reason}");
        if rejected as f64 > self.max_reject_rate * all as f64 {
            return Err(Failure::new(problem).with_hint(hint.to_owned()));
        }
        self.progress.warn(&format!("{problem}. {hint}"));
        Ok(())
    }

    /// Writes answers; a JSON array must contain all of them.
    fn write(&self, out: &mut impl Write, answers: &[Answer]) -> io::Result<()> {
        if self.format == Format::Json {
            return answer::write_json(out, answers);
        }
        for answer in answers {
            match self.format {
                Format::Text => answer::write_text(out, answer)?,
                _ => {
                    let line = serde_json::to_string(answer).expect("plain data");
                    writeln!(out, "{line}")?;
                }
            }
        }
        out.flush()
    }

    /// The answers of lines, numbered from `first`. Adds their languages.
    fn predict(
        &self,
        lines: Vec<Line>,
        first: u64,
        languages: &mut PredictedLanguages,
    ) -> Result<Vec<Answer>, Failure> {
        let texts: Vec<&String> = lines.iter().filter_map(|line| line.as_ref().ok()).collect();
        let mut answers = self.predictor.predict(&texts, self.explain)?.into_iter();
        if first <= EXAMINED_LINES {
            *languages = mem::take(languages).merged(&self.predictor.languages(&texts));
        }
        print_notes(self.predictor, self.progress);
        let answer = |(line, row): (Line, u64)| match line {
            Ok(text) => self.answer(row, text, answers.next().flatten()),
            Err(problem) => Answer {
                row,
                text: problem.excerpt,
                reason: Some(problem.reason),
                ..Answer::default()
            },
        };
        Ok(lines.into_iter().zip(first..).map(answer).collect())
    }

    fn answer(&self, row: u64, text: String, answer: Option<bundle::Answer>) -> Answer {
        let probability = answer.as_ref().map(|answer| answer.probability);
        let probabilities = probability.map(Probabilities::from_positive);
        let explanation = answer.and_then(|answer| answer.explanation);
        let label = probability.map(|value| self.predictor.label(value, self.abstain));
        // Without an explanation the cleaned text is empty.
        let cleaned = explanation.as_ref().map(|it| it.text.clone());
        let (input, text) = match self.explain {
            true => (Some(text), cleaned.unwrap_or_default()),
            false => (None, text),
        };
        Answer {
            row,
            input,
            text,
            label: label.map(str::to_owned),
            confidence: probabilities.map(|it| it.confidence),
            p_negative: probabilities.map(|it| it.p_negative),
            p_positive: probability,
            words: explanation.as_ref().map(Explanation::word_spans),
            explanation,
            ..Answer::default()
        }
    }
}

/// The next line and all lines that are already in the buffer; none at the end of the input.
fn available_lines(input: &mut BufReader<impl Read>, max_bytes: usize) -> io::Result<Vec<Line>> {
    let mut lines = Vec::new();
    while lines.is_empty() || (lines.len() < MAX_BATCH && input.buffer().contains(&b'\n')) {
        match next_line(input, max_bytes)? {
            Some(line) => lines.push(line),
            None => break,
        }
    }
    Ok(lines)
}

/// The next line, read up to the longest allowed text; `None` at the end of the input.
fn next_line(input: &mut impl BufRead, max_bytes: usize) -> io::Result<Option<Line>> {
    // One byte more than allowed, and a line break of two bytes.
    let limit = max_bytes.saturating_add(3);
    let mut line = Vec::new();
    if input.take(limit as u64).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    let is_truncated = line.len() == limit && !line.ends_with(b"\n");
    if is_truncated {
        input.skip_until(b'\n')?;
    }
    while line.ends_with(b"\n") || line.ends_with(b"\r") {
        line.pop();
    }
    if is_truncated || line.len() > max_bytes {
        return Ok(Some(Err(rejected(TOO_LONG.to_owned(), &line))));
    }
    Ok(Some(String::from_utf8(line).map_err(|error| {
        let position = error.utf8_error().valid_up_to() + 1;
        let reason = format!("the text is not UTF-8: at byte {position}");
        rejected(reason, error.as_bytes())
    })))
}

fn rejected(reason: String, line: &[u8]) -> RejectedRow {
    RejectedRow {
        reason,
        is_skipped: false,
        excerpt: excerpt(line),
    }
}

/// The first characters of a line that may not be UTF-8.
fn excerpt(bytes: &[u8]) -> String {
    // A character has at most four bytes.
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * EXCERPT)]);
    text.chars().take(EXCERPT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], max_bytes: usize, expected: &[Result<&str, &str>]) {
        // A buffer of one byte, so that every line is longer than the buffer.
        let mut input = BufReader::with_capacity(1, bytes);
        let mut found = Vec::new();
        while let Some(line) = next_line(&mut input, max_bytes).expect("memory is read") {
            found.push(line.map_err(|problem| problem.reason));
        }
        let expected: Vec<Result<String, String>> = expected
            .iter()
            .map(|line| line.map(str::to_owned).map_err(str::to_owned))
            .collect();
        assert_eq!(found, expected, "{bytes:?}");
    }

    #[test]
    fn a_line_that_is_not_utf8_does_not_affect_other_lines() {
        let not_utf8 = Err("the text is not UTF-8: at byte 4");
        check(
            b"good\ncaf\xe9 film\nbad",
            9,
            &[Ok("good"), not_utf8, Ok("bad")],
        );
        check(b"a\r\n\n\r\nb\n", 9, &[Ok("a"), Ok(""), Ok(""), Ok("b")]);
        check(b"", 9, &[]);
    }

    #[test]
    fn a_line_longer_than_the_limit_is_rejected() {
        let long = Err("the text is longer than `ingest.max_text_bytes`");
        check(
            b"1234\n1234\r\n12345\n1",
            4,
            &[Ok("1234"), Ok("1234"), long, Ok("1")],
        );
        for end in ["5", "56", "567", "56789\r", "5\r\r\r\r", "\r\r\r\r"] {
            let text = format!("1234{end}\nx\n1234{end}");
            check(text.as_bytes(), 4, &[long, Ok("x"), long]);
        }
        check(b"1234", usize::MAX, &[Ok("1234")]);
    }

    #[test]
    fn an_excerpt_is_short_and_valid_utf8() {
        assert_eq!(excerpt(b"caf\xe9"), "caf\u{fffd}");
        assert_eq!(
            excerpt("\u{1f600}".repeat(500).as_bytes()).chars().count(),
            EXCERPT
        );
    }
}
