//! Prints the progress of jobs: a line when a job changes its state, and on a terminal the last lines of the
//! running jobs.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use artifact::format;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use settings::StepId;
use slurm::{JobState, JobStatus, TaskId};
use stage::{ProgressMode, StepState, print_step};

/// Largest number of running jobs shown on a terminal.
const SHOWN: usize = 8;

/// Prints jobs.
pub(crate) struct View {
    mode: ProgressMode,
    /// On a terminal: the number of jobs in each state, with the last lines of running jobs below.
    bar: Option<ProgressBar>,
}

/// A job with what is printed about it.
#[derive(Clone, Debug)]
pub(crate) struct ShownJob {
    /// Its step.
    pub(crate) id: StepId,
    /// Its job number.
    pub(crate) job: TaskId,
    /// Its status.
    pub(crate) status: JobStatus,
    /// Its last line of output.
    pub(crate) line: Option<String>,
}

impl View {
    pub(crate) fn new(mode: ProgressMode) -> Self {
        let mode = mode.resolved();
        let bar = (mode == ProgressMode::Bar).then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("  {spinner} {elapsed}  {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { mode, bar }
    }

    /// Whether the output is a terminal, which is redrawn after every query.
    pub(crate) fn is_live(&self) -> bool {
        self.bar.is_some()
    }

    /// Prints the line of a step.
    pub(crate) fn print_step(&self, state: StepState, id: &StepId, text: &str) {
        self.suspend_bar(|| print_step(self.mode, state, id, text));
    }

    /// Prints a note.
    pub(crate) fn print_note(&self, text: &str) {
        self.print_event(json!({ "event": "note", "text": text }), text);
    }

    /// Prints the last log lines of a failed job.
    pub(crate) fn print_log(&self, lines: &[String]) {
        for line in lines.iter().filter(|_| self.mode != ProgressMode::Json) {
            self.print_line(&format!("  | {line}"));
        }
    }

    /// Prints that a job started or returned to the queue.
    pub(crate) fn print_state_change(&self, shown: &ShownJob) {
        let (id, job, status) = (&shown.id, &shown.job, &shown.status);
        let node = &status.node;
        let (word, text) = match status.state {
            JobState::Running if status.starts > 1 => ("resumed", format!("on {node}")),
            JobState::Running => ("running", format!("on {node}")),
            JobState::Pending(_) if status.starts > 0 => {
                ("queued", "will resume from its checkpoint".to_owned())
            }
            _ => return,
        };
        let event = json!({
            "event": "job", "state": word, "stage": id.stage, "variant": id.variant, "job": job, "node": node,
        });
        self.print_event(event, &format!("{word:<7} {id:<22} job {job} {text}"));
    }

    /// Prints the number of jobs in each state.
    pub(crate) fn print_overview(&self, done: u64, open: &[ShownJob]) {
        let runs = |shown: &&ShownJob| shown.status.state == JobState::Running;
        let running: Vec<&ShownJob> = open.iter().filter(runs).collect();
        let waiting = open.len() - running.len();
        let counts = [done, running.len() as u64, waiting as u64].map(format::count);
        let [ended, active, queued] = counts;
        let mut text = format!("{ended} done, {active} running, {queued} queued");
        for shown in running.iter().take(SHOWN) {
            let line = match (&shown.line, self.is_live()) {
                (Some(line), false) => line.clone(),
                (None, false) => continue,
                (line, true) => {
                    let line = line.as_deref().unwrap_or("started");
                    format!("{} on {}: {line}", shown.id, shown.status.node)
                }
            };
            text += "\n    ";
            text.extend(line.chars().take(100));
        }
        if let Some(bar) = &self.bar {
            return bar.set_message(text);
        }
        let last_line = |shown: &&ShownJob| (shown.id.to_string(), shown.line.clone());
        let last_lines: BTreeMap<_, _> = running.iter().map(last_line).collect();
        let event = json!({
            "event": "jobs", "done": done, "running": running.len(), "queued": waiting, "said": last_lines,
        });
        self.print_event(event, &text);
    }

    fn print_event(&self, event: Value, text: &str) {
        match self.mode {
            ProgressMode::None => {}
            ProgressMode::Json => self.print_line(&event.to_string()),
            _ => self.print_line(&format!("  {text}")),
        }
    }

    fn print_line(&self, line: &str) {
        // If standard error is closed, there is no other place to print.
        self.suspend_bar(|| drop(writeln!(std::io::stderr(), "{line}")));
    }

    /// Hides the progress bar while `write` prints.
    fn suspend_bar(&self, write: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        // Clear the bar, so that later output starts on an empty line.
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
