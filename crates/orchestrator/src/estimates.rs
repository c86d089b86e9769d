//! Estimates how long a step takes and how much memory it needs, from earlier runs in the same artifacts folder.
//!
//! Only runs of the same kind of step are compared: equal settings, except those that do not change the cost, the
//! same number of cores and the same kind of device. The cost grows with the tokens that a step reads, or with the
//! reviews as long as the tokens are not known.

use std::collections::BTreeMap;

use artifact::{Artifact, StageName, format};
use serde_json::{Value, json};
use settings::{Device, StepId};

use crate::known_artifacts::KnownArtifacts;
use crate::past_runs::{Cost, PastRun, Profile, device_kind, is_same_source, past_runs};
use crate::plan::PlannedStep;
use crate::schedule::cores_of_slot;
use crate::workspace::Workspace;

/// The start of a description of memory, if all runs have read less data.
const AT_LEAST: &str = "at least ";

/// The cost of a step, scaled from earlier runs to the tokens or reviews that it will read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    seconds: f64,
    /// Peak resident memory in bytes.
    memory: f64,
    /// How the memory is limited: `at least` or `at most` if all runs have read less or more data than this step.
    bound: &'static str,
    /// Number of runs that it is from.
    runs: usize,
}

impl Estimate {
    /// The cost at size 1, from runs of the same kind of step; `None` without runs. The nearest sizes count. A second
    /// size shows which part of the cost is constant; with one, the duration is proportional to the size.
    fn from_runs(mut runs: Vec<Cost>) -> Option<Self> {
        let distance = |run: &Cost, from: f64| (run.size / from).ln().abs();
        runs.sort_by(|one, two| distance(one, 1.0).total_cmp(&distance(two, 1.0)));
        let near = runs.first()?.size;
        let similar = runs.iter().filter(|run| distance(run, near) < 0.05);
        let other = runs.iter().find(|run| distance(run, near) > 0.4);
        let count = similar.clone().count();
        let mean = |value: fn(&Cost) -> f64| similar.clone().map(value).sum::<f64>() / count as f64;
        let (seconds, memory) = (mean(|run| run.seconds), mean(|run| run.memory));
        let on_line = |at_near: f64, value: fn(&Cost) -> f64| {
            let other = other?;
            let slope = (at_near - value(other)) / (near - other.size);
            let constant = at_near - slope * near;
            (slope >= 0.0 && constant >= 0.0).then_some(constant + slope)
        };
        let fitted = on_line(memory, |run| run.memory);
        Some(Self {
            seconds: on_line(seconds, |run| run.seconds).unwrap_or(seconds / near),
            memory: fitted.unwrap_or(memory),
            bound: match 1.0 / near {
                _ if fitted.is_some() => "",
                1.25.. => AT_LEAST,
                ..0.8 => "at most ",
                _ => "",
            },
            runs: count + usize::from(other.is_some()),
        })
    }

    /// The cost of several steps, one after another; `None` without steps.
    pub(crate) fn total(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        all.into_iter().reduce(|one, two| {
            let larger = if two.memory > one.memory { two } else { one };
            // One step that may need more is enough.
            let bounds = [one.bound, two.bound, larger.bound];
            let bound = bounds.into_iter().find(|bound| *bound == AT_LEAST);
            Self {
                seconds: one.seconds + two.seconds,
                runs: one.runs.max(two.runs),
                bound: bound.unwrap_or(larger.bound),
                ..larger
            }
        })
    }

    /// Duration and memory: `about 6.3 s, 250.0 MiB of memory`.
    fn describe(&self) -> String {
        let time = match self.seconds {
            ..0.1 => "under 0.1 s".to_owned(),
            seconds => format!("about {}", format::seconds(seconds)),
        };
        let memory = format::bytes(self.memory as u64);
        format!("{time}, {}{memory} of memory", self.bound)
    }

    /// For programs. `peak_memory_bound` is `at least` or `at most`; empty if runs have read a similar amount of data or
    /// two different ones.
    pub(crate) fn json(self) -> Value {
        let (memory, bound) = (self.memory as u64, self.bound.trim());
        json!({
            "seconds": self.seconds, "peak_memory": memory, "peak_memory_bound": bound, "runs": self.runs,
        })
    }
}

/// The estimates of the steps of a plan that are not fresh; steps without a comparable run are absent.
#[derive(Default)]
pub(crate) struct Estimates {
    pub(crate) by_step: BTreeMap<StepId, Estimate>,
    /// The steps without an estimate.
    unknown: Vec<StepId>,
    /// Whether the number of reviews is not known, although there are earlier runs.
    pub(crate) needs_row_count: bool,
}

impl Estimates {
    /// Reads earlier runs, unless every step is fresh.
    pub(crate) fn new(workspace: &Workspace, plan: &[PlannedStep], found: &KnownArtifacts) -> Self {
        let mut estimates = Self::default();
        if plan.iter().all(PlannedStep::is_fresh) {
            return estimates;
        }
        let past = past_runs(&workspace.store);
        let settings = &workspace.pipeline.run;
        let all = settings.cores();
        let cores = [all, cores_of_slot(all, settings.jobs.clamp(1, all), 0)];
        let device = expected_device(settings.device, &past);
        let is_comparable = |past: &&PastRun| {
            let run = &past.manifest.run;
            cores.contains(&run.cores) && (run.device.is_none() || device_kind(run) == device)
        };
        let mut profiles: BTreeMap<&StepId, Profile> = BTreeMap::new();
        for step in &workspace.steps {
            let (id, stage) = (&step.id, step.id.stage);
            let known = found.known.get(id).map(Artifact::manifest);
            let planned = plan.iter().find(|planned| planned.id == *id);
            let own_sources = planned.map(|planned| &planned.sources);
            let sources = own_sources.or(known.map(|manifest| &manifest.sources));
            let inputs: Option<Vec<_>> = step.inputs.iter().map(|id| profiles.get(id)).collect();
            let (Some(sources), Some(inputs)) = (sources, inputs) else {
                continue;
            };
            let mut profile = Profile::new(stage, &step.settings, sources, &inputs);
            // The same file that was read with other settings has about as many reviews.
            let mut manifests = past.iter().map(|past| &past.manifest);
            let same_source = manifests.find(|past| is_same_source(sources, past));
            let same_source = same_source.filter(|_| stage == StageName::Ingest);
            if let Some(manifest) = known.or(same_source) {
                profile.data.add_output(manifest, &workspace.store);
            }
            if planned.is_some_and(|planned| !planned.is_fresh()) {
                let comparable = past.iter().filter(is_comparable);
                let costs = comparable.filter_map(|past| profile.cost(past));
                match Estimate::from_runs(costs.collect()) {
                    Some(estimate) => drop(estimates.by_step.insert(id.clone(), estimate)),
                    None => estimates.unknown.push(id.clone()),
                }
            }
            estimates.needs_row_count |= profile.data.reviews.is_none() && !past.is_empty();
            profiles.insert(id, profile);
        }
        estimates
    }

    /// The end of a step's line in a plan: ` (about 6.3 s, 250.0 MiB of memory, from 2 runs here)`. Empty if nothing is
    /// known about any step.
    pub(crate) fn text(&self, estimate: Option<&Estimate>) -> String {
        match estimate {
            _ if self.by_step.is_empty() => String::new(),
            None => " (estimate unknown)".to_owned(),
            Some(estimate) => {
                let runs = format::plural(estimate.runs as u64, "run", "runs");
                format!(" ({}, from {runs} here)", estimate.describe())
            }
        }
    }

    /// One line about all steps together; `None` if every step is fresh.
    pub(crate) fn summary(&self) -> Option<String> {
        const HINT: &str = "; `ressenti run --only ingest` counts the reviews";
        let unknown = match &self.unknown[..] {
            [] => String::new(),
            [step] => format!(" without `{step}`, which is unknown"),
            [step, others @ ..] => {
                let others = format::plural(others.len() as u64, "other step", "other steps");
                format!(" without `{step}` and {others}, which are unknown")
            }
        };
        let hint = if self.needs_row_count { HINT } else { "" };
        let Some(total) = Estimate::total(self.by_step.values().copied()) else {
            let reason = "estimate: unknown, because no earlier run here is comparable";
            return (!unknown.is_empty()).then(|| format!("{reason}{hint}"));
        };
        let mut steps = self.by_step.iter();
        let largest = steps.find(|(_, estimate)| estimate.memory == total.memory);
        let largest = largest.map_or(String::new(), |(step, _)| format!(" (`{step}`)"));
        let total = total.describe();
        Some(format!("estimate: {total}{largest}{unknown}{hint}"))
    }
}

/// The kind of device that a step will use; with `auto` that of the last run.
fn expected_device(device: Device, past: &[PastRun]) -> &str {
    let runs = past.iter().map(|past| &past.manifest.run);
    let with_device = runs.filter(|run| run.device.is_some());
    let last = with_device.max_by_key(|run| run.started);
    match device {
        Device::Cpu => "cpu",
        Device::Cuda => "cuda",
        Device::Auto => last.map_or("", device_kind),
    }
}

#[cfg(test)]
#[path = "tests/estimates.rs"]
mod tests;
