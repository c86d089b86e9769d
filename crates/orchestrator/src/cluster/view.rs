//! What a person who stays sees of jobs: a line whenever one of them gets somewhere, and on a terminal
//! what those that run say at the moment.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use artifact::format;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use settings::StepId;
use slurm::{JobState, JobStatus, TaskId};
use stage::{ProgressMode, StepState, print_step};

/// Jobs shown at the same time on a terminal.
const SHOWN: usize = 8;

/// Shows jobs.
pub(crate) struct View {
    mode: ProgressMode,
    /// How all jobs stand, on a terminal; below it what those that run say.
    bar: Option<ProgressBar>,
}

/// A job as it is shown.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// The step.
    pub(crate) id: StepId,
    /// The job's number.
    pub(crate) job: TaskId,
    /// Where it stands.
    pub(crate) status: JobStatus,
    /// What it said last.
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

    /// Whether it is drawn anew at every look.
    pub(crate) fn is_live(&self) -> bool {
        self.bar.is_some()
    }

    /// The line of a step.
    pub(crate) fn step(&self, state: StepState, id: &StepId, text: &str) {
        self.aside(|| print_step(self.mode, state, id, text));
    }

    /// Something worth knowing.
    pub(crate) fn note(&self, text: &str) {
        self.tell(json!({ "event": "note", "text": text }), text);
    }

    /// What a failed program said last.
    pub(crate) fn failure(&self, lines: &[String]) {
        for line in lines.iter().filter(|_| self.mode != ProgressMode::Json) {
            self.say(&format!("  | {line}"));
        }
    }

    /// A job has got somewhere: it runs, or waits once more.
    pub(crate) fn moved(&self, shown: &Shown) {
        let (id, job, status) = (&shown.id, &shown.job, &shown.status);
        let node = &status.node;
        let (word, text) = match status.state {
            JobState::Running if status.starts > 1 => ("resumed", format!("on {node}")),
            JobState::Running => ("running", format!("on {node}")),
            JobState::Pending(_) if status.starts > 0 => {
                let text = "once more, to go on from what it has saved";
                ("queued", text.to_owned())
            }
            _ => return,
        };
        let event = json!({
            "event": "job", "state": word, "stage": id.stage, "variant": id.variant, "job": job, "node": node,
        });
        self.tell(event, &format!("{word:<7} {id:<22} job {job} {text}"));
    }

    /// How all jobs stand, now and then.
    pub(crate) fn overview(&self, done: u64, open: &[Shown]) {
        let runs = |shown: &&Shown| shown.status.state == JobState::Running;
        let running: Vec<&Shown> = open.iter().filter(runs).collect();
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
        let said = |shown: &&Shown| (shown.id.to_string(), shown.line.clone());
        let said: BTreeMap<_, _> = running.iter().map(said).collect();
        let event = json!({
            "event": "jobs", "done": done, "running": running.len(), "queued": waiting, "said": said,
        });
        self.tell(event, &text);
    }

    fn tell(&self, event: Value, text: &str) {
        match self.mode {
            ProgressMode::None => {}
            ProgressMode::Json => self.say(&event.to_string()),
            _ => self.say(&format!("  {text}")),
        }
    }

    fn say(&self, line: &str) {
        // Nobody reads stderr any more: there is nobody to tell that either.
        self.aside(|| drop(writeln!(std::io::stderr(), "{line}")));
    }

    /// Lets others write without a bar in their way.
    fn aside(&self, write: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        // The screen belongs to whoever writes next.
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
