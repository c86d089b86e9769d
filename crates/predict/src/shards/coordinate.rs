//! All shards on this machine: planned, predicted by several processes at a time, merged.

use std::env;
use std::thread::sleep;
use std::time::{Duration, Instant};

use artifact::Digest;
use bundle::Networks;
use settings::RunSettings;
use stage::{Failure, FailureKind, Progress, Task, format, stop_requested, watch_signals};

use super::merge::merge;
use super::plan::{Plan, provide};
use super::process::{Ending, Process};
use super::verbs::{Verb, command_of};
use crate::job::Job;

/// How often the processes are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How often the journals are read, to know how far they are.
const COUNT_EVERY: Duration = Duration::from_millis(500);

/// What a process gets to finish the chunk that it is at, where it is to stop.
const GRACE: Duration = Duration::from_secs(20);

/// Processes at the same time at most, where nobody says how many: each has the model in memory.
const MOST_BY_ITSELF: usize = 8;

/// How shards are shared between processes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coordinator {
    pub(crate) shards: usize,
    /// Processes at the same time.
    pub(crate) jobs: usize,
    /// Cores that they share.
    pub(crate) cores: usize,
    /// How often a shard is started again whose process was killed.
    pub(crate) retries: u32,
}

impl Coordinator {
    /// How to share so many shards between processes of this machine. Where nobody says how many, a
    /// process for each core, up to [`MOST_BY_ITSELF`]; one for a GPU, whose memory all would share.
    ///
    /// # Errors
    /// A device is asked for that is not there.
    pub(crate) fn new(
        shards: usize,
        jobs: Option<usize>,
        run: &RunSettings,
        networks: Option<Networks>,
        progress: &Progress,
    ) -> Result<Self, Failure> {
        let by_itself = || {
            let on_gpu = networks.map_or(Ok(false), |networks| (networks.are_on_gpu)(run))?;
            if on_gpu {
                progress.note(
                    "one process at a time, for all would share the GPU; more with `--jobs J`",
                );
                return Ok(1);
            }
            Ok::<_, Failure>(run.cores().min(MOST_BY_ITSELF))
        };
        let jobs = jobs.map_or_else(by_itself, Ok)?.min(shards);
        Ok(Self {
            shards,
            jobs,
            cores: run.cores(),
            retries: run.retries,
        })
    }
}

/// A shard that is not finished.
struct Open {
    number: usize,
    /// How often it was started.
    starts: u32,
    not_before: Instant,
    process: Option<Process>,
}

/// Plans, predicts and merges. Started again after a kill it keeps the shards that are finished, and goes
/// on with the others where they were. Returns what came of the file, in a line.
///
/// # Errors
/// The input cannot be read, a shard fails, or we were asked to stop; finished shards and journals are
/// kept.
pub(crate) fn coordinate(
    job: &Job<'_>,
    model: Digest,
    how: &Coordinator,
    progress: &Progress,
) -> Result<String, Failure> {
    let (plan, _lock) = provide(job, model, how.shards, progress)?;
    // Until here a signal ends us at once, and nothing is lost.
    watch_signals();
    let clock = Instant::now();
    let open = open_shards(&plan, progress)?;
    let rows_before: u64 = (1..=plan.count()).map(|shard| plan.rows_done(shard)).sum();
    let finished = plan.count() - open.len();
    if rows_before > 0 {
        progress.note(&format!(
            "{finished} of {} shards are finished already, {} of {} rows are done",
            plan.count(),
            format::count(rows_before),
            format::count(plan.rows())
        ));
    }
    let jobs = how.jobs.min(open.len());
    let threads = (how.cores / jobs.max(1)).max(1);
    if jobs > 0 {
        progress.note(&format!(
            "{} at a time, {} each, each with the model in its memory",
            format::plural(jobs as u64, "process", "processes"),
            format::plural(threads as u64, "core", "cores")
        ));
    }
    let shown = progress.task("predicting", Some(plan.rows() - rows_before), "rows");
    let mut under_way = UnderWay {
        plan: &plan,
        how,
        threads,
        progress,
        shown: &shown,
        open,
        told: rows_before,
        counted: None,
    };
    under_way.run()?;
    drop(shown);
    let rate = (plan.rows() - rows_before) as f64 / clock.elapsed().as_secs_f64();
    merge(&plan, job.output, Some(rate), progress)
}

/// The shards that are still to be computed; damaged ones are named and removed.
fn open_shards(plan: &Plan, progress: &Progress) -> Result<Vec<Open>, Failure> {
    let mut open = Vec::new();
    for number in 1..=plan.count() {
        match plan.check(number) {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => {
                progress.warn(&format!("{error}; shard {number} is computed again"));
                plan.remove(number)?;
            }
        }
        open.push(Open {
            number,
            starts: 0,
            not_before: Instant::now(),
            process: None,
        });
    }
    Ok(open)
}

struct UnderWay<'a> {
    plan: &'a Plan,
    how: &'a Coordinator,
    /// Cores of each process.
    threads: usize,
    progress: &'a Progress,
    shown: &'a Task,
    open: Vec<Open>,
    /// Rows that were shown as done.
    told: u64,
    counted: Option<Instant>,
}

impl UnderWay<'_> {
    fn run(&mut self) -> Result<(), Failure> {
        let ended = self.run_all();
        if ended.is_err() {
            self.stop_all();
        }
        ended
    }

    fn run_all(&mut self) -> Result<(), Failure> {
        while !self.open.is_empty() {
            if stop_requested() {
                return Err(self.stopped());
            }
            self.look_after()?;
            self.start_some()?;
            self.count();
            sleep(LOOK_EVERY);
        }
        self.counted = None;
        self.count();
        Ok(())
    }

    /// Takes note of the processes that have ended.
    fn look_after(&mut self) -> Result<(), Failure> {
        let mut place = 0;
        while let Some(shard) = self.open.get_mut(place) {
            let ending = match &mut shard.process {
                Some(process) => process.ending()?,
                None => None,
            };
            let Some(ending) = ending else {
                place += 1;
                continue;
            };
            shard.process = None;
            let named = format!("shard {} of {}", shard.number, self.plan.count());
            match ending {
                Ending::Done if self.plan.is_finished(shard.number) => {
                    self.open.remove(place);
                }
                Ending::Done => return Err(failed(&named, "it ended without its rows")),
                Ending::Failed(_) if stop_requested() => return Err(self.stopped()),
                Ending::Failed(why) => return Err(failed(&named, &why)),
                Ending::Passing(why) if shard.starts > self.how.retries => {
                    let often = format!("{why}\nstarted {} times", shard.starts);
                    return Err(failed(&named, &often).with_kind(FailureKind::Transient));
                }
                Ending::Passing(why) => {
                    let wait = wait_before(shard.starts);
                    shard.not_before = Instant::now() + wait;
                    self.progress.warn(&format!(
                        "{named}: {why}; started again in {} s, it goes on where it was",
                        wait.as_secs()
                    ));
                    place += 1;
                }
            }
        }
        Ok(())
    }

    fn start_some(&mut self) -> Result<(), Failure> {
        let running = self.open.iter().filter(|shard| shard.process.is_some());
        let free = self.how.jobs.saturating_sub(running.count());
        let now = Instant::now();
        let waiting = |shard: &&mut Open| shard.process.is_none() && shard.not_before <= now;
        for shard in self.open.iter_mut().filter(waiting).take(free) {
            let threads = format!("run.threads={}", self.threads);
            let more = ["--progress", "none", "--set", &threads];
            let arguments = command_of(env::args_os().skip(1), &more, Verb::Shard(shard.number));
            let process = Process::start(arguments, &self.plan.log(shard.number))?;
            shard.starts += 1;
            shard.process = Some(process);
        }
        Ok(())
    }

    /// Shows how far all of them are, every now and then.
    fn count(&mut self) {
        if self
            .counted
            .is_some_and(|last| last.elapsed() < COUNT_EVERY)
        {
            return;
        }
        self.counted = Some(Instant::now());
        let open: u64 = self
            .open
            .iter()
            .map(|shard| self.plan.rows_of(shard.number) - self.plan.rows_done(shard.number))
            .sum();
        let done = self.plan.rows() - open;
        let finished = self.plan.count() - self.open.len();
        self.shown.message(&format!(
            "{finished} of {} shards finished",
            self.plan.count()
        ));
        // A damaged shard that is computed again takes rows back, which is not shown.
        self.shown.advance(done.saturating_sub(self.told));
        self.told = self.told.max(done);
    }

    /// Has every process keep what it has done and leave; one that takes too long is ended.
    fn stop_all(&mut self) {
        for shard in &self.open {
            shard.process.iter().for_each(Process::ask_to_stop);
        }
        let end = Instant::now() + GRACE;
        for process in self
            .open
            .iter_mut()
            .filter_map(|shard| shard.process.as_mut())
        {
            while matches!(process.ending(), Ok(None)) && Instant::now() < end {
                sleep(LOOK_EVERY);
            }
            process.kill();
        }
    }

    fn stopped(&self) -> Failure {
        let finished = self.plan.count() - self.open.len();
        Failure::new(format!(
            "asked to; {finished} of {} shards are finished, of the others every chunk is kept",
            self.plan.count()
        ))
        .with_kind(FailureKind::Interrupted)
        .with_hint("The same command goes on where this one was".to_owned())
    }
}

/// Longer each time, up to a minute.
fn wait_before(starts: u32) -> Duration {
    Duration::from_secs(5_u64.saturating_pow(starts.saturating_sub(1)).min(60))
}

fn failed(shard: &str, why: &str) -> Failure {
    let (how, said) = why.split_once('\n').unwrap_or((why, ""));
    let mut text = format!("{shard} failed: {how}");
    if !said.is_empty() {
        text.push_str("\n  ");
        text.push_str(&said.replace('\n', "\n  "));
    }
    Failure::new(text).with_hint(
        "Mend that and run the same command again: finished shards and chunks are kept".to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_minute() {
        let waits: Vec<u64> = (1..=5)
            .map(|starts| wait_before(starts).as_secs())
            .collect();
        assert_eq!(waits, [1, 5, 25, 60, 60]);
    }
}
