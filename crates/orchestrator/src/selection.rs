//! Which steps a command selects, and which of them are forced to run.

use std::collections::BTreeSet;

use artifact::{Failure, StageName};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use settings::{Pipeline, Step, StepId, with_dependencies};

/// The arguments that select steps.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct SelectionArguments {
    /// Run this stage and everything after it again
    #[arg(long, value_name = "STAGE", value_parser = stage_parser(), conflicts_with = "only")]
    pub(crate) from: Option<StageName>,

    /// Run only this stage; its inputs must exist
    #[arg(long, value_name = "STAGE", value_parser = stage_parser())]
    pub(crate) only: Option<StageName>,

    /// Only this model, ensemble or sweep, and what it needs; can be repeated. The report shows the selected models
    /// and all others that are up to date. With `--only`, only the steps of that stage
    #[arg(long = "model", value_name = "NAME", alias = "variant")]
    pub(crate) models: Vec<String>,

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
    /// There is no such model, or the selected stage has no step for it.
    pub(crate) fn new(
        pipeline: &Pipeline,
        steps: &[Step],
        selection: &SelectionArguments,
    ) -> Result<Self, Failure> {
        let of_stage = |stage: Option<StageName>| {
            let ids = steps.iter().map(|step| step.id.clone());
            let of_stage = ids.filter(|id| stage.is_none_or(|stage| id.stage == stage));
            of_stage.collect::<BTreeSet<StepId>>()
        };
        // The report belongs to no model.
        let stage = selection.only.filter(|stage| *stage != StageName::Report);
        let mut named = BTreeSet::new();
        let models = selection.models.iter();
        for name in models.flat_map(|name| pipeline.with_repeats(name)) {
            named.extend(pipeline.named_steps(steps, stage, &name)?);
        }
        let selected = match selection.only {
            Some(stage) if named.is_empty() || stage == StageName::Report => of_stage(Some(stage)),
            None if named.is_empty() => of_stage(None),
            Some(_) => named,
            None => {
                let mut needed = with_dependencies(steps, named);
                if needed.iter().any(|id| id.stage == StageName::Evaluate) {
                    needed.extend(of_stage(Some(StageName::Report)));
                }
                needed
            }
        };
        let forced = match selection.from {
            Some(stage) => {
                let forced = &with_dependents(steps, of_stage(Some(stage))) & &selected;
                if let (Some(name), true) = (selection.models.first(), forced.is_empty()) {
                    pipeline.named_steps(steps, Some(stage), name)?;
                }
                forced
            }
            None if selection.force => selected.clone(),
            None => BTreeSet::new(),
        };
        Ok(Self { selected, forced })
    }

    pub(crate) fn has_report(&self) -> bool {
        self.selected.iter().any(|id| id.stage == StageName::Report)
    }

    /// The stage that compares with a baseline. The report corrects for the number of models, so it raises
    /// fewer false alarms. If the report is not selected, each evaluation compares its own model.
    pub(crate) fn comparing_stage(&self) -> StageName {
        match self.has_report() {
            true => StageName::Report,
            false => StageName::Evaluate,
        }
    }
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
    use testkit::Project;

    /// The selected steps; forced steps are in capitals.
    fn selected(selection: &SelectionArguments) -> Result<String, String> {
        let pipeline = Project::tiny().pipeline(&[]);
        let steps = pipeline.steps();
        let selection = Selection::new(&pipeline, &steps, selection).map_err(|error| {
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

    fn models<const N: usize>(names: [&str; N]) -> SelectionArguments {
        SelectionArguments {
            models: names.map(str::to_owned).to_vec(),
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
                ..models(["lstm"])
            },
            "train lstm",
        );
        check(
            models(["lstm"]),
            "ingest reviews, clean reviews, tokenize words, embed random, train lstm, evaluate lstm, report reviews",
        );
        check(
            models(["lstm", "naive"]),
            "ingest reviews, clean reviews, tokenize words, embed random, train naive, train lstm, \
             evaluate naive, evaluate lstm, report reviews",
        );
        check(
            SelectionArguments {
                only: Some(StageName::Tokenize),
                ..models(["lstm"])
            },
            "tokenize words",
        );
        check(
            models(["words"]),
            "ingest reviews, clean reviews, tokenize words",
        );
        check(
            SelectionArguments {
                from: Some(Evaluate),
                ..models(["naive"])
            },
            "ingest reviews, clean reviews, tokenize words, embed random, train naive, EVALUATE NAIVE, REPORT REVIEWS",
        );
        check(
            SelectionArguments {
                from: Some(StageName::Tokenize),
                ..models(["naive"])
            },
            "ingest reviews, clean reviews, TOKENIZE WORDS, EMBED RANDOM, TRAIN NAIVE, EVALUATE NAIVE, REPORT REVIEWS",
        );
    }

    #[test]
    fn an_unknown_model_is_an_error_with_a_suggestion() {
        check_refused(
            models(["lsmt"]),
            "There is no model `lsmt` in the pipeline file. \
             Did you mean `lstm`? There are `naive`, `lstm`, `random`, `words`",
        );
        check_refused(
            SelectionArguments {
                only: Some(StageName::Train),
                ..models(["naiv"])
            },
            "The stage `train` has no variant `naiv`. Did you mean `naive`? There are `naive`, `lstm`",
        );
        check_refused(
            SelectionArguments {
                from: Some(StageName::Train),
                ..models(["words"])
            },
            "The stage `train` has no variant `words`. There are `naive`, `lstm`",
        );
    }
}
