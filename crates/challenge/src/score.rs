//! What counts as a failure, and how many there are.

use std::collections::HashMap;

use metrics::is_correct;
use serde::{Deserialize, Serialize};

use crate::{Case, CaseResult, Relation};

/// Failures among some cases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapabilityResult {
    /// The capability; `all` for the whole.
    pub capability: String,
    /// Cases.
    pub cases: u64,
    /// Those that failed.
    pub failed: u64,
}

impl CapabilityResult {
    /// Counts.
    pub(super) fn of<'a>(capability: &str, answers: impl Iterator<Item = &'a CaseResult>) -> Self {
        let mut tally = Self {
            capability: capability.to_owned(),
            ..Self::default()
        };
        for answer in answers {
            tally.cases += 1;
            tally.failed += u64::from(answer.failed);
        }
        tally
    }
}

/// Which of the cases failed. A text with a label fails by another label. The second of a pair fails,
/// too, where it does not relate to the first as it should: by its label (`same`) or by its probability
/// (`more`, `less`).
pub(super) fn failures(cases: &[(Case, f32, bool)]) -> Vec<bool> {
    let mut first_of: HashMap<&str, f32> = HashMap::new();
    let mut failed = Vec::with_capacity(cases.len());
    for (case, probability, _) in cases {
        let by_label = case
            .class()
            .is_some_and(|class| !is_correct(class, *probability));
        let first = case.pair.as_deref().and_then(|pair| {
            let first = first_of.get(pair).copied();
            first_of.entry(pair).or_insert(*probability);
            first
        });
        let by_pair = match (case.relation, first) {
            (Some(Relation::Same), Some(first)) => {
                is_correct(1, first) != is_correct(1, *probability)
            }
            (Some(Relation::More), Some(first)) => *probability <= first,
            (Some(Relation::Less), Some(first)) => *probability >= first,
            _ => false,
        };
        failed.push(by_label || by_pair);
    }
    failed
}

/// The whole, then every capability.
pub(super) fn by_capability(answers: &[CaseResult]) -> Vec<CapabilityResult> {
    let mut names: Vec<&str> = Vec::new();
    for answer in answers {
        if !names.contains(&answer.case.capability.as_str()) {
            names.push(&answer.case.capability);
        }
    }
    let of = |name: &str| {
        let own = answers.iter().filter(|it| it.case.capability == name);
        CapabilityResult::of(name, own)
    };
    let all = CapabilityResult::of("all", answers.iter());
    Vec::from_iter([all].into_iter().chain(names.into_iter().map(of)))
}

#[cfg(test)]
mod tests {
    use super::failures;
    use crate::*;

    fn case(label: &str, pair: &str, relation: Option<Relation>) -> Case {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Case {
            capability: "c".to_owned(),
            label: some(label),
            pair: some(pair),
            relation,
            text: "t".to_owned(),
        }
    }

    #[test]
    fn labels_and_pairs_are_judged() {
        let check = |cases: &[(Case, f32)], expected: &[bool]| {
            let cases: Vec<_> = cases
                .iter()
                .map(|(case, value)| (case.clone(), *value, false))
                .collect();
            assert_eq!(failures(&cases), expected);
        };
        check(
            &[
                (case("positive", "", None), 0.7),
                (case("positive", "", None), 0.3),
            ],
            &[false, true],
        );
        let pair = |relation, one: f32, two: f32| {
            [
                (case("", "p", None), one),
                (case("", "p", Some(relation)), two),
            ]
        };
        check(&pair(Relation::Same, 0.6, 0.9), &[false, false]);
        check(&pair(Relation::Same, 0.6, 0.4), &[false, true]);
        check(&pair(Relation::More, 0.6, 0.9), &[false, false]);
        check(&pair(Relation::More, 0.6, 0.6), &[false, true]);
        check(&pair(Relation::Less, 0.6, 0.9), &[false, true]);
        check(&pair(Relation::Less, 0.2, 0.1), &[false, false]);
    }
}
