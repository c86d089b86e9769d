//! Which step may run next: each after all it reads, in the order of the file. A pure state machine
//! over the graph; what a step's end means is for [`crate::run`] to know.

use std::collections::{BTreeMap, BTreeSet};

use settings::Step;

/// The steps of a run that are still to come.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    /// For each step, the places of those it reads.
    inputs: Vec<Vec<usize>>,
    waiting: BTreeSet<usize>,
    ended: BTreeSet<usize>,
    pub(crate) running: usize,
}

impl Schedule {
    /// The schedule of steps that stand after what they read.
    pub(crate) fn new(steps: &[Step]) -> Self {
        let places = steps.iter().enumerate();
        let places: BTreeMap<_, _> = places.map(|(place, step)| (&step.id, place)).collect();
        let inputs = |step: &Step| step.inputs.iter().map(|input| places[input]).collect();
        Self {
            inputs: steps.iter().map(inputs).collect(),
            waiting: (0..steps.len()).collect(),
            ended: BTreeSet::new(),
            running: 0,
        }
    }

    /// Takes the first step that waits for nothing any more. It counts as running until
    /// [`Schedule::end`].
    pub(crate) fn take(&mut self) -> Option<usize> {
        let has_ended = |input| self.ended.contains(input);
        let is_ready = |place: &&usize| self.inputs[**place].iter().all(has_ended);
        let place = *self.waiting.iter().find(is_ready)?;
        self.waiting.remove(&place);
        self.running += 1;
        Some(place)
    }

    /// A step that was taken has ended, however that was.
    pub(crate) fn end(&mut self, place: usize) {
        self.running -= 1;
        self.ended.insert(place);
    }
}

/// The cores of the job in a slot. They are fixed for the slot, because a running step keeps its cores:
/// so a step that starts later finds its share free. All slots together have all cores.
pub(crate) fn cores_of_slot(cores: usize, jobs: usize, slot: usize) -> usize {
    cores / jobs + usize::from(slot < cores % jobs)
}

/// What `CUDA_VISIBLE_DEVICES` is for the job in a slot, so that jobs take turns on the first `gpus`
/// devices; `visible` is what it is for us. `None` leaves it as it is.
pub(crate) fn visible_device(slot: usize, gpus: usize, visible: Option<&str>) -> Option<String> {
    let turn = slot.checked_rem(gpus)?;
    let Some(names) = visible else {
        return Some(turn.to_string());
    };
    // Names of devices that this process was given: fewer than `gpus`, and they are shared.
    let names = names.split(',').map(str::trim);
    let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
    let place = turn.checked_rem(names.len())?;
    Some(names[place].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project_of_tests::tiny_steps;

    /// Runs the tiny pipeline with so many jobs, of which always the one begun first ends first: what
    /// begins together.
    fn waves(jobs: usize) -> Vec<Vec<String>> {
        let steps = tiny_steps();
        let mut schedule = Schedule::new(&steps);
        let (mut running, mut waves) = (Vec::new(), Vec::new());
        loop {
            let mut wave = Vec::new();
            while schedule.running < jobs
                && let Some(place) = schedule.take()
            {
                running.push(place);
                wave.push(steps[place].id.to_string());
            }
            if !wave.is_empty() {
                waves.push(wave);
            }
            if running.is_empty() {
                return waves;
            }
            schedule.end(running.remove(0));
        }
    }

    #[test]
    fn one_after_the_other_is_the_order_of_the_file() {
        let order: Vec<String> = tiny_steps()
            .iter()
            .map(|step| step.id.to_string())
            .collect();
        assert_eq!(waves(1).concat(), order);
    }

    #[test]
    fn what_does_not_depend_on_each_other_runs_together() {
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
    fn cores_are_shared_and_devices_taken_in_turns() {
        for (cores, jobs) in [(8, 1), (8, 3), (8, 8), (3, 2)] {
            let shares = (0..jobs).map(|slot| cores_of_slot(cores, jobs, slot));
            assert_eq!(shares.clone().sum::<usize>(), cores);
            assert!(shares.max() <= Some(cores.div_ceil(jobs)));
        }
        let of = |slot, gpus, visible| visible_device(slot, gpus, visible);
        assert_eq!(of(3, 0, None), None);
        assert_eq!(of(3, 2, None).as_deref(), Some("1"));
        assert_eq!(of(1, 2, Some("4,6")).as_deref(), Some("6"));
        assert_eq!(of(1, 2, Some("GPU-5e, ")).as_deref(), Some("GPU-5e"));
        assert_eq!(of(1, 2, Some("")), None);
    }
}
