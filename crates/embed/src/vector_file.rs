//! Reads a file of word vectors line by line and counts the lines that cannot be used.

use std::collections::BTreeMap;
use std::path::Path;

use artifact::{Failure, format};
use serde::Serialize;
use settings::vectors::{VectorLayout, VectorsError, fields, next_line, open_vectors};
use stage::ProgressTask;

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// Maximum share of unusable lines; files with more are rejected.
const MAX_BAD_SHARE: f64 = 0.01;

/// Why a line cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Defect {
    /// It has more or fewer numbers than the other lines.
    OtherWidth,
    /// A component is not a finite number.
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

/// Statistics of a file of word vectors.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ReadReport {
    /// Lines with a vector, usable or not, without the header.
    pub(crate) lines: u64,
    /// Components of a vector.
    pub(crate) width: u32,
    /// Unusable lines, by reason.
    pub(crate) skipped: BTreeMap<Defect, u64>,
    /// Lines with a wanted word that had a vector already; the first vector is used.
    pub(crate) duplicates: u64,
    #[serde(skip)]
    first_bad: Option<u64>,
}

impl ReadReport {
    fn bad(&self) -> u64 {
        self.skipped.values().sum()
    }

    fn reasons(&self) -> String {
        let skipped = self.skipped.iter();
        let reasons = skipped
            .map(|(defect, count)| format!("{} with {}", format::count(*count), defect.as_str()));
        reasons.collect::<Vec<_>>().join(", ")
    }

    /// The warning about skipped lines, if there are any.
    pub(crate) fn warning(&self) -> Option<String> {
        let lines = format::plural(self.bad(), "line", "lines");
        (self.bad() > 0).then(|| format!("Skipped {lines} of the word vectors: {}", self.reasons()))
    }

    /// Fails if too many lines cannot be used.
    fn check(&self, path: &Path) -> Result<(), Failure> {
        let has_too_many = self.bad() as f64 > MAX_BAD_SHARE * self.lines as f64;
        let Some(first) = self.first_bad.filter(|_| has_too_many) else {
            return Ok(());
        };
        let (bad, lines) = (format::count(self.bad()), format::count(self.lines));
        let (path, reasons) = (path.display(), self.reasons());
        Err(Failure::new(format!(
            "{bad} of {lines} lines of the word vectors `{path}` cannot be used, the first in line {first}: {reasons}"
        ))
        .with_hint(format!(
            "{DOWNLOAD_AGAIN}; every line must be a word and its numbers, separated by single spaces"
        )))
    }

    fn note(&mut self, defect: Defect, line: u64) {
        *self.skipped.entry(defect).or_insert(0) += 1;
        self.first_bad.get_or_insert(line);
    }
}

/// Receives the vectors of a file.
pub trait VectorSink {
    /// Whether the vector of this word is needed. Vectors of other words are not parsed.
    fn wants(&self, word: &str) -> bool;

    /// Receives a vector, and returns whether it is the first one of this word.
    fn accept(&mut self, word: &str, vector: &[f32]) -> bool;
}

/// Reads a file from start to end and passes the wanted vectors to `sink`. The number of components is checked in every
/// line, the components themselves only in wanted vectors.
///
/// # Errors
/// The file cannot be read to its end, or more than 1% of the lines cannot be used.
pub fn read_vectors(
    path: &Path,
    sink: &mut impl VectorSink,
    task: &ProgressTask,
) -> Result<ReadReport, Failure> {
    let layout = VectorLayout::read(path).map_err(unusable)?;
    let mut reader = open_vectors(path).map_err(|source| {
        let path = path.to_owned();
        unusable(VectorsError::Read { path, source })
    })?;
    let mut report = ReadReport {
        width: layout.width,
        ..ReadReport::default()
    };
    let header = u64::from(layout.declared_count.is_some());
    let mut vector = vec![0.0; layout.width as usize];
    let mut number = 0;
    loop {
        let line = next_line(&mut *reader).map_err(|source| truncated(path, number, source))?;
        let Some(line) = line else { break };
        number += 1;
        if number <= header || line.bytes.is_empty() {
            continue;
        }
        report.lines += 1;
        match use_line(&line.bytes, &mut vector, sink) {
            Ok(true) => {}
            Ok(false) => report.duplicates += 1,
            Err(Defect::OtherWidth) if !line.ends_with_newline => {
                return Err(truncated(path, number - 1, "its last line is incomplete"));
            }
            Err(defect) => report.note(defect, number),
        }
        task.advance(1);
    }
    if let Some(announced) = layout.declared_count
        && report.lines < announced
    {
        let (expected, found) = (format::count(announced), format::count(report.lines));
        let reason = format!("its first line announces {expected} vectors, but it has {found}");
        return Err(truncated(path, number, reason));
    }
    report.check(path)?;
    Ok(report)
}

const DOWNLOAD_AGAIN: &str =
    "Download the file again, and compare its size or checksum with that of its publisher";

/// The file does not contain word vectors.
pub(crate) fn unusable(error: VectorsError) -> Failure {
    Failure::from_error(error).with_hint(DOWNLOAD_AGAIN.to_owned())
}

/// The file is incomplete; `line` is the last complete line.
fn truncated(path: &Path, line: u64, cause: impl Into<BoxedError>) -> Failure {
    let path = path.display();
    let problem = format!("The word vectors `{path}` are truncated after line {line}");
    let failure = Failure::new(problem).with_cause(cause);
    failure.with_hint(DOWNLOAD_AGAIN.to_owned())
}

/// Passes the vector of a line to `sink` if its word is wanted. Returns `false` for a duplicate.
fn use_line(line: &[u8], vector: &mut [f32], sink: &mut impl VectorSink) -> Result<bool, Defect> {
    let (word, numbers) = split(line, vector.len()).ok_or(Defect::OtherWidth)?;
    let word = str::from_utf8(word).map_err(|_| Defect::NotUtf8)?;
    if !sink.wants(word) {
        return Ok(true);
    }
    for (value, field) in vector.iter_mut().zip(fields(numbers)) {
        *value = parse_finite(field).ok_or(Defect::NotFinite)?;
    }
    Ok(sink.accept(word, vector))
}

/// Splits a line into its word and its numbers. The numbers are counted from the end, because a word may contain spaces
/// (`. . .` in GloVe 840B, phrases in fastText).
fn split(line: &[u8], width: usize) -> Option<(&[u8], &[u8])> {
    let first = fields(line).rev().nth(width - 1)?;
    let start = first.as_ptr() as usize - line.as_ptr() as usize;
    let (word, numbers) = line.split_at(start);
    let word = word.trim_ascii();
    // With one number too many, the word seems to contain a space and to end in a number.
    let last = fields(word).next_back()?;
    let is_one_field = last.len() == word.len();
    (is_one_field || parse_finite(last).is_none()).then_some((word, numbers))
}

fn parse_finite(field: &[u8]) -> Option<f32> {
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
    fn lines_are_split_into_word_and_numbers() {
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
