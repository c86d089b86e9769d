//! Failures of cases and their counts.

use std::collections::HashMap;

use metrics::is_correct;
use serde::{Deserialize, Serialize};

use crate::Relation::{Less, More, Same};
use crate::{Case, CaseResult};

/// The number of failures among cases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapabilityResult {
    /// The capability; `all` for all cases, `unseen` for cases that are not training reviews.
    pub capability: String,
    /// Number of cases.
    pub cases: u64,
    /// Number of failures.
    pub failed: u64,
}

impl CapabilityResult {
    /// Counts results.
    pub(super) fn count<'a>(name: &str, results: impl Iterator<Item = &'a CaseResult>) -> Self {
        let mut count = Self {
            capability: name.to_owned(),
            ..Self::default()
        };
        for result in results {
            count.cases += 1;
            count.failed += u64::from(result.failed);
        }
        count
    }
}

/// Whether each case failed. A case with a label fails if the model predicts another label. The second text of a pair
/// also fails if it does not have the expected relation to the first text: the same label (`same`), or a higher or
/// lower probability of the positive class (`more`, `less`).
pub(super) fn find_failures(cases: &[(Case, f32, bool)]) -> Vec<bool> {
    let mut first_texts: HashMap<&str, f32> = HashMap::new();
    let mut failed = Vec::with_capacity(cases.len());
    for (case, probability, _) in cases {
        let class = case.class();
        let wrong_label = class.is_some_and(|class| !is_correct(class, *probability));
        let first = case.pair.as_deref().and_then(|pair| {
            let first = first_texts.get(pair).copied();
            first_texts.entry(pair).or_insert(*probability);
            first
        });
        let wrong_relation = match (case.relation, first) {
            (Some(Same), Some(first)) => is_correct(1, first) != is_correct(1, *probability),
            (Some(More), Some(first)) => *probability <= first,
            (Some(Less), Some(first)) => *probability >= first,
            _ => false,
        };
        failed.push(wrong_label || wrong_relation);
    }
    failed
}

/// Failures of all cases, and then of every capability.
pub(super) fn count_by_capability(results: &[CaseResult]) -> Vec<CapabilityResult> {
    let mut counts = vec![CapabilityResult::count("all", results.iter())];
    for name in results.iter().map(|result| &result.case.capability) {
        if counts[1..].iter().all(|count| count.capability != *name) {
            let of_name = results.iter().filter(|it| it.case.capability == *name);
            counts.push(CapabilityResult::count(name, of_name));
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::find_failures;
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
    fn labels_and_relations_of_pairs_are_checked() {
        let check = |cases: &[(Case, f32)], expected: &[bool]| {
            let cases: Vec<_> = cases
                .iter()
                .map(|(case, value)| (case.clone(), *value, false))
                .collect();
            assert_eq!(find_failures(&cases), expected);
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
