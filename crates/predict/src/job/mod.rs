//! A file of any size, predicted as a stream: read by one thread, asked about by all, written chunk by
//! chunk with a journal. Killed at any moment and started again it goes on with the next chunk.

mod form;
mod journal;
mod places;
mod summary;

use std::ops::{ControlFlow, Range};
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Instant;

use artifact::{ArtifactError, Digest, Failure, FailureKind, format};
use ingest::{Carry, InputError, TextContent, TextRow, carried_names, read_texts};
use metrics::is_correct;
use serde::Serialize;
use settings::IngestSettings;
use stage::{Progress, ProgressMode, ProgressTask, install_signal_handlers, stop_requested};

use crate::print_notes;
use bundle::{Answer, Predictor, UNDECIDED};
use form::Line;

pub(crate) use form::{Columns, Form};
pub(crate) use journal::{Done, FILES, Task, Workplace, left_over, stamp};
pub(crate) use places::{check_places, lock, unwritten, with_ending};
pub(crate) use summary::{in_words, publish};

/// Rows of a chunk at most: what a kill costs. A chunk ends where the number of a row is a multiple of
/// them, so that who begins behind such a row has the same chunks, and a net the same batches.
pub(crate) const CHUNK_ROWS: u64 = 8192;

/// Bytes of the texts of a chunk: what memory holds.
const CHUNK_BYTES: usize = 16 << 20;

/// Rows of a chunk where each is explained, which takes a net as long as dozens of answers.
const EXPLAINED: u64 = 512;

/// Chunks that may wait to be asked about.
const AHEAD: usize = 1;

/// Words of each row that are kept, where they are asked for.
const WORDS: usize = 10;

/// What to do with a file.
pub(crate) struct Job<'a> {
    pub(crate) input: &'a Path,
    pub(crate) output: &'a Path,
    /// `[ingest]` as the command line has it.
    pub(crate) reading: &'a IngestSettings,
    pub(crate) abstain: Option<f32>,
    pub(crate) explain: bool,
    /// Columns of the input that stand behind the answers.
    pub(crate) carry: &'a Carry,
    /// The digest of the model.
    pub(crate) model: Digest,
    pub(crate) progress: &'a Progress,
}

/// A row that could not be predicted.
#[derive(Serialize)]
struct Rejected<'a> {
    row: u64,
    line: u64,
    reason: &'a str,
    excerpt: String,
}

impl Job<'_> {
    /// Predicts the file and says in a line what came of it.
    ///
    /// # Errors
    /// The file cannot be read, or the output not written; or it was asked to stop, and what was done is kept.
    pub(crate) fn run(&self, predictor: &Predictor) -> Result<String, Failure> {
        let folder = with_ending(self.output, "partial");
        let mut workplace = Workplace::open(&folder, self.task()?)?;
        // Until here a signal ends us at once, and nothing is lost.
        install_signal_handlers();
        let before = workplace.done.rows;
        if before > 0 {
            let row = format::count(before);
            let note = format!("going on after row {row}, which an earlier run came to");
            self.progress.note(&note);
        }
        let clock = Instant::now();
        let columns = self.columns()?;
        self.work(predictor, &columns, &mut workplace, None)?;
        publish(&workplace.files(), &columns, &workplace.done, self.output)?;
        let done = workplace.leave();
        let rate = (done.rows - before) as f64 / clock.elapsed().as_secs_f64();
        Ok(in_words(&done, self.output, Some(rate)))
    }

    /// All that the answers follow from.
    ///
    /// # Errors
    /// The input cannot be looked at, or the output's name does not say how to write the answers.
    pub(crate) fn task(&self) -> Result<Task, Failure> {
        let form = Form::of(self.output)?;
        let input = self.input.canonicalize();
        Ok(Task {
            input: input.map_err(ArtifactError::io("read", self.input))?,
            stamp: stamp(self.input)?,
            model: self.model,
            reading: serde_json::to_value(self.reading).expect("plain data"),
            form,
            abstain: self.abstain,
            explain: self.explain,
            carry: self.carry.clone(),
            first: 1,
        })
    }

    /// The columns of the output, as far as the file's first rows tell.
    ///
    /// # Errors
    /// A column that is to go along is not there.
    pub(crate) fn columns(&self) -> Result<Columns, Failure> {
        let task = self.progress.task("columns", None, "bytes");
        let names = carried_names(self.input, self.reading, self.carry, &task)?;
        Ok(Columns::new(self.explain, names))
    }

    /// Predicts rows of the file that are not dealt with yet, chunk by chunk: so many from the first one of
    /// the task, or all to the end.
    ///
    /// # Errors
    /// As for [`Job::run`]; or it was asked to stop, and what was done is kept.
    pub(crate) fn work(
        &self,
        predictor: &Predictor,
        columns: &Columns,
        workplace: &mut Workplace,
        rows: Option<u64>,
    ) -> Result<(), Failure> {
        let (size, _) = stamp(self.input)?;
        let (first, skipped) = (workplace.task.first, workplace.done.rows);
        let quiet = self.progress.with_mode(ProgressMode::None);
        let read = quiet.task("reading", None, "bytes");
        // Of a part nobody knows how many bytes it has, but how many rows.
        let (total, unit) = match rows {
            None => (size, "bytes"),
            Some(rows) => (rows.saturating_sub(skipped), "rows"),
        };
        let shown = self.progress.task("predicting", Some(total), unit);
        let by_bytes = if rows.is_none() { &shown } else { &read };
        let numbers = first + skipped..rows.map_or(u64::MAX, |rows| first + rows);
        thread::scope(|scope| {
            let (sender, chunks) = sync_channel(AHEAD);
            let reader = scope.spawn(move || self.read_chunks(by_bytes, numbers, &sender));
            // Where this fails, nobody takes chunks any more, and the reader stops.
            for chunk in chunks {
                if stop_requested() {
                    break;
                }
                let mut done = workplace.done.clone();
                let (lines, rejected) = self.answer(predictor, &chunk, &mut done)?;
                print_notes(predictor, self.progress);
                let is_first = workplace.done.bytes[0] == 0 && first == 1;
                let form = workplace.task.form;
                let lines = form.bytes(&lines, is_first, columns);
                let added = workplace.add([&lines, &rejected], done);
                added.map_err(unwritten)?;
                if rows.is_some() {
                    shown.advance(chunk.len() as u64);
                }
                shown.message(&format!("{} rows", format::count(workplace.done.rows)));
            }
            // Asked to stop, the reader ends before the file does.
            if stop_requested() {
                let kept = format::plural(workplace.done.rows, "row is", "rows are");
                return Err(Failure::new(format!("asked to, and {kept} kept"))
                    .with_kind(FailureKind::Interrupted)
                    .with_hint("The same command goes on with the next one".to_owned()));
            }
            let read = reader.join().unwrap_or_else(|panic| resume_unwind(panic));
            Ok(read?)
        })
    }

    /// The lines of a chunk, and its rows that are kept aside as JSON lines.
    fn answer(
        &self,
        predictor: &Predictor,
        chunk: &[TextRow],
        done: &mut Done,
    ) -> Result<(Vec<Line>, Vec<u8>), Failure> {
        let texts = chunk.iter().filter_map(|row| row.content.as_ref().ok());
        let texts: Vec<&str> = texts.map(|content| content.text.as_str()).collect();
        let mut answers = predictor.predict(&texts, self.explain)?.into_iter();
        let (mut lines, mut rejected) = (Vec::new(), Vec::new());
        done.rows += chunk.len() as u64;
        for row in chunk {
            let (reason, excerpt) = match &row.content {
                Ok(content) => {
                    if let Some(answer) = answers.next().flatten() {
                        lines.push(self.line(predictor, row, (content, answer), done));
                        continue;
                    }
                    let excerpt: String = content.text.chars().take(200).collect();
                    ("nothing is left of the text once it is cleaned", excerpt)
                }
                Err(bad) => (bad.reason.as_str(), bad.excerpt.clone()),
            };
            done.rejected += 1;
            let (row, line) = (row.number, row.line);
            let aside = Rejected {
                row,
                line,
                reason,
                excerpt,
            };
            serde_json::to_writer(&mut rejected, &aside).expect("plain data");
            rejected.push(b'\n');
        }
        Ok((lines, rejected))
    }

    fn line(
        &self,
        predictor: &Predictor,
        row: &TextRow,
        (content, answer): (&TextContent, Answer),
        done: &mut Done,
    ) -> Line {
        let probability = answer.probability;
        let label = predictor.label(probability, self.abstain);
        match (label == UNDECIDED, is_correct(1, probability)) {
            (true, _) => done.undecided += 1,
            (false, true) => done.positive += 1,
            (false, false) => done.negative += 1,
        }
        if let Some(truth) = content.label.filter(|_| label != UNDECIDED) {
            done.judged += 1;
            done.right += u64::from(is_correct(truth.id(), probability));
        }
        Line {
            row: row.number,
            id: row.id.clone(),
            label: label.to_owned(),
            probability,
            words: answer.explanation.map(|it| it.strongest(WORDS)),
            carried: content.carried.clone(),
        }
    }

    /// Reads the rows of these numbers and sends them in chunks until nobody takes them or we are asked to
    /// stop.
    fn read_chunks(
        &self,
        shown: &ProgressTask,
        numbers: Range<u64>,
        sender: &SyncSender<Vec<TextRow>>,
    ) -> Result<(), InputError> {
        if numbers.is_empty() {
            return Ok(());
        }
        let most = if self.explain { EXPLAINED } else { CHUNK_ROWS };
        let (first, last) = (numbers.start, numbers.end - 1);
        let (mut chunk, mut bytes) = (Vec::new(), 0);
        let take = |row: TextRow| {
            let number = row.number;
            if stop_requested() {
                return ControlFlow::Break(());
            }
            bytes += row.content.as_ref().map_or(0, size);
            chunk.push(row);
            let is_full = number.is_multiple_of(most) || bytes >= CHUNK_BYTES;
            if !is_full && number < last {
                return ControlFlow::Continue(());
            }
            bytes = 0;
            match sender.send(std::mem::take(&mut chunk)) {
                Ok(()) if number < last => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        };
        let shown = (self.progress, shown);
        read_texts(self.input, self.reading, self.carry, shown, first, take)?;
        if !chunk.is_empty() && !stop_requested() {
            // Nobody takes it where writing has failed, and that is told elsewhere.
            let _ = sender.send(chunk);
        }
        Ok(())
    }
}

/// Bytes that a row keeps in memory.
fn size(content: &TextContent) -> usize {
    let carried: usize = content.carried.iter().map(String::len).sum();
    content.text.len() + carried
}
