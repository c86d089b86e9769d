//! Reading a file of word vectors, line by line, with an account of every line that was not used.

use std::collections::BTreeMap;
use std::path::Path;

use artifact::{Failure, format};
use serde::Serialize;
use settings::vectors::{VectorLayout, VectorsError, fields, next_line, open_vectors};
use stage::ProgressTask;

/// Share of lines that may be unusable before the file is refused.
const BAD_SHARE: f64 = 0.01;

/// Why a line was not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Defect {
    /// It has more or fewer numbers than the others.
    OtherWidth,
    /// A component is not a number, or not a finite one.
    NotFinite,
    /// The word is not UTF-8.
    NotUtf8,
}

impl Defect {
    fn as_str(self) -> &'static str {
        match self {
            Self::OtherWidth => "another number of components",
            Self::NotFinite => "a component that is not a finite number",
            Self::NotUtf8 => "a word that is not UTF-8",
        }
    }
}

/// The account of a file that was read to its end.
#[derive(Clone, Debug, Serialize)]
pub struct ReadReport {
    /// Lines with a vector, good or bad; the header is not counted.
    pub(crate) lines: u64,
    /// Components of a vector.
    pub(crate) width: u32,
    /// Lines not used, by reason.
    pub(crate) skipped: BTreeMap<Defect, u64>,
    /// Lines whose word was wanted and had a vector already; the first one counts.
    pub(crate) duplicates: u64,
    #[serde(skip)]
    first_bad: Option<u64>,
}

impl ReadReport {
    fn bad(&self) -> u64 {
        self.skipped.values().sum()
    }

    fn reasons(&self) -> String {
        let reasons = self
            .skipped
            .iter()
            .map(|(defect, count)| format!("{} with {}", format::count(*count), defect.as_str()));
        reasons.collect::<Vec<_>>().join(", ")
    }

    /// What the user should know about the file although it was used.
    pub(crate) fn warning(&self) -> Option<String> {
        let lines = format::plural(self.bad(), "line", "lines");
        (self.bad() > 0).then(|| format!("Skipped {lines} of the word vectors: {}", self.reasons()))
    }

    /// Fails where too many lines are not what a line of word vectors is.
    fn check(&self, path: &Path) -> Result<(), Failure> {
        match self.first_bad {
            Some(first) if self.bad() as f64 > BAD_SHARE * self.lines as f64 => {
                Err(Failure::new(format!(
                    "{} of {} lines of the word vectors `{}` cannot be used, the first in line {first}: {}",
                    format::count(self.bad()),
                    format::count(self.lines),
                    path.display(),
                    self.reasons()
                ))
                .with_hint(format!(
                    "{AGAIN}; every line should be a word and its numbers, separated by single spaces"
                )))
            }
            _ => Ok(()),
        }
    }

    fn note(&mut self, defect: Defect, line: u64) {
        *self.skipped.entry(defect).or_insert(0) += 1;
        self.first_bad.get_or_insert(line);
    }
}

/// What the reader of a file does with its words.
pub trait VectorSink {
    /// Whether the vector of this word is of use. Vectors of other words are not parsed.
    fn wants(&self, word: &str) -> bool;

    /// Takes a vector, and says whether it is the word's first.
    fn accept(&mut self, word: &str, vector: &[f32]) -> bool;
}

/// Reads a file once, from start to end, and hands over the vectors that are wanted. Every line's
/// number of components is checked, the components themselves where they are wanted.
///
/// # Errors
/// The file cannot be read to its end, or more than one line in a hundred is unusable.
pub fn read_vectors(
    path: &Path,
    wanted: &mut impl VectorSink,
    task: &ProgressTask,
) -> Result<ReadReport, Failure> {
    let layout = VectorLayout::read(path).map_err(unusable)?;
    let mut reader = open_vectors(path).map_err(|source| {
        let path = path.to_owned();
        unusable(VectorsError::Read { path, source })
    })?;
    let mut report = ReadReport {
        lines: 0,
        width: layout.width,
        skipped: BTreeMap::new(),
        duplicates: 0,
        first_bad: None,
    };
    let header = u64::from(layout.declared_count.is_some());
    let mut vector = vec![0.0; layout.width as usize];
    let mut number = 0;
    loop {
        let line = next_line(&mut *reader).map_err(|source| cut_off(path, number, source))?;
        let Some(line) = line else { break };
        number += 1;
        if number <= header || line.bytes.is_empty() {
            continue;
        }
        report.lines += 1;
        match use_line(&line.bytes, &mut vector, wanted) {
            Ok(true) => {}
            Ok(false) => report.duplicates += 1,
            Err(Defect::OtherWidth) if !line.ends_with_newline => {
                let reason = "its last line stops in the middle";
                return Err(cut_off(path, number - 1, reason));
            }
            Err(defect) => report.note(defect, number),
        }
        task.advance(1);
    }
    if let Some(announced) = layout.declared_count
        && report.lines < announced
    {
        let reason = format!(
            "its first line announces {} vectors, and it has {}",
            format::count(announced),
            format::count(report.lines)
        );
        return Err(cut_off(path, number, reason));
    }
    report.check(path)?;
    Ok(report)
}

const AGAIN: &str = "Get the file again and compare its size or checksum with its publisher's";

/// The file is not one of word vectors.
pub(crate) fn unusable(error: VectorsError) -> Failure {
    Failure::from_error(error).with_hint(AGAIN.to_owned())
}

/// The file ended where it should not have; `line` is the last one that was read.
fn cut_off(
    path: &Path,
    line: u64,
    cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Failure {
    let path = path.display();
    Failure::new(format!(
        "The word vectors `{path}` are cut off after line {line}"
    ))
    .with_cause(cause)
    .with_hint(AGAIN.to_owned())
}

/// Hands over the vector of a line if its word is wanted. `false` says that it was a duplicate.
fn use_line(line: &[u8], vector: &mut [f32], wanted: &mut impl VectorSink) -> Result<bool, Defect> {
    let (word, numbers) = split(line, vector.len()).ok_or(Defect::OtherWidth)?;
    let word = str::from_utf8(word).map_err(|_| Defect::NotUtf8)?;
    if !wanted.wants(word) {
        return Ok(true);
    }
    for (value, field) in vector.iter_mut().zip(fields(numbers)) {
        *value = number(field).ok_or(Defect::NotFinite)?;
    }
    Ok(wanted.accept(word, vector))
}

/// A line's word and its numbers. The numbers are counted from the end, because a word may hold
/// spaces (`. . .` in GloVe 840B, phrases in fastText).
fn split(line: &[u8], width: usize) -> Option<(&[u8], &[u8])> {
    let first = fields(line).rev().nth(width - 1)?;
    let start = first.as_ptr() as usize - line.as_ptr() as usize;
    let (word, numbers) = line.split_at(start);
    let word = word.trim_ascii();
    // One number too many looks like a word with a space in it that ends in a number.
    let last = fields(word).next_back()?;
    let is_alone = last.len() == word.len();
    (is_alone || number(last).is_none()).then_some((word, numbers))
}

/// A finite number.
fn number(field: &[u8]) -> Option<f32> {
    let value: f32 = str::from_utf8(field).ok()?.parse().ok()?;
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Everything(BTreeMap<String, Vec<f32>>);

    impl VectorSink for Everything {
        fn wants(&self, word: &str) -> bool {
            word != "unwanted"
        }

        fn accept(&mut self, word: &str, vector: &[f32]) -> bool {
            let is_first = !self.0.contains_key(word);
            if is_first {
                self.0.insert(word.to_owned(), vector.to_vec());
            }
            is_first
        }
    }

    fn check_line(line: &[u8], expected: Result<(&str, [f32; 2]), Defect>) {
        let mut all = Everything::default();
        let found = use_line(line, &mut [0.0; 2], &mut all).map(|_| all.0);
        let expected =
            expected.map(|(word, vector)| BTreeMap::from([(word.to_owned(), vector.to_vec())]));
        assert_eq!(found, expected, "{}", String::from_utf8_lossy(line));
    }

    #[test]
    fn a_line_is_a_word_and_its_numbers() {
        check_line(b"the 0.5 -1", Ok(("the", [0.5, -1.0])));
        check_line(b"the 0.5 -1e-3 ", Ok(("the", [0.5, -0.001])));
        check_line(b"the\t0.5\t1", Ok(("the", [0.5, 1.0])));
        check_line(b". . . 0.5 1", Ok((". . .", [0.5, 1.0])));
        check_line(b"new york 0.5 1", Ok(("new york", [0.5, 1.0])));
        check_line(b"0.5 0.5 1", Ok(("0.5", [0.5, 1.0])));
        check_line("a\u{a0}b 0.5 1".as_bytes(), Ok(("a\u{a0}b", [0.5, 1.0])));
        check_line(b"the 0.5", Err(Defect::OtherWidth));
        check_line(b"0.5 1", Err(Defect::OtherWidth));
        check_line(b"the 0.5 1 2", Err(Defect::OtherWidth));
        check_line(b"the NaN 1", Err(Defect::NotFinite));
        check_line(b"the 1 inf", Err(Defect::NotFinite));
        check_line(b"the 1 x", Err(Defect::NotFinite));
        check_line(b"\xff\xfe 1 2", Err(Defect::NotUtf8));
    }
}
