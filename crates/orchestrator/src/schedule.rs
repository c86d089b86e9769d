//! Decides which step may run next: each after its inputs, in the order of the pipeline file. A pure state
//! machine; [`crate::run`] interprets how steps end.

use std::collections::{BTreeMap, BTreeSet};

use settings::Step;

/// The steps of a run that have not ended.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    /// For each step, the indices of its inputs.
    inputs: Vec<Vec<usize>>,
    waiting: BTreeSet<usize>,
    ended: BTreeSet<usize>,
    pub(crate) running: usize,
}

impl Schedule {
    /// A schedule of steps, which are ordered so that inputs come first.
    pub(crate) fn new(steps: &[Step]) -> Self {
        let indices: BTreeMap<_, _> = steps.iter().map(|step| &step.id).zip(0..).collect();
        let inputs = |step: &Step| step.inputs.iter().map(|input| indices[input]).collect();
        Self {
            inputs: steps.iter().map(inputs).collect(),
            waiting: (0..steps.len()).collect(),
            ended: BTreeSet::new(),
            running: 0,
        }
    }

    /// Takes the first step whose inputs have ended. It counts as running until [`Schedule::mark_ended`].
    pub(crate) fn take_next(&mut self) -> Option<usize> {
        let has_ended = |input| self.ended.contains(input);
        let is_ready = |index: &&usize| self.inputs[**index].iter().all(has_ended);
        let index = *self.waiting.iter().find(is_ready)?;
        self.waiting.remove(&index);
        self.running += 1;
        Some(index)
    }

    /// Marks a running step as ended, whether it succeeded or failed.
    pub(crate) fn mark_ended(&mut self, index: usize) {
        self.running -= 1;
        self.ended.insert(index);
    }
}

/// The number of cores of a slot. It is fixed, because a running step keeps its cores. The shares of all slots
/// add up to all cores.
pub(crate) fn cores_of_slot(cores: usize, jobs: usize, slot: usize) -> usize {
    cores / jobs + usize::from(slot < cores % jobs)
}

/// The value of `CUDA_VISIBLE_DEVICES` for a slot; slots use the first `gpus` devices in turn. `visible` is
/// the value for this process. `None` leaves it unchanged.
pub(crate) fn visible_device(slot: usize, gpus: usize, visible: Option<&str>) -> Option<String> {
    let turn = slot.checked_rem(gpus)?;
    let Some(names) = visible else {
        return Some(turn.to_string());
    };
    // If this process has fewer devices than `gpus`, slots share them.
    let names = names.split(',').map(str::trim);
    let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
    let index = turn.checked_rem(names.len())?;
    Some(names[index].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_project::tiny_steps;

    /// Runs the tiny pipeline with this number of jobs. The step that started first always ends first. Returns
    /// the steps that start together.
    fn waves(jobs: usize) -> Vec<Vec<String>> {
        let steps = tiny_steps();
        let mut schedule = Schedule::new(&steps);
        let (mut running, mut waves) = (Vec::new(), Vec::new());
        loop {
            let mut wave = Vec::new();
            while schedule.running < jobs
                && let Some(index) = schedule.take_next()
            {
                running.push(index);
                wave.push(steps[index].id.to_string());
            }
            if !wave.is_empty() {
                waves.push(wave);
            }
            if running.is_empty() {
                return waves;
            }
            schedule.mark_ended(running.remove(0));
        }
    }

    #[test]
    fn with_one_job_steps_run_in_the_order_of_the_file() {
        let order: Vec<String> = tiny_steps()
            .iter()
            .map(|step| step.id.to_string())
            .collect();
        assert_eq!(waves(1).concat(), order);
    }

    #[test]
    fn independent_steps_run_together() {
        let together = waves(2);
        assert!(together.contains(&vec!["train naive".to_owned(), "train lstm".to_owned()]));
        assert_eq!(together.last(), Some(&vec!["report reviews".to_owned()]));
        for jobs in [2, 3, 100] {
            let mut all = waves(jobs).concat();
            let mut order = waves(1).concat();
            all.sort();
            order.sort();
            assert_eq!(all, order, "each step once, with {jobs} jobs");
        }
    }

    #[test]
    fn cores_are_shared_and_devices_assigned_in_turn() {
        for (cores, jobs) in [(8, 1), (8, 3), (8, 8), (3, 2)] {
            let shares = (0..jobs).map(|slot| cores_of_slot(cores, jobs, slot));
            assert_eq!(shares.clone().sum::<usize>(), cores);
            assert!(shares.max() <= Some(cores.div_ceil(jobs)));
        }
        let device = |slot, gpus, visible| visible_device(slot, gpus, visible);
        assert_eq!(device(3, 0, None), None);
        assert_eq!(device(3, 2, None).as_deref(), Some("1"));
        assert_eq!(device(1, 2, Some("4,6")).as_deref(), Some("6"));
        assert_eq!(device(1, 2, Some("GPU-5e, ")).as_deref(), Some("GPU-5e"));
        assert_eq!(device(1, 2, Some("")), None);
    }
}
