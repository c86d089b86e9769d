//! Shows the trials of a sweep as one line.

use std::collections::BTreeMap;

use artifact::{Failure, StageName, format};
use settings::{Pipeline, StepId, suggest};

/// Which sweeps are shown as one line, and the sweep of each trial.
#[derive(Default)]
pub(crate) struct Sweeps<'a> {
    /// The sweep of each trial, without sweeps that are shown trial by trial.
    collapsed: BTreeMap<&'a str, &'a str>,
}

impl<'a> Sweeps<'a> {
    /// Shows every sweep as one line.
    pub(crate) fn collapsed(pipeline: &'a Pipeline) -> Self {
        let collapsed = pipeline.sweep_by_step().into_iter().collect();
        Self { collapsed }
    }

    /// Shows one sweep trial by trial and the others as one line.
    ///
    /// # Errors
    /// There is no such sweep.
    pub(crate) fn except(pipeline: &'a Pipeline, name: &str) -> Result<Self, Failure> {
        let known: Vec<String> = pipeline.report.sweeps.keys().cloned().collect();
        if !known.iter().any(|sweep| sweep == name) {
            let message = format!("There is no sweep `{name}` in the pipeline file");
            return Err(Failure::new(message).with_hint(suggest(name, &known)));
        }
        let mut sweeps = Self::collapsed(pipeline);
        sweeps.collapsed.retain(|_, sweep| *sweep != name);
        Ok(sweeps)
    }

    /// Groups items by line: single steps, and the trials of a sweep with its name. Trials of a sweep must be
    /// adjacent.
    pub(crate) fn groups<'i, T>(
        &self,
        items: &'i [T],
        id: impl Fn(&T) -> StepId,
    ) -> Vec<(Option<&'a str>, &'i [T])> {
        let sweep = |item: &T| {
            let StepId { stage, variant } = id(item);
            let sweep = self.collapsed.get(variant.as_str()).copied();
            sweep.filter(|_| stage == StageName::Train)
        };
        let groups = items.chunk_by(|one, next| sweep(one).is_some() && sweep(one) == sweep(next));
        groups.map(|group| (sweep(&group[0]), group)).collect()
    }
}

/// Counts trainings of a sweep by state: `8 trainings: 5 fresh, 3 never run`.
pub(crate) fn count_states<'w>(words: impl Iterator<Item = &'w str>) -> String {
    count_words(["training", "trainings"], words)
}

/// Counts items by state. `nouns` are the singular and the plural of an item.
pub(crate) fn count_words<'w>(nouns: [&str; 2], words: impl Iterator<Item = &'w str>) -> String {
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
    let total = format::plural(total, nouns[0], nouns[1]);
    format!("{total}: {}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use testkit::Project;

    use super::*;

    /// The lines of a pipeline with two sweeps: variant and number of steps.
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
        let collapsed = lines(&Sweeps::collapsed(&pipeline), &pipeline);
        let expected = [("small", 2), ("rate", 3), ("naive", 1), ("lstm", 1)];
        assert_eq!(
            collapsed,
            expected.map(|(name, count)| (name.to_owned(), count))
        );
        assert_eq!(lines(&Sweeps::default(), &pipeline).len(), 7);
        let sweeps = Sweeps::except(&pipeline, "rate").expect("it is there");
        assert_eq!(lines(&sweeps, &pipeline).len(), 6);
        let error = Sweeps::except(&pipeline, "rat")
            .err()
            .expect("there is none");
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
            count_states(words.into_iter()),
            "4 trainings: 2 fresh, 1 never run, 1 stale"
        );
    }
}
