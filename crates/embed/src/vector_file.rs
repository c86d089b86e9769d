//! Reads a file of word vectors line by line and counts the lines that cannot be used.

use std::collections::BTreeMap;
use std::io::{BufRead, Read};
use std::path::Path;

use artifact::{Failure, format};
use serde::Serialize;
use settings::vectors::{
    MAX_WORD_BYTES, VectorLayout, VectorsError, fields, next_line, open_vectors,
};
use stage::ProgressTask;

const DOWNLOAD_AGAIN: &str =
    "Download the file again, and compare its size or checksum with that of its publisher";

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
    if layout.is_binary {
        read_binary(&mut *reader, &layout, &mut report, sink, task)
            .map_err(|error| truncated(path, &format!("vector {}", report.lines), error))?;
        report.check(path)?;
        return Ok(report);
    }
    let mut vector = vec![0.0; layout.width as usize];
    let mut number = 0;
    loop {
        let line = next_line(&mut *reader)
            .map_err(|source| truncated(path, &format!("line {number}"), source))?;
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
                let last = format!("line {}", number - 1);
                return Err(truncated(path, &last, "its last line is incomplete"));
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
        return Err(truncated(path, &format!("line {number}"), reason));
    }
    report.check(path)?;
    Ok(report)
}

/// Reads the vectors of a binary word2vec file: a header line, then for each word the word, a space and its
/// components. Some programs write a line feed after each vector.
fn read_binary(
    reader: &mut dyn BufRead,
    layout: &VectorLayout,
    report: &mut ReadReport,
    sink: &mut impl VectorSink,
    task: &ProgressTask,
) -> std::io::Result<()> {
    next_line(reader)?;
    let mut bytes = vec![0; 4 * layout.width as usize];
    for number in 1..=layout.declared_count.unwrap_or(0) {
        let mut word = Vec::new();
        reader.take(MAX_WORD_BYTES).read_until(b' ', &mut word)?;
        reader.read_exact(&mut bytes)?;
        report.lines = number;
        let components = bytes.as_chunks().0.iter().copied().map(f32::from_le_bytes);
        let vector: Vec<f32> = components.collect();
        match str::from_utf8(word.trim_ascii()) {
            Err(_) => report.note(Defect::NotUtf8, number),
            Ok(_) if !vector.iter().all(|it| it.is_finite()) => {
                report.note(Defect::NotFinite, number);
            }
            Ok(word) if sink.wants(word) && !sink.accept(word, &vector) => report.duplicates += 1,
            Ok(_) => {}
        }
        task.advance(1);
    }
    Ok(())
}

/// The file does not contain word vectors.
pub(crate) fn unusable(error: VectorsError) -> Failure {
    let hint = error.hint();
    Failure::from_error(error).with_hint(hint.to_owned())
}

/// The file is incomplete; `last` is its last complete line or vector.
fn truncated(path: &Path, last: &str, cause: impl Into<BoxedError>) -> Failure {
    let path = path.display();
    let problem = format!("The word vectors `{path}` are truncated after {last}");
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
    fn binary_vectors_are_read() {
        let vector = |values: [f32; 2]| values.map(f32::to_le_bytes).concat();
        let layout = VectorLayout {
            width: 2,
            declared_count: Some(5),
            is_binary: true,
        };
        let file = [
            b"5 2\nthe ".to_vec(),
            vector([0.5, -1.0]),
            b"\nunwanted ".to_vec(),
            vector([1.0, 1.0]),
            b"the ".to_vec(),
            vector([2.0, 2.0]),
            b"of ".to_vec(),
            vector([f32::NAN, 1.0]),
            b"\xff ".to_vec(),
            vector([1.0, 1.0]),
        ]
        .concat();
        let step = settings::StepId::new(artifact::StageName::Embed, "x");
        let progress = stage::Progress::new(stage::ProgressMode::None, step);
        let task = progress.task("reading", None, "vectors");
        let read = |file: &[u8]| {
            let (mut all, mut report) = (Everything::default(), ReadReport::default());
            let read = read_binary(&mut &*file, &layout, &mut report, &mut all, &task);
            (read.map_err(|error| error.kind()), report, all.0)
        };
        let (result, report, words) = read(&file);
        assert_eq!(result, Ok(()));
        assert_eq!(words, BTreeMap::from([("the".to_owned(), vec![0.5, -1.0])]));
        let skipped = BTreeMap::from([(Defect::NotFinite, 1), (Defect::NotUtf8, 1)]);
        assert_eq!((report.lines, report.duplicates), (5, 1));
        assert_eq!((report.skipped, report.first_bad), (skipped, Some(4)));
        let (result, report, _) = read(&file[..file.len() - 1]);
        assert_eq!(result, Err(std::io::ErrorKind::UnexpectedEof));
        assert_eq!(report.lines, 4);
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
