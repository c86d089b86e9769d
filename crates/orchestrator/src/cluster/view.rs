//! What a person who stays sees of jobs: a line whenever one of them gets somewhere, and on a terminal
//! what those that run say at the moment.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use artifact::format;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use settings::StepId;
use slurm::{Course, Standing};
use stage::{ProgressMode, StepState, print_step};

/// Jobs shown at the same time on a terminal.
const SHOWN: usize = 8;

/// Shows jobs.
pub(crate) struct View {
    mode: ProgressMode,
    bars: Option<Bars>,
}

struct Bars {
    all: MultiProgress,
    summary: ProgressBar,
    jobs: Vec<ProgressBar>,
}

/// A job as it is shown.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// The step.
    pub(crate) id: StepId,
    /// The job's number.
    pub(crate) job: String,
    /// Where it stands.
    pub(crate) course: Course,
    /// What it said last.
    pub(crate) line: Option<String>,
}

impl View {
    pub(crate) fn new(mode: ProgressMode) -> Self {
        let mode = mode.resolved();
        let bars = (mode == ProgressMode::Bar).then(Bars::new);
        Self { mode, bars }
    }

    /// Whether it is drawn anew at every look.
    pub(crate) fn is_live(&self) -> bool {
        self.bars.is_some()
    }

    /// The line of a step.
    pub(crate) fn step(&self, state: StepState, id: &StepId, text: &str) {
        self.aside(|| print_step(self.mode, state, id, text));
    }

    /// Something worth knowing.
    pub(crate) fn note(&self, text: &str) {
        let line = match self.mode {
            ProgressMode::None => return,
            ProgressMode::Json => serde_json::json!({ "event": "note", "text": text }).to_string(),
            _ => format!("  {text}"),
        };
        self.say(&line);
    }

    /// What a failed program said last.
    pub(crate) fn failure(&self, lines: &[String]) {
        if self.mode != ProgressMode::Json {
            lines
                .iter()
                .for_each(|line| self.say(&format!("  | {line}")));
        }
    }

    /// A job has got somewhere: it runs, or waits once more.
    pub(crate) fn moved(&self, shown: &Shown) {
        let Course {
            standing,
            node,
            starts,
            ..
        } = &shown.course;
        let (word, text) = match standing {
            Standing::Runs if *starts > 1 => ("resumed", format!("on {node}")),
            Standing::Runs => ("running", format!("on {node}")),
            Standing::Waits(_) if *starts > 0 => (
                "queued",
                "once more, to go on from what it has saved".to_owned(),
            ),
            _ => return,
        };
        match self.mode {
            ProgressMode::None => {}
            ProgressMode::Json => self.say(
                &serde_json::json!({
                    "event": "job", "state": word, "stage": shown.id.stage, "variant": shown.id.variant,
                    "job": shown.job, "node": node,
                })
                .to_string(),
            ),
            _ => self.say(&format!("  {word:<7} {:<22} job {} {text}", shown.id.to_string(), shown.job)),
        }
    }

    /// How all jobs stand, now and then.
    pub(crate) fn overview(&self, done: u64, open: &[Shown]) {
        let running: Vec<&Shown> = open
            .iter()
            .filter(|shown| shown.course.standing == Standing::Runs)
            .collect();
        let waiting = open.len() - running.len();
        let counts = format!(
            "{} done, {} running, {} queued",
            format::count(done),
            format::count(running.len() as u64),
            format::count(waiting as u64)
        );
        match (&self.bars, self.mode) {
            (Some(bars), _) => bars.show(&counts, &running),
            (None, ProgressMode::Json) => self.say(
                &serde_json::json!({
                    "event": "jobs", "done": done, "running": running.len(), "queued": waiting,
                    "said": running.iter().map(|shown| (shown.id.to_string(), shown.line.clone())).collect::<BTreeMap<_, _>>(),
                })
                .to_string(),
            ),
            (None, ProgressMode::None) => {}
            (None, _) => {
                self.say(&format!("  {counts}"));
                for shown in running.iter().take(SHOWN) {
                    if let Some(line) = &shown.line {
                        self.say(&format!("    {}", line.chars().take(100).collect::<String>()));
                    }
                }
            }
        }
    }

    fn say(&self, line: &str) {
        // Nobody reads stderr any more: there is nobody to tell that either.
        self.aside(|| drop(writeln!(std::io::stderr(), "{line}")));
    }

    /// Lets others write without a bar in their way.
    fn aside(&self, write: impl FnOnce()) {
        match &self.bars {
            Some(bars) => bars.all.suspend(write),
            None => write(),
        }
    }
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::new();
        let line = |template: &str| {
            let bar = all.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar
        };
        let summary = line("  {spinner} {elapsed}  {wide_msg}");
        summary.enable_steady_tick(Duration::from_millis(200));
        let jobs = (0..SHOWN).map(|_| line("    {wide_msg}")).collect();
        Self { all, summary, jobs }
    }

    fn show(&self, counts: &str, running: &[&Shown]) {
        self.summary.set_message(counts.to_owned());
        for (bar, shown) in self
            .jobs
            .iter()
            .zip(running.iter().map(Some).chain(std::iter::repeat(None)))
        {
            let text = shown.map(|shown| {
                let line = shown.line.as_deref().unwrap_or("started");
                format!("{} on {}: {line}", shown.id, shown.course.node)
            });
            bar.set_message(text.unwrap_or_default());
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        // The screen belongs to whoever writes next.
        drop(self.all.clear());
    }
}
