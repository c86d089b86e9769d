//! Which steps a command selects, and which of them are forced to run.

use std::collections::BTreeSet;

use artifact::{Failure, StageName};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use settings::{Step, StepId, suggest};

/// The arguments that select steps.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct SelectionArguments {
    /// Run this stage and everything after it again
    #[arg(long, value_name = "STAGE", value_parser = stage_parser(), conflicts_with = "only")]
    pub(crate) from: Option<StageName>,

    /// Run only this stage; its inputs must exist
    #[arg(long, value_name = "STAGE", value_parser = stage_parser())]
    pub(crate) only: Option<StageName>,

    /// Run only this variant and its inputs; with `--only`, only that step
    #[arg(long, value_name = "NAME")]
    pub(crate) variant: Option<String>,

    /// Run the selected steps even if they are fresh
    #[arg(long)]
    pub(crate) force: bool,
}

/// Parses a stage name; the error for an unknown name suggests a similar one.
fn stage_parser() -> impl TypedValueParser<Value = StageName> {
    PossibleValuesParser::new(StageName::ALL.map(StageName::as_str))
        .map(|name| name.parse().expect("the parser accepts only stage names"))
}

/// The selected steps, and those that are forced to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    pub(crate) selected: BTreeSet<StepId>,
    pub(crate) forced: BTreeSet<StepId>,
}

impl Selection {
    /// Applies the arguments to the steps of a pipeline, which are ordered so that inputs come first.
    ///
    /// # Errors
    /// There is no such variant, or the selected stage does not have it.
    pub(crate) fn new(steps: &[Step], selection: &SelectionArguments) -> Result<Self, Failure> {
        let variant = selection.variant.as_deref();
        let mut selected = matching_steps(steps, selection.only, variant)?;
        if selection.only.is_none() {
            selected = with_dependencies(steps, selected);
        }
        let forced = match selection.from {
            Some(stage) => {
                let first = matching_steps(steps, Some(stage), None)?;
                let forced = &with_dependents(steps, first) & &selected;
                if let (Some(variant), true) = (variant, forced.is_empty()) {
                    return Err(unknown_variant(steps, Some(stage), variant));
                }
                forced
            }
            None if selection.force => selected.clone(),
            None => BTreeSet::new(),
        };
        Ok(Self { selected, forced })
    }

    /// The stage that compares with a baseline. The report corrects for the number of models, so it raises
    /// fewer false alarms. If the report is not selected, each evaluation compares its own model.
    pub(crate) fn comparing_stage(&self) -> StageName {
        match self.selected.iter().any(|id| id.stage == StageName::Report) {
            true => StageName::Report,
            false => StageName::Evaluate,
        }
    }
}

/// The steps with this stage and this variant, where given. A model name selects its training and evaluation.
fn matching_steps(
    steps: &[Step],
    stage: Option<StageName>,
    variant: Option<&str>,
) -> Result<BTreeSet<StepId>, Failure> {
    let ids = steps.iter().map(|step| &step.id);
    let of_stage = ids.filter(|id| stage.is_none_or(|stage| id.stage == stage));
    let found = of_stage.filter(|id| variant.is_none_or(|name| id.variant == name));
    let found: BTreeSet<StepId> = found.cloned().collect();
    match variant {
        Some(name) if found.is_empty() => Err(unknown_variant(steps, stage, name)),
        _ => Ok(found),
    }
}

fn unknown_variant(steps: &[Step], stage: Option<StageName>, name: &str) -> Failure {
    let ids = steps.iter().map(|step| &step.id);
    let ids = ids.filter(|id| stage.is_none_or(|stage| id.stage == stage));
    let mut seen = BTreeSet::new();
    let names = ids.map(|id| &id.variant).filter(|name| seen.insert(*name));
    let known: Vec<String> = names.cloned().collect();
    let Some(stage) = stage else {
        let message = format!("There is no variant `{name}` in the pipeline file");
        return Failure::new(message).with_hint(suggest(name, &known));
    };
    settings::unknown_variant(stage, name, &known)
}

/// These steps and all their inputs, direct or indirect. Inputs come first in `steps`, so one pass from the
/// end is enough.
fn with_dependencies(steps: &[Step], mut chosen: BTreeSet<StepId>) -> BTreeSet<StepId> {
    for step in steps.iter().rev() {
        if chosen.contains(&step.id) {
            chosen.extend(step.inputs.iter().cloned());
        }
    }
    chosen
}

/// These steps and all steps that depend on them, directly or indirectly.
pub(crate) fn with_dependents(steps: &[Step], mut chosen: BTreeSet<StepId>) -> BTreeSet<StepId> {
    for step in steps {
        if step.inputs.iter().any(|input| chosen.contains(input)) {
            chosen.insert(step.id.clone());
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_project::tiny_steps;

    /// The selected steps; forced steps are in capitals.
    fn selected(selection: &SelectionArguments) -> Result<String, String> {
        let steps = tiny_steps();
        let selection = Selection::new(&steps, selection).map_err(|error| {
            let hint = error.hint().unwrap_or_default();
            format!("{}. {hint}", error.chain()[0])
        })?;
        let chosen = steps
            .iter()
            .filter(|step| selection.selected.contains(&step.id));
        let names = chosen.map(|step| {
            let name = step.id.to_string();
            if selection.forced.contains(&step.id) {
                name.to_uppercase()
            } else {
                name
            }
        });
        Ok(names.collect::<Vec<_>>().join(", "))
    }

    #[track_caller]
    fn check(selection: SelectionArguments, expected: &str) {
        assert_eq!(selected(&selection), Ok(expected.to_owned()));
    }

    #[track_caller]
    fn check_refused(selection: SelectionArguments, expected: &str) {
        assert_eq!(selected(&selection), Err(expected.to_owned()));
    }

    fn variant(name: &str) -> SelectionArguments {
        SelectionArguments {
            variant: Some(name.to_owned()),
            ..SelectionArguments::default()
        }
    }

    #[test]
    fn arguments_select_and_force_steps() {
        use StageName::{Evaluate, Train};
        check(
            SelectionArguments::default(),
            "ingest reviews, clean reviews, tokenize words, embed random, train naive, train lstm, \
             evaluate naive, evaluate lstm, report reviews",
        );
        check(
            SelectionArguments {
                from: Some(Train),
                ..SelectionArguments::default()
            },
            "ingest reviews, clean reviews, tokenize words, embed random, TRAIN NAIVE, TRAIN LSTM, \
             EVALUATE NAIVE, EVALUATE LSTM, REPORT REVIEWS",
        );
        check(
            SelectionArguments {
                only: Some(Train),
                ..SelectionArguments::default()
            },
            "train naive, train lstm",
        );
        check(
            SelectionArguments {
                only: Some(Train),
                force: true,
                ..SelectionArguments::default()
            },
            "TRAIN NAIVE, TRAIN LSTM",
        );
        check(
            SelectionArguments {
                only: Some(Train),
                ..variant("lstm")
            },
            "train lstm",
        );
        check(
            variant("lstm"),
            "ingest reviews, clean reviews, tokenize words, embed random, train lstm, evaluate lstm",
        );
        check(
            variant("words"),
            "ingest reviews, clean reviews, tokenize words",
        );
        check(
            SelectionArguments {
                from: Some(Evaluate),
                ..variant("naive")
            },
            "ingest reviews, clean reviews, tokenize words, embed random, train naive, EVALUATE NAIVE",
        );
        check(
            SelectionArguments {
                from: Some(StageName::Tokenize),
                ..variant("naive")
            },
            "ingest reviews, clean reviews, TOKENIZE WORDS, EMBED RANDOM, TRAIN NAIVE, EVALUATE NAIVE",
        );
    }

    #[test]
    fn an_unknown_variant_is_an_error_with_a_suggestion() {
        check_refused(
            variant("lsmt"),
            "There is no variant `lsmt` in the pipeline file. \
             Did you mean `lstm`? There are `reviews`, `words`, `random`, `naive`, `lstm`",
        );
        check_refused(
            SelectionArguments {
                only: Some(StageName::Train),
                ..variant("naiv")
            },
            "The stage `train` has no variant `naiv`. Did you mean `naive`? There are `naive`, `lstm`",
        );
        check_refused(
            SelectionArguments {
                from: Some(StageName::Train),
                ..variant("words")
            },
            "The stage `train` has no variant `words`. There are `naive`, `lstm`",
        );
    }
}
