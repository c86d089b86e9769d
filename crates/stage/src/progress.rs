//! Progress messages as a bar, plain lines or JSON lines, always on stderr; results go to stdout.

use std::io::{IsTerminal, Write, stderr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use settings::StepId;

use crate::heartbeat;
use artifact::format;

/// Format of progress messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ProgressMode {
    /// A progress bar on a terminal, otherwise plain lines
    #[default]
    Auto,
    /// A progress bar
    Bar,
    /// A plain line every 5 seconds
    Plain,
    /// One JSON object per line
    Json,
    /// No progress, only warnings
    None,
}

impl ProgressMode {
    /// The mode that `Auto` stands for.
    pub fn resolved(self) -> Self {
        match self {
            Self::Auto if stderr().is_terminal() => Self::Bar,
            Self::Auto => Self::Plain,
            chosen => chosen,
        }
    }
}

/// Time between two plain or JSON lines of one task.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Prints the progress of one step.
#[derive(Clone, Debug)]
pub struct Progress {
    mode: ProgressMode,
    step: StepId,
    /// The bar and the unit of the last task that was started, for [`Progress::counts`].
    last_task: Arc<Mutex<Option<(ProgressBar, &'static str)>>>,
}

/// The progress of a task.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TaskCounts {
    /// Finished units.
    pub done: u64,
    /// All units.
    pub total: u64,
    /// What is counted, for example `reviews`.
    pub unit: &'static str,
    /// Estimated seconds until all are finished; `None` before the first unit.
    pub seconds_left: Option<f64>,
}

impl Progress {
    /// The progress of a step.
    pub fn new(mode: ProgressMode, step: StepId) -> Self {
        Self {
            mode: mode.resolved(),
            step,
            last_task: Arc::default(),
        }
    }

    /// The progress of the last task that was started, if its number of units is known. Clones share it.
    pub fn counts(&self) -> Option<TaskCounts> {
        let (bar, unit) = self.last_task.lock().ok()?.clone()?;
        let (done, total) = (bar.position(), bar.length()?);
        let seconds_left = (done > 0).then(|| seconds_left(&bar, done, total));
        Some(TaskCounts {
            done,
            total,
            unit,
            seconds_left,
        })
    }

    /// The progress of the same step in another mode.
    pub fn with_mode(&self, mode: ProgressMode) -> Self {
        Self::new(mode, self.step.clone())
    }

    /// Starts a task of a known or unknown number of units, for example
    /// `task("encoding", Some(50_000), "reviews")`. It ends when dropped.
    pub fn task(&self, what: &str, total: Option<u64>, unit: &'static str) -> ProgressTask {
        heartbeat::beat();
        let bar = self.bar(what, total, unit);
        if let Ok(mut last) = self.last_task.lock() {
            *last = Some((bar.clone(), unit));
        }
        ProgressTask {
            progress: self.clone(),
            what: what.to_owned(),
            unit,
            last_line: Mutex::new(Instant::now()),
            bar,
        }
    }

    /// Prints information, for example an automatic choice and its reason.
    pub fn note(&self, text: &str) {
        self.print_line("note", text);
    }

    /// Prints a warning: something that the user should act on.
    pub fn warn(&self, text: &str) {
        self.print_line("warning", text);
    }

    fn print_line(&self, kind: &str, text: &str) {
        let line = match self.mode {
            ProgressMode::None if kind == "note" => return,
            ProgressMode::Json => serde_json::json!({
                "event": kind, "stage": self.step.stage, "variant": self.step.variant, "text": text,
            })
            .to_string(),
            // The orchestrator may run several steps at once, so their lines name the step.
            ProgressMode::Plain if kind == "note" && heartbeat::is_supervised() => {
                format!("  {}: {text}", self.step)
            }
            _ if kind == "note" => format!("  {text}"),
            _ => format!("{kind}: {text}"),
        };
        write_line(line);
    }

    fn bar(&self, what: &str, total: Option<u64>, unit: &str) -> ProgressBar {
        let template = match total {
            Some(_) => format!(
                "  {{prefix}} [{{bar:30}}] {{human_pos}}/{{human_len}} {unit}  {{eta}} left  {{msg}}"
            ),
            None => format!("  {{prefix}} {{spinner}} {{human_pos}} {unit}  {{elapsed}}  {{msg}}"),
        };
        let target = match self.mode {
            ProgressMode::Bar => ProgressDrawTarget::stderr(),
            _ => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(total, target);
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.with_prefix(format!("{}: {what}", self.step))
    }
}

/// The estimated time until all units are finished.
fn seconds_left(bar: &ProgressBar, done: u64, total: u64) -> f64 {
    bar.elapsed().as_secs_f64() / done.max(1) as f64 * total.saturating_sub(done) as f64
}

/// Writes a line with one write, because several stages may share stderr.
fn write_line(line: String) {
    // If stderr is closed, this cannot be reported anywhere.
    let _ = stderr().write_all((line + "\n").as_bytes());
}

/// A task with a progress bar. Can be shared between threads by reference.
pub struct ProgressTask {
    progress: Progress,
    what: String,
    unit: &'static str,
    last_line: Mutex<Instant>,
    /// Counts units and time, also if no bar is drawn.
    bar: ProgressBar,
}

impl ProgressTask {
    /// Adds `units` to the finished units.
    pub fn advance(&self, units: u64) {
        heartbeat::beat();
        self.bar.inc(units);
        if matches!(self.progress.mode, ProgressMode::Plain | ProgressMode::Json) {
            self.print_line_if_due();
        }
    }

    /// Sets the text after the numbers, for example the loss.
    pub fn message(&self, text: &str) {
        self.bar.set_message(text.to_owned());
    }

    /// Prints a line if the interval has passed.
    fn print_line_if_due(&self) {
        let Ok(mut last) = self.last_line.try_lock() else {
            return;
        };
        if last.elapsed() < LINE_INTERVAL {
            return;
        }
        *last = Instant::now();
        let (done, total, message) = (self.bar.position(), self.bar.length(), self.bar.message());
        let left = total.map(|total| seconds_left(&self.bar, done, total));
        let (step, what, unit) = (&self.progress.step, &self.what, self.unit);
        if self.progress.mode == ProgressMode::Json {
            let line = serde_json::json!({
                "event": "progress", "stage": step.stage, "variant": step.variant,
                "task": what, "done": done, "total": total, "unit": unit,
                "seconds": self.bar.elapsed().as_secs_f64(),
                "seconds_left": left, "message": message,
            });
            return write_line(line.to_string());
        }
        let total = total.map(|total| format!(" of {}", format::count(total)));
        let left = left.map(|left| format!(", {} left", format::seconds(left)));
        let (total, left) = (total.unwrap_or_default(), left.unwrap_or_default());
        let separator = if message.is_empty() { "" } else { ", " };
        let done = format::count(done);
        let text = format!("{what} {done}{total} {unit}{left}{separator}{message}");
        write_line(format!("  {step}: {text}"));
    }
}

impl Drop for ProgressTask {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
