//! Which steps a command is about, and which of them are to be redone in any case.

use std::collections::BTreeSet;

use artifact::{Failure, StageName};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use settings::{Step, StepId, suggest};

/// What the user asked for.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Request {
    /// Redo this stage and everything after it
    #[arg(long, value_name = "STAGE", value_parser = stage_parser(), conflicts_with = "only")]
    pub(crate) from: Option<StageName>,

    /// Only this stage; what it reads must be there
    #[arg(long, value_name = "STAGE", value_parser = stage_parser())]
    pub(crate) only: Option<StageName>,

    /// Only this variant and what it needs; with `--only`, that step alone
    #[arg(long, value_name = "NAME")]
    pub(crate) variant: Option<String>,

    /// Redo what is selected even if it is fresh
    #[arg(long)]
    pub(crate) force: bool,
}

/// One of the stages' names; a misspelled one is answered with the nearest.
fn stage_parser() -> impl TypedValueParser<Value = StageName> {
    PossibleValuesParser::new(StageName::ALL.map(StageName::as_str))
        .map(|name| name.parse().expect("only names of stages are let through"))
}

/// The steps of a pipeline that a command is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    pub(crate) selected: BTreeSet<StepId>,
    pub(crate) asked: BTreeSet<StepId>,
}

impl Selection {
    /// Resolves a request against the steps of a pipeline, which stand in the order of the data.
    ///
    /// # Errors
    /// There is no such variant, or the stage asked for has none of this name.
    pub(crate) fn new(steps: &[Step], request: &Request) -> Result<Self, Failure> {
        let variant = request.variant.as_deref();
        let mut selected = steps_of(steps, request.only, variant)?;
        if request.only.is_none() {
            selected = with_needs(steps, selected);
        }
        let asked = match request.from {
            Some(stage) => {
                let begun = steps_of(steps, Some(stage), None)?;
                let redone = &with_followers(steps, begun) & &selected;
                if let (Some(variant), true) = (variant, redone.is_empty()) {
                    return Err(unknown_variant(steps, Some(stage), variant));
                }
                redone
            }
            None if request.force => selected.clone(),
            None => BTreeSet::new(),
        };
        Ok(Self { selected, asked })
    }

    /// The stage that compares with a baseline: the report, which weighs all models together and so
    /// raises no more false alarms for many models than for one; where it is not selected, each
    /// model's evaluation for itself.
    pub(crate) fn comparing_stage(&self) -> StageName {
        match self.selected.iter().any(|id| id.stage == StageName::Report) {
            true => StageName::Report,
            false => StageName::Evaluate,
        }
    }
}

/// The steps of a stage or of all, or those of this variant: the model `lstm` is trained and evaluated.
fn steps_of(
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
    let mut known: Vec<String> = Vec::new();
    for id in ids.filter(|id| stage.is_none_or(|stage| id.stage == stage)) {
        if !known.contains(&id.variant) {
            known.push(id.variant.clone());
        }
    }
    let Some(stage) = stage else {
        let message = format!("There is no variant `{name}` in the pipeline file");
        return Failure::new(message).with_hint(suggest(name, &known));
    };
    settings::unknown_variant(stage, name, &known)
}

/// These steps and all they read, directly or not. Steps stand after what they read, so one walk
/// from the end suffices.
fn with_needs(steps: &[Step], mut chosen: BTreeSet<StepId>) -> BTreeSet<StepId> {
    for step in steps.iter().rev() {
        if chosen.contains(&step.id) {
            chosen.extend(step.inputs.iter().cloned());
        }
    }
    chosen
}

/// These steps and all that read them, directly or not.
pub(crate) fn with_followers(steps: &[Step], mut chosen: BTreeSet<StepId>) -> BTreeSet<StepId> {
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
    use crate::project_of_tests::tiny_steps;

    /// Steps selected, and in capitals those that are redone in any case.
    fn selected(request: &Request) -> Result<String, String> {
        let steps = tiny_steps();
        let selection = Selection::new(&steps, request).map_err(|error| {
            let hint = error.hint().unwrap_or_default();
            format!("{}. {hint}", error.chain()[0])
        })?;
        let chosen = steps
            .iter()
            .filter(|step| selection.selected.contains(&step.id));
        let names = chosen.map(|step| {
            let name = step.id.to_string();
            if selection.asked.contains(&step.id) {
                name.to_uppercase()
            } else {
                name
            }
        });
        Ok(names.collect::<Vec<_>>().join(", "))
    }

    #[track_caller]
    fn check(request: Request, expected: &str) {
        assert_eq!(selected(&request), Ok(expected.to_owned()));
    }

    #[track_caller]
    fn check_refused(request: Request, expected: &str) {
        assert_eq!(selected(&request), Err(expected.to_owned()));
    }

    fn variant(name: &str) -> Request {
        Request {
            variant: Some(name.to_owned()),
            ..Request::default()
        }
    }

    #[test]
    fn a_request_selects_and_asks() {
        use StageName::{Evaluate, Train};
        check(
            Request::default(),
            "ingest reviews, clean reviews, tokenize words, embed random, train naive, train lstm, \
             evaluate naive, evaluate lstm, report reviews",
        );
        check(
            Request {
                from: Some(Train),
                ..Request::default()
            },
            "ingest reviews, clean reviews, tokenize words, embed random, TRAIN NAIVE, TRAIN LSTM, \
             EVALUATE NAIVE, EVALUATE LSTM, REPORT REVIEWS",
        );
        check(
            Request {
                only: Some(Train),
                ..Request::default()
            },
            "train naive, train lstm",
        );
        check(
            Request {
                only: Some(Train),
                force: true,
                ..Request::default()
            },
            "TRAIN NAIVE, TRAIN LSTM",
        );
        check(
            Request {
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
            Request {
                from: Some(Evaluate),
                ..variant("naive")
            },
            "ingest reviews, clean reviews, tokenize words, embed random, train naive, EVALUATE NAIVE",
        );
        check(
            Request {
                from: Some(StageName::Tokenize),
                ..variant("naive")
            },
            "ingest reviews, clean reviews, TOKENIZE WORDS, EMBED RANDOM, TRAIN NAIVE, EVALUATE NAIVE",
        );
    }

    #[test]
    fn an_unknown_variant_is_refused_with_the_nearest() {
        check_refused(
            variant("lsmt"),
            "There is no variant `lsmt` in the pipeline file. \
             Did you mean `lstm`? There are `reviews`, `words`, `random`, `naive`, `lstm`",
        );
        check_refused(
            Request {
                only: Some(StageName::Train),
                ..variant("naiv")
            },
            "The stage `train` has no variant `naiv`. Did you mean `naive`? There are `naive`, `lstm`",
        );
        check_refused(
            Request {
                from: Some(StageName::Train),
                ..variant("words")
            },
            "The stage `train` has no variant `words`. There are `naive`, `lstm`",
        );
    }
}
