//! Predicting a file of any size as a stream: one thread reads, all threads predict, and each chunk is written with a
//! journal entry. After a kill at any moment, the same command resumes with the next chunk.

mod journal;
mod output;
mod paths;
mod summary;

use std::mem;
use std::ops::{ControlFlow, Range};
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Instant;

use artifact::files::is_sampled;
use artifact::{ArtifactError, Digest, Failure, format};
use ingest::{InputError, KeepColumns, TextContent, TextRow, kept_column_names, read_texts};
use metrics::is_correct;
use serde_json::json;
use settings::IngestSettings;
use stage::{Progress, ProgressMode, ProgressTask, install_signal_handlers, stop_requested};

use crate::{interrupted, print_notes, warn_of_languages};
use bundle::{Answer, Predictor, Probabilities, UNDECIDED};
use output::OutputRow;

pub(crate) use journal::{FILES, PredictionTask, ResumeDirectory, RowCounts, finished_rows, stamp};
pub(crate) use output::{Columns, OutputFormat};
pub(crate) use paths::{check_paths, lock, output_failure};
pub(crate) use summary::{check_rejected, describe, publish};

/// Largest chunk in rows; a kill loses at most one chunk. A chunk ends after a row whose number is a multiple of this,
/// so a run that starts after such a row has the same chunks, and a network the same batches.
pub(crate) const CHUNK_ROWS: u64 = 8192;

/// Largest chunk in bytes of text, which bounds memory.
const CHUNK_BYTES: usize = 16 << 20;

/// Largest chunk in rows with `--explain`: a network explains one text in the time of dozens of predictions.
const EXPLAIN_CHUNK_ROWS: u64 = 512;

/// Chunks that are read ahead.
const READ_AHEAD: usize = 1;

/// Bytes of a short review in a file, from which the number of rows is estimated for the sample of languages.
const REVIEW_BYTES: u64 = 100;

/// Words in the output for each row, with `--explain`.
const WORDS: usize = 10;

/// The prediction of one file.
pub(crate) struct FileJob<'a> {
    pub(crate) input: &'a Path,
    pub(crate) output: &'a Path,
    /// How the input is read.
    pub(crate) ingest: &'a IngestSettings,
    pub(crate) abstain: Option<f32>,
    pub(crate) explain: bool,
    pub(crate) keep_columns: &'a KeepColumns,
    /// The digest of the model, or of all members of an ensemble.
    pub(crate) model_fingerprint: Digest,
    pub(crate) progress: &'a Progress,
}

impl FileJob<'_> {
    /// Predicts the file and returns a one-line summary.
    ///
    /// # Errors
    /// The input cannot be read or the output cannot be written; the user stopped the process, and finished rows are
    /// kept; or too many rows were rejected, and the output has the others.
    pub(crate) fn run(&self, predictor: &Predictor) -> Result<String, Failure> {
        let folder = self.output.with_added_extension("partial");
        let mut directory = ResumeDirectory::open(&folder, self.task()?)?;
        // Before this line a signal ends the process at once, and nothing is lost.
        install_signal_handlers();
        let before = directory.counts.rows;
        if before > 0 {
            let row = format::count(before);
            let note = format!("resuming after row {row} of an earlier run");
            self.progress.note(&note);
        }
        let clock = Instant::now();
        let columns = self.columns()?;
        self.predict_rows(predictor, &columns, &mut directory, None)?;
        publish(&directory.files(), &columns, &directory.counts, self.output)?;
        let counts = directory.delete();
        warn_of_languages(&counts.languages, self.progress);
        let rate = (counts.rows - before) as f64 / clock.elapsed().as_secs_f64();
        let max_reject_rate = self.ingest.max_reject_rate;
        check_rejected(&counts, self.input, self.output, max_reject_rate)?;
        Ok(describe(&counts, self.output, Some(rate)))
    }

    /// Everything that determines the output.
    ///
    /// # Errors
    /// The input does not exist, or the output has no known file extension.
    pub(crate) fn task(&self) -> Result<PredictionTask, Failure> {
        let format = OutputFormat::from_path(self.output)?;
        let input = self.input.canonicalize();
        Ok(PredictionTask {
            input: input.map_err(ArtifactError::io("read", self.input))?,
            stamp: stamp(self.input)?,
            model: self.model_fingerprint,
            ingest: serde_json::to_value(self.ingest).expect("plain data"),
            format,
            abstain: self.abstain,
            explain: self.explain,
            keep_columns: self.keep_columns.clone(),
            first_row: 1,
        })
    }

    /// The columns of the output, from the first rows of the input.
    ///
    /// # Errors
    /// The input has no column of a name in `--keep-columns`.
    pub(crate) fn columns(&self) -> Result<Columns, Failure> {
        let task = self.progress.task("columns", None, "bytes");
        let names = kept_column_names(self.input, self.ingest, self.keep_columns, &task)?;
        Ok(Columns::new(self.explain, names))
    }

    /// Predicts the unfinished rows of the task chunk by chunk: `rows` rows from the first row of the task, or all
    /// rows to the end of the file.
    ///
    /// # Errors
    /// As for [`FileJob::run`].
    pub(crate) fn predict_rows(
        &self,
        predictor: &Predictor,
        columns: &Columns,
        directory: &mut ResumeDirectory,
        rows: Option<u64>,
    ) -> Result<(), Failure> {
        let (size, _) = stamp(self.input)?;
        let (first, skipped) = (directory.task.first_row, directory.counts.rows);
        let quiet = self.progress.with_mode(ProgressMode::None);
        let reading = quiet.task("reading", None, "bytes");
        // The size of a shard is known in rows, not in bytes.
        let (total, unit) = match rows {
            None => (size, "bytes"),
            Some(rows) => (rows.saturating_sub(skipped), "rows"),
        };
        let predicting = self.progress.task("predicting", Some(total), unit);
        let by_bytes = rows.map_or(&predicting, |_| &reading);
        let numbers = first + skipped..rows.map_or(u64::MAX, |rows| first + rows);
        thread::scope(|scope| {
            let (sender, chunks) = sync_channel(READ_AHEAD);
            let reader = scope.spawn(move || self.read_chunks(by_bytes, numbers, &sender));
            // If this loop ends early, the channel is closed and the reader stops.
            for chunk in chunks {
                if stop_requested() {
                    break;
                }
                let mut counts = directory.counts.clone();
                let (predicted, rejected) = self.predict_chunk(predictor, &chunk, &mut counts)?;
                print_notes(predictor, self.progress);
                let is_first = directory.counts.bytes[0] == 0 && first == 1;
                let format = directory.task.format;
                let predicted = format.encode(&predicted, is_first, columns);
                let added = directory.add([&predicted, &rejected], counts);
                added.map_err(output_failure)?;
                if rows.is_some() {
                    predicting.advance(chunk.len() as u64);
                }
                predicting.message(&format::plural(directory.counts.rows, "row", "rows"));
            }
            // After a stop request the reader ends before the end of the file.
            if stop_requested() {
                let saved = format::plural(directory.counts.rows, "row is", "rows are");
                let hint = "Run the same command again to resume";
                return Err(interrupted(format!("{saved} saved"), hint));
            }
            let result = reader.join().unwrap_or_else(|panic| resume_unwind(panic));
            Ok(result?)
        })
    }

    /// The predicted rows of a chunk, and its rejected rows as JSON lines.
    fn predict_chunk(
        &self,
        predictor: &Predictor,
        chunk: &[TextRow],
        counts: &mut RowCounts,
    ) -> Result<(Vec<OutputRow>, Vec<u8>), Failure> {
        let texts = chunk.iter().filter_map(|row| row.content.as_ref().ok());
        let texts: Vec<&str> = texts.map(|content| content.text.as_str()).collect();
        let mut answers = predictor.predict(&texts, self.explain)?.into_iter();
        let reviews = stamp(self.input)?.0 / REVIEW_BYTES;
        let sample = chunk.iter().filter(|row| is_sampled(row.number, reviews));
        let sample = sample.filter_map(|row| Some(row.content.as_ref().ok()?.text.as_str()));
        let languages = predictor.languages(&sample.collect::<Vec<_>>());
        counts.languages = mem::take(&mut counts.languages).merged(&languages);
        let (mut predicted, mut rejected) = (Vec::new(), Vec::new());
        counts.rows += chunk.len() as u64;
        for row in chunk {
            let (reason, is_skipped, excerpt) = match &row.content {
                Ok(content) => {
                    if let Some(answer) = answers.next().flatten() {
                        predicted.push(self.output_row(predictor, row, (content, answer), counts));
                        continue;
                    }
                    let excerpt: String = content.text.chars().take(200).collect();
                    ("the text is empty after cleaning", true, excerpt)
                }
                Err(row) => (row.reason.as_str(), row.is_skipped, row.excerpt.clone()),
            };
            counts.without_text += u64::from(is_skipped);
            counts.rejected += u64::from(!is_skipped);
            let (row, line) = (row.number, row.line);
            // The line of the row in `OUTPUT.rejected.jsonl`.
            let input = json!({"row": row, "line": line, "reason": reason, "excerpt": excerpt});
            serde_json::to_writer(&mut rejected, &input).expect("plain data");
            rejected.push(b'\n');
        }
        Ok((predicted, rejected))
    }

    /// The output row of a prediction, which is added to the counts.
    fn output_row(
        &self,
        predictor: &Predictor,
        row: &TextRow,
        (content, answer): (&TextContent, Answer),
        counts: &mut RowCounts,
    ) -> OutputRow {
        let probability = answer.probability;
        let label = predictor.label(probability, self.abstain);
        match (label == UNDECIDED, is_correct(1, probability)) {
            (true, _) => counts.undecided += 1,
            (false, true) => counts.positive += 1,
            (false, false) => counts.negative += 1,
        }
        if let Some(truth) = content.label.filter(|_| label != UNDECIDED) {
            counts.labelled += 1;
            counts.correct += u64::from(is_correct(truth.id(), probability));
        }
        OutputRow {
            row: row.number,
            id: row.id.clone(),
            label: label.to_owned(),
            probabilities: Probabilities::from_positive(probability),
            words: answer.explanation.map(|it| it.strongest(WORDS)),
            kept: content.kept_columns.clone(),
        }
    }

    /// Reads the rows with these numbers and sends them in chunks until the receiver is gone or a stop is requested.
    fn read_chunks(
        &self,
        task: &ProgressTask,
        numbers: Range<u64>,
        sender: &SyncSender<Vec<TextRow>>,
    ) -> Result<(), InputError> {
        if numbers.is_empty() {
            return Ok(());
        }
        let chunk_rows = [CHUNK_ROWS, EXPLAIN_CHUNK_ROWS][usize::from(self.explain)];
        let (first, last) = (numbers.start, numbers.end - 1);
        let (mut chunk, mut bytes) = (Vec::new(), 0);
        let add_row = |row: TextRow| {
            let number = row.number;
            if stop_requested() {
                return ControlFlow::Break(());
            }
            bytes += row.content.as_ref().map_or(0, row_bytes);
            chunk.push(row);
            let is_full = number.is_multiple_of(chunk_rows) || bytes >= CHUNK_BYTES;
            if !is_full && number < last {
                return ControlFlow::Continue(());
            }
            bytes = 0;
            match sender.send(std::mem::take(&mut chunk)) {
                Ok(()) if number < last => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        };
        let (input, ingest, kept) = (self.input, self.ingest, self.keep_columns);
        read_texts(input, ingest, kept, (self.progress, task), first, add_row)?;
        if !chunk.is_empty() && !stop_requested() {
            // The receiver is gone if writing failed; that error is reported by the receiver.
            let _ = sender.send(chunk);
        }
        Ok(())
    }
}

/// Bytes of a row in memory.
fn row_bytes(content: &TextContent) -> usize {
    let kept: usize = content.kept_columns.iter().map(String::len).sum();
    content.text.len() + kept
}
