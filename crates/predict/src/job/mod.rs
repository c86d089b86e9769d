//! A file of any size, predicted as a stream: read by one thread, asked about by all, written chunk by
//! chunk with a journal. Killed at any moment and started again it goes on with the next chunk.

mod form;
mod journal;
mod places;
mod summary;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Instant;

use artifact::{ArtifactError, Digest, Failure, FailureKind, StageName, format};
use ingest::{BadRow, Carry, IngestError, TextContent, TextRow, carried_names, read_texts};
use metrics::is_right;
use serde::Serialize;
use settings::{IngestSettings, StepId};
use stage::{Progress, ProgressMode, Task as Shown, stop_requested, watch_signals};

use crate::print_notes;
use bundle::{Predictor, UNDECIDED};
use form::Line;

pub(crate) use form::{Columns, Form, to_parquet};
pub(crate) use journal::{Done, REJECTED, ROWS, Task, Workplace, rows_done, stamp};
pub(crate) use places::{check_places, lock, rejects_of, unwritten, with_ending};
pub(crate) use summary::in_words;

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
}

/// Rows of a file that lie side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// The number of the first of them, from 1.
    pub(crate) first: u64,
    /// How many they are; `None` for all to the end.
    pub(crate) rows: Option<u64>,
}

impl Part {
    /// All rows.
    pub(crate) const WHOLE: Self = Self {
        first: 1,
        rows: None,
    };

    /// The number of the last row.
    fn last(&self) -> u64 {
        self.rows
            .map_or(u64::MAX, |rows| self.first.saturating_add(rows) - 1)
    }
}

/// A row that could not be predicted.
#[derive(Serialize)]
struct Rejected<'a> {
    row: u64,
    line: u64,
    reason: &'a str,
    excerpt: &'a str,
}

impl Job<'_> {
    /// Predicts the file and says in a line what came of it.
    ///
    /// # Errors
    /// The file cannot be read, or the output not written; or it was asked to stop, and what was done is kept.
    pub(crate) fn run(
        &self,
        predictor: &Predictor,
        progress: &Progress,
    ) -> Result<String, Failure> {
        let form = Form::of(self.output)?;
        let task = self.task(predictor.fingerprint()?)?;
        let mut workplace = Workplace::open(&with_ending(self.output, "partial"), task)?;
        // Until here a signal ends us at once, and nothing is lost.
        watch_signals();
        if workplace.done.rows > 0 {
            let rows = format::count(workplace.done.rows);
            progress.note(&format!(
                "going on after row {rows}, which an earlier run came to"
            ));
        }
        let clock = Instant::now();
        let before = workplace.done.rows;
        let columns = self.columns(progress)?;
        self.work(
            predictor,
            progress,
            (&Part::WHOLE, &columns),
            &mut workplace,
        )?;
        let finished = match form {
            Form::Parquet => {
                let table = workplace.beside("table.parquet");
                to_parquet(&workplace.rows(), &table, &columns)?;
                table
            }
            _ => workplace.rows(),
        };
        let rejects = rejects_of(self.output);
        let done = workplace.finish(&finished, self.output, &rejects);
        let done = done.map_err(unwritten)?;
        let rate = (done.rows - before) as f64 / clock.elapsed().as_secs_f64();
        Ok(in_words(&done, self.output, &rejects, Some(rate)))
    }

    /// All that the answers follow from, with the digest of a model.
    ///
    /// # Errors
    /// The input cannot be looked at, or the output's name does not say how to write the answers.
    pub(crate) fn task(&self, model: Digest) -> Result<Task, Failure> {
        let input = self.input.canonicalize();
        Ok(Task {
            input: input.map_err(ArtifactError::io("read", self.input))?,
            stamp: stamp(self.input)?,
            model,
            reading: serde_json::to_value(self.reading).expect("plain data"),
            form: Form::of(self.output)?.name().to_owned(),
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
    pub(crate) fn columns(&self, progress: &Progress) -> Result<Columns, Failure> {
        let task = progress.task("columns", None, "bytes");
        let names = carried_names(self.input, self.reading, self.carry, &task)?;
        Ok(Columns::new(self.explain, names))
    }

    /// Predicts rows of the file that are not dealt with yet, chunk by chunk.
    ///
    /// # Errors
    /// As for [`Job::run`]; or it was asked to stop, and what was done is kept.
    pub(crate) fn work(
        &self,
        predictor: &Predictor,
        progress: &Progress,
        (part, columns): (&Part, &Columns),
        workplace: &mut Workplace,
    ) -> Result<(), Failure> {
        let (size, _) = stamp(self.input)?;
        let skipped = workplace.done.rows;
        let nobody = StepId::new(StageName::Evaluate, "reading");
        let unseen = Progress::new(ProgressMode::None, nobody);
        // Of a part nobody knows how many bytes it has, but how many rows.
        let shown = match part.rows {
            None => progress.task("predicting", Some(size), "bytes"),
            Some(rows) => progress.task("predicting", Some(rows.saturating_sub(skipped)), "rows"),
        };
        let read = unseen.task("reading", None, "bytes");
        let by_bytes = if part.rows.is_none() { &shown } else { &read };
        thread::scope(|scope| {
            let (sender, receiver) = sync_channel(AHEAD);
            let reader = scope.spawn(move || {
                let shown = (progress, by_bytes);
                let input = (self.input, self.reading, self.carry);
                let most = if self.explain { EXPLAINED } else { CHUNK_ROWS };
                read_chunks(input, shown, part, (skipped, most), &sender)
            });
            // A writer that fails drops the receiver, and the reader stops.
            let seen = (progress, &shown);
            self.ask_and_write(predictor, (part, columns), workplace, receiver, seen)?;
            match reader.join() {
                Ok(read) => read.map_err(Failure::from),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    fn ask_and_write(
        &self,
        predictor: &Predictor,
        (part, columns): (&Part, &Columns),
        workplace: &mut Workplace,
        chunks: Receiver<Vec<TextRow>>,
        (progress, shown): (&Progress, &Shown),
    ) -> Result<(), Failure> {
        let form = Form::of(self.output)?;
        for chunk in chunks {
            if stop_requested() {
                return Err(stopped(workplace.done.rows));
            }
            let mut done = workplace.done.clone();
            let asked = chunk.len() as u64;
            let (lines, rejected) = self.answer(predictor, chunk, &mut done)?;
            print_notes(predictor, progress);
            let is_first = workplace.is_new() && part.first == 1;
            let rows = form.bytes(&lines, is_first, columns);
            workplace.add(&rows, &rejected, done).map_err(unwritten)?;
            if part.rows.is_some() {
                shown.advance(asked);
            }
            shown.message(&format!("{} rows", format::count(workplace.done.rows)));
        }
        // Asked to stop, the reader ends before the file does.
        match stop_requested() {
            true => Err(stopped(workplace.done.rows)),
            false => Ok(()),
        }
    }

    /// The lines of a chunk, and its rows that are kept aside as JSON lines.
    fn answer(
        &self,
        predictor: &Predictor,
        chunk: Vec<TextRow>,
        done: &mut Done,
    ) -> Result<(Vec<Line>, Vec<u8>), Failure> {
        let texts = chunk.iter().filter_map(|row| row.content.as_ref().ok());
        let texts: Vec<&str> = texts.map(|content| content.text.as_str()).collect();
        let mut explained = match self.explain {
            true => predictor.explain_all(&texts)?,
            false => Vec::new(),
        }
        .into_iter();
        let mut found = predictor.probabilities(&texts)?.into_iter();
        let (mut lines, mut rejected) = (Vec::new(), Vec::new());
        for row in &chunk {
            done.rows += 1;
            let said = match &row.content {
                Ok(content) => match (found.next().flatten(), explained.next().flatten()) {
                    (Some(probability), explanation) => Ok((content, probability, explanation)),
                    (None, _) => Err(BadRow {
                        reason: "nothing is left of the text once it is cleaned".to_owned(),
                        excerpt: content.text.chars().take(200).collect(),
                    }),
                },
                Err(bad) => Err(bad.clone()),
            };
            match said {
                Ok((content, probability, explanation)) => {
                    let words = explanation.map(|explanation| explanation.strongest(WORDS));
                    let line = self.line(predictor, row, (content, probability), done);
                    lines.push(Line { words, ..line });
                }
                Err(bad) => {
                    done.rejected += 1;
                    let aside = Rejected {
                        row: row.number,
                        line: row.line,
                        reason: &bad.reason,
                        excerpt: &bad.excerpt,
                    };
                    serde_json::to_writer(&mut rejected, &aside).expect("plain data");
                    rejected.push(b'\n');
                }
            }
        }
        Ok((lines, rejected))
    }

    fn line(
        &self,
        predictor: &Predictor,
        row: &TextRow,
        (content, probability): (&TextContent, f32),
        done: &mut Done,
    ) -> Line {
        let label = predictor.label(probability, self.abstain);
        match (label == UNDECIDED, is_right(1, probability)) {
            (true, _) => done.undecided += 1,
            (false, true) => done.positive += 1,
            (false, false) => done.negative += 1,
        }
        if let Some(truth) = content.label.filter(|_| label != UNDECIDED) {
            done.judged += 1;
            done.right += u64::from(is_right(truth.id(), probability));
        }
        Line {
            row: row.number,
            id: row.id.clone(),
            label: label.to_owned(),
            probability,
            words: None,
            carried: content.carried.clone(),
        }
    }
}

/// Reads the rows of a part behind those that are done, and sends them in chunks until nobody takes
/// them or we are asked to stop.
fn read_chunks(
    (input, settings, carry): (&Path, &IngestSettings, &Carry),
    shown: (&Progress, &Shown),
    part: &Part,
    (skipped, most): (u64, u64),
    sender: &SyncSender<Vec<TextRow>>,
) -> Result<(), IngestError> {
    if part.rows == Some(skipped) {
        return Ok(());
    }
    let (first, last) = (part.first + skipped, part.last());
    let (mut chunk, mut bytes) = (Vec::new(), 0);
    read_texts(input, settings, carry, shown, first, |row| {
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
    })?;
    if !chunk.is_empty() && !stop_requested() {
        // Nobody takes it where writing has failed, and that is told elsewhere.
        let _ = sender.send(chunk);
    }
    Ok(())
}

/// Bytes that a row keeps in memory.
fn size(content: &TextContent) -> usize {
    let carried: usize = content.carried.iter().map(String::len).sum();
    content.text.len() + carried
}

fn stopped(rows: u64) -> Failure {
    let kept = format::plural(rows, "row is", "rows are");
    Failure::new(format!("asked to, and {kept} kept"))
        .with_kind(FailureKind::Interrupted)
        .with_hint("The same command goes on with the next one".to_owned())
}
