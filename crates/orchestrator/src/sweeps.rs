//! A sweep of a hundred trials as one line.

use std::collections::BTreeMap;

use artifact::{Failure, StageName, format};
use settings::{Pipeline, StepId, suggest};

/// Which sweep a step is a trial of, and which sweeps are shown as one line.
#[derive(Default)]
pub(crate) struct Sweeps<'a> {
    /// The sweep of each trial, but of those that are shown one by one.
    folded: BTreeMap<&'a str, &'a str>,
}

impl<'a> Sweeps<'a> {
    /// Every sweep as one line.
    pub(crate) fn folded(pipeline: &'a Pipeline) -> Self {
        let folded = pipeline.sweep_by_step().into_iter().collect();
        Self { folded }
    }

    /// This one trial by trial, the others as one line.
    ///
    /// # Errors
    /// There is no such sweep.
    pub(crate) fn but(pipeline: &'a Pipeline, name: &str) -> Result<Self, Failure> {
        let known: Vec<String> = pipeline.report.sweeps.keys().cloned().collect();
        if !known.iter().any(|sweep| sweep == name) {
            let message = format!("There is no sweep `{name}` in the pipeline file");
            return Err(Failure::new(message).with_hint(suggest(name, &known)));
        }
        let mut sweeps = Self::folded(pipeline);
        sweeps.folded.retain(|_, sweep| *sweep != name);
        Ok(sweeps)
    }

    /// The sweep whose one line stands for this step, too.
    fn of(&self, id: &StepId) -> Option<&'a str> {
        match id.stage {
            StageName::Train => self.folded.get(id.variant.as_str()).copied(),
            _ => None,
        }
    }

    /// Puts together what one line stands for: steps one by one, and the trials of a sweep with its
    /// name. Trials of one sweep stand side by side.
    pub(crate) fn groups<'i, T>(
        &self,
        items: &'i [T],
        id: impl Fn(&T) -> StepId,
    ) -> Vec<(Option<&'a str>, &'i [T])> {
        let sweep = |item: &T| self.of(&id(item));
        let groups = items.chunk_by(|one, next| sweep(one).is_some() && sweep(one) == sweep(next));
        groups.map(|group| (sweep(&group[0]), group)).collect()
    }
}

/// How many trainings of a sweep are in which state: `8 trainings: 5 fresh, 3 never run`.
pub(crate) fn counted<'w>(words: impl Iterator<Item = &'w str>) -> String {
    counted_as(("training", "trainings"), words)
}

/// How many of anything are in which state.
pub(crate) fn counted_as<'w>(
    (one, many): (&str, &str),
    words: impl Iterator<Item = &'w str>,
) -> String {
    let mut counts: Vec<(&str, u64)> = Vec::new();
    for word in words {
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    let total = counts.iter().map(|(_, count)| count).sum();
    let part = |(word, count): &(&str, u64)| format!("{} {word}", format::count(*count));
    let parts: Vec<String> = counts.iter().map(part).collect();
    let total = format::plural(total, one, many);
    format!("{total}: {}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use testkit::Project;

    use super::*;

    /// The lines of a pipeline with two sweeps, by variant and number of steps.
    fn lines(sweeps: &Sweeps<'_>, pipeline: &Pipeline) -> Vec<(String, usize)> {
        let steps = pipeline.steps();
        let groups = sweeps.groups(&steps, |step| step.id.clone());
        let training = groups
            .into_iter()
            .filter(|(_, group)| group[0].id.stage == StageName::Train);
        training
            .map(|(sweep, group)| {
                (
                    sweep.unwrap_or(&group[0].id.variant).to_owned(),
                    group.len(),
                )
            })
            .collect()
    }

    #[test]
    fn a_sweep_is_one_line_unless_it_is_named() {
        let pipeline = Project::tiny().pipeline(&[
            "sweep.small={ model = \"lstm\", over = { hidden = [2, 3] } }",
            "sweep.rate={ model = \"lstm\", over = { \"training.learning_rate\" = [0.1, 0.2, 0.3] } }",
        ]);
        let folded = lines(&Sweeps::folded(&pipeline), &pipeline);
        let expected = [("small", 2), ("rate", 3), ("naive", 1), ("lstm", 1)];
        assert_eq!(
            folded,
            expected.map(|(name, count)| (name.to_owned(), count))
        );
        assert_eq!(lines(&Sweeps::default(), &pipeline).len(), 7);
        let sweeps = Sweeps::but(&pipeline, "rate").expect("it is there");
        assert_eq!(lines(&sweeps, &pipeline).len(), 6);
        let error = Sweeps::but(&pipeline, "rat").err().expect("there is none");
        assert_eq!(
            error.chain()[0],
            "There is no sweep `rat` in the pipeline file"
        );
        assert_eq!(
            error.hint(),
            Some("Did you mean `rate`? There are `small`, `rate`")
        );
    }

    #[test]
    fn trials_are_counted_by_state() {
        let words = ["fresh", "never run", "fresh", "stale"];
        assert_eq!(
            counted(words.into_iter()),
            "4 trainings: 2 fresh, 1 never run, 1 stale"
        );
    }
}
