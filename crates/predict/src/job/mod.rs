//! A file of any size, predicted as a stream: read by one thread, asked about by all, written chunk by
//! chunk with a journal. Killed at any moment and started again it goes on with the next chunk.

mod form;
mod journal;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Instant;

use artifact::ArtifactError;
use ingest::{BadRow, Carry, IngestError, TextContent, TextRow, carried_names, read_texts};
use metrics::{is_right, share_of};
use serde::Serialize;
use settings::IngestSettings;
use stage::{Failure, Progress, Task as Shown, format};

use crate::predictor::{Predictor, UNDECIDED};
use form::{Columns, Form, Line, to_parquet};
use journal::{Done, Task, Workplace, stamp};

/// Rows of a chunk at most, and bytes of their texts: what a kill costs, and what memory holds.
const CHUNK: (usize, usize) = (8192, 16 << 20);

/// Rows of a chunk where each is explained, which takes a net as long as dozens of answers.
const EXPLAINED: usize = 512;

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
    /// The file cannot be read, or the output not written.
    pub(crate) fn run(
        &self,
        predictor: &Predictor,
        progress: &Progress,
    ) -> Result<String, Failure> {
        let form = Form::of(self.output)?;
        let stamp = stamp(self.input)?;
        let input = self.input.canonicalize();
        let task = Task {
            input: input.map_err(ArtifactError::io("read", self.input))?,
            stamp,
            model: predictor.fingerprint()?,
            reading: serde_json::to_value(self.reading).expect("plain data"),
            form: form.name().to_owned(),
            abstain: self.abstain,
            explain: self.explain,
            carry: self.carry.clone(),
        };
        let columns = self.columns(progress)?;
        let mut workplace = Workplace::open(&with_ending(self.output, "partial"), task)?;
        if workplace.done.rows > 0 {
            let rows = format::count(workplace.done.rows);
            progress.note(&format!(
                "going on after row {rows}, which an earlier run came to"
            ));
        }
        let clock = Instant::now();
        let before = workplace.done.rows;
        self.work(predictor, progress, (form, &columns), &mut workplace)?;
        let finished = match form {
            Form::Parquet => {
                let table = workplace.beside("table.parquet");
                to_parquet(&workplace.rows(), &table, &columns)?;
                table
            }
            _ => workplace.rows(),
        };
        let rejects = self.output.with_extension("rejected.jsonl");
        let done = workplace.finish(&finished, self.output, &rejects)?;
        let rate = (done.rows - before) as f64 / clock.elapsed().as_secs_f64();
        Ok(in_words(&done, self.output, &rejects, rate))
    }

    fn columns(&self, progress: &Progress) -> Result<Columns, Failure> {
        let task = progress.task("columns", None, "bytes");
        let names = carried_names(self.input, self.reading, self.carry, &task)?;
        Ok(Columns::new(self.explain, names))
    }

    fn work(
        &self,
        predictor: &Predictor,
        progress: &Progress,
        (form, columns): (Form, &Columns),
        workplace: &mut Workplace,
    ) -> Result<(), Failure> {
        let (size, _) = stamp(self.input)?;
        let shown = progress.task("predicting", Some(size), "bytes");
        let skipped = workplace.done.rows;
        thread::scope(|scope| {
            let (sender, receiver) = sync_channel(AHEAD);
            let shown = &shown;
            let reader = scope.spawn(move || {
                read_chunks(
                    (self.input, self.reading, self.carry),
                    (progress, shown),
                    (skipped, if self.explain { EXPLAINED } else { CHUNK.0 }),
                    &sender,
                )
            });
            // A writer that fails drops the receiver, and the reader stops.
            self.ask_and_write(predictor, (form, columns), workplace, receiver, shown)?;
            match reader.join() {
                Ok(read) => read.map_err(Failure::from),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    fn ask_and_write(
        &self,
        predictor: &Predictor,
        (form, columns): (Form, &Columns),
        workplace: &mut Workplace,
        chunks: Receiver<Vec<TextRow>>,
        shown: &Shown,
    ) -> Result<(), Failure> {
        for chunk in chunks {
            let mut done = workplace.done.clone();
            let (lines, rejected) = self.answer(predictor, chunk, &mut done)?;
            let rows = form.bytes(&lines, workplace.is_new(), columns);
            workplace.add(&rows, &rejected, done)?;
            shown.message(&format!("{} rows", format::count(workplace.done.rows)));
        }
        Ok(())
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

/// Reads the rows behind those that are done, and sends them in chunks until nobody takes them.
fn read_chunks(
    (input, settings, carry): (&Path, &IngestSettings, &Carry),
    shown: (&Progress, &Shown),
    (skipped, most): (u64, usize),
    sender: &SyncSender<Vec<TextRow>>,
) -> Result<(), IngestError> {
    let (mut chunk, mut bytes) = (Vec::new(), 0);
    read_texts(input, settings, carry, shown, |row| {
        if row.number <= skipped {
            return ControlFlow::Continue(());
        }
        bytes += row.content.as_ref().map_or(0, size);
        chunk.push(row);
        if chunk.len() < most && bytes < CHUNK.1 {
            return ControlFlow::Continue(());
        }
        bytes = 0;
        match sender.send(std::mem::take(&mut chunk)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })?;
    if !chunk.is_empty() {
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

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

fn in_words(done: &Done, output: &Path, rejects: &Path, rate: f64) -> String {
    let count = |rows: u64| format::count(rows);
    let mut text = format!(
        "{}: {} positive, {} negative",
        format::plural(done.rows, "row", "rows"),
        count(done.positive),
        count(done.negative)
    );
    if done.undecided > 0 {
        text.push_str(&format!(", {} undecided", count(done.undecided)));
    }
    if done.rejected > 0 {
        let rejected = count(done.rejected);
        text.push_str(&format!(
            ", {rejected} kept aside in `{}`",
            rejects.display()
        ));
    }
    if let Some(share) = share_of(done.right, done.judged, 0.95) {
        text.push_str(&format!(
            "; {:.2} % of {} with a label right (95 % interval {:.2} to {:.2})",
            100.0 * share.value,
            count(done.judged),
            100.0 * share.low,
            100.0 * share.high
        ));
    }
    format!(
        "{text}; {} a second; `{}`",
        count(rate as u64),
        output.display()
    )
}
