//! Texts of the command line, and of a pipe as they come.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use artifact::{ArtifactError, Failure, format};
use ingest::BadRow;
use stage::{Progress, stdout_is_open};

use crate::arguments::Format;
use crate::print_notes;
use crate::show::{self, Answer};
use bundle::{Explanation, Predictor};

/// Lines that are answered together, where so many have come already.
const TOGETHER: usize = 512;

/// Characters that are shown of a line that is no text.
const EXCERPT: usize = 200;

/// Why a long line is no text, in the words that a row of a file has.
const TOO_LONG: &str = "the text is longer than `ingest.max_text_bytes`";

/// A line, or why it is no text: as a row of a file, it is kept aside and the others are answered.
type Line = Result<String, BadRow>;

/// Answers about texts, in their order.
pub(crate) struct AnswerWriter<'a> {
    pub(crate) predictor: &'a Predictor,
    pub(crate) progress: &'a Progress,
    pub(crate) abstain: Option<f32>,
    pub(crate) explain: bool,
    pub(crate) format: Format,
    /// Bytes of a text at most, as in a file: `ingest.max_text_bytes`.
    pub(crate) longest: usize,
}

impl AnswerWriter<'_> {
    /// Answers texts that are all there.
    ///
    /// # Errors
    /// A text is too long, the model cannot be asked, or the answers not be written.
    pub(crate) fn answer_texts(&self, texts: Vec<String>) -> Result<(), Failure> {
        let longest = self.longest;
        if let Some(place) = texts.iter().position(|text| text.len() > longest) {
            let place = place + 1;
            let problem =
                format!("Text {place} is longer than `ingest.max_text_bytes` = {longest}");
            let hint = "Longer texts are allowed with `--set ingest.max_text_bytes=NUMBER`";
            return Err(Failure::new(problem).with_hint(hint.to_owned()));
        }
        let answers = self.answers(texts.into_iter().map(Ok).collect(), 1)?;
        stdout_is_open(self.show(&mut anstream::stdout(), &answers)).map(drop)
    }

    /// Answers lines as they come: a line that is there is not kept waiting for the next. A line that is no
    /// text gets its reason for an answer.
    ///
    /// # Errors
    /// The model cannot be asked, the lines not be read, or the answers not be written.
    pub(crate) fn answer_lines(&self, input: impl Read) -> Result<(), Failure> {
        let mut input = BufReader::new(input);
        let mut out = anstream::stdout();
        let mut all = Vec::new();
        // Lines that were no text, and the first of them: its number and why.
        let (mut refused, mut first) = (0_u64, None);
        let mut row = 1;
        loop {
            let lines = lines_there(&mut input, self.longest);
            let lines = lines.map_err(ArtifactError::io("read", Path::new("standard input")))?;
            if lines.is_empty() {
                break;
            }
            let count = lines.len() as u64;
            let answers = self.answers(lines, row)?;
            row += count;
            for answer in &answers {
                if let Some(reason) = &answer.reason {
                    refused += 1;
                    first.get_or_insert_with(|| (answer.row, reason.clone()));
                }
            }
            if self.format == Format::Json {
                all.extend(answers);
            } else if !stdout_is_open(self.show(&mut out, &answers))? {
                return Ok(());
            }
        }
        if self.format == Format::Json && !stdout_is_open(self.show(&mut out, &all))? {
            return Ok(());
        }
        if let Some((place, reason)) = first {
            let hint = match reason == TOO_LONG {
                true => "longer texts are allowed with `--set ingest.max_text_bytes=NUMBER`",
                false => "a file in another encoding is read with `--input FILE --output FILE.csv`",
            };
            self.progress.warn(&format!(
                "{} of {} could not be read, the first is line {place}: {reason}; {hint}",
                format::count(refused),
                format::plural(row - 1, "line", "lines"),
            ));
        }
        Ok(())
    }

    /// Shows answers; as one JSON array there are no others after them.
    fn show(&self, out: &mut impl Write, answers: &[Answer]) -> io::Result<()> {
        if self.format == Format::Json {
            return show::json(out, answers);
        }
        for answer in answers {
            match self.format {
                Format::Text => show::text(out, answer)?,
                _ => {
                    let line = serde_json::to_string(answer).expect("plain data");
                    writeln!(out, "{line}")?;
                }
            }
        }
        out.flush()
    }

    fn answers(&self, lines: Vec<Line>, first: u64) -> Result<Vec<Answer>, Failure> {
        let texts: Vec<&String> = lines.iter().filter_map(|line| line.as_ref().ok()).collect();
        let mut answers = self.predictor.predict(&texts, self.explain)?.into_iter();
        print_notes(self.predictor, self.progress);
        let answer = |(line, row): (Line, u64)| match line {
            Ok(text) => self.answer(row, text, answers.next().flatten()),
            Err(bad) => Answer {
                row,
                text: bad.excerpt,
                reason: Some(bad.reason),
                ..Answer::default()
            },
        };
        Ok(lines.into_iter().zip(first..).map(answer).collect())
    }

    fn answer(&self, row: u64, text: String, answer: Option<bundle::Answer>) -> Answer {
        let probability = answer.as_ref().map(|answer| answer.probability);
        let explanation = answer.and_then(|answer| answer.explanation);
        let label = probability.map(|value| self.predictor.label(value, self.abstain));
        // Where nothing is left, the model was given nothing.
        let given = explanation.as_ref().map(|it| it.text.clone());
        let (input, text) = match self.explain {
            true => (Some(text), given.unwrap_or_default()),
            false => (None, text),
        };
        Answer {
            row,
            input,
            text,
            label: label.map(str::to_owned),
            probability,
            words: explanation.as_ref().map(Explanation::word_spans),
            explanation,
            ..Answer::default()
        }
    }
}

/// The next line, and those behind it that are there already; none at the end.
fn lines_there(input: &mut BufReader<impl Read>, longest: usize) -> io::Result<Vec<Line>> {
    let mut lines = Vec::new();
    while lines.is_empty() || (lines.len() < TOGETHER && input.buffer().contains(&b'\n')) {
        match next_line(input, longest)? {
            Some(line) => lines.push(line),
            None => break,
        }
    }
    Ok(lines)
}

/// The next line, of which no more is kept than a text may have; nothing at the end.
fn next_line(input: &mut impl BufRead, longest: usize) -> io::Result<Option<Line>> {
    // A byte too many, and a line break of two.
    let most = longest.saturating_add(3);
    let mut line = Vec::new();
    if input.take(most as u64).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    let is_cut = line.len() == most && !line.ends_with(b"\n");
    if is_cut {
        input.skip_until(b'\n')?;
    }
    while line.ends_with(b"\n") || line.ends_with(b"\r") {
        line.pop();
    }
    if is_cut || line.len() > longest {
        let (reason, excerpt) = (TOO_LONG.to_owned(), excerpt(&line));
        return Ok(Some(Err(BadRow { reason, excerpt })));
    }
    Ok(Some(String::from_utf8(line).map_err(|error| {
        let place = error.utf8_error().valid_up_to() + 1;
        let reason = format!("the text is not UTF-8: at byte {place}");
        let excerpt = excerpt(error.as_bytes());
        BadRow { reason, excerpt }
    })))
}

/// The first characters of what may not even be text.
fn excerpt(bytes: &[u8]) -> String {
    // Four bytes are the longest character.
    let start = &bytes[..bytes.len().min(4 * EXCERPT)];
    let text = String::from_utf8_lossy(start);
    text.chars().take(EXCERPT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], longest: usize, expected: &[Result<&str, &str>]) {
        // The smallest buffer, so that every line is longer than it.
        let mut input = BufReader::with_capacity(1, bytes);
        let mut found = Vec::new();
        while let Some(line) = next_line(&mut input, longest).expect("memory is read") {
            found.push(line.map_err(|bad| bad.reason));
        }
        let expected: Vec<Result<String, String>> = expected
            .iter()
            .map(|line| line.map(str::to_owned).map_err(str::to_owned))
            .collect();
        assert_eq!(found, expected, "{bytes:?}");
    }

    #[test]
    fn a_line_that_is_no_text_keeps_no_other_from_being_one() {
        let bad = Err("the text is not UTF-8: at byte 4");
        check(b"good\ncaf\xe9 film\nbad", 9, &[Ok("good"), bad, Ok("bad")]);
        check(b"a\r\n\n\r\nb\n", 9, &[Ok("a"), Ok(""), Ok(""), Ok("b")]);
        check(b"", 9, &[]);
    }

    #[test]
    fn a_line_is_as_long_as_a_text_may_be() {
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
    fn an_excerpt_is_short_and_text() {
        assert_eq!(excerpt(b"caf\xe9"), "caf\u{fffd}");
        assert_eq!(
            excerpt("\u{1f600}".repeat(500).as_bytes()).chars().count(),
            EXCERPT
        );
    }
}
