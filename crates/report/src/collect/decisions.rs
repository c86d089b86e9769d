//! Figures of a model's decisions: by class, at other thresholds, and with abstaining.
//!
//! All are lists over the classes, so another class only adds entries.

use artifact::Sentiment;
use metrics::{
    AbstentionFigures, abstention_figures, accuracy_coverage_curve, class_figures, is_correct,
    threshold_figures,
};

use crate::data::ClassData;

/// Thresholds of a class in the report.
const THRESHOLDS: [f64; 9] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/// Values of `predict --abstain` in the report; with 0.5 and two classes nothing is undecided.
const ABSTAIN: [f64; 8] = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99];

/// The accuracy of answered reviews from which on abstaining is recommended, and the smallest coverage.
const USEFUL: (f64, f64) = (0.95, 0.2);

/// Points of the accuracy-coverage curve.
const CURVE_POINTS: usize = 50;

/// The figures of every class.
pub fn classes(labels: &[u8], probabilities: &[f32], confidence: f64) -> Vec<ClassData> {
    let mut matrix = vec![vec![0; Sentiment::ALL.len()]; Sentiment::ALL.len()];
    for (label, probability) in labels.iter().zip(probabilities) {
        matrix[usize::from(*label)][usize::from(predicted(*probability).id())] += 1;
    }
    let figures = class_figures(&matrix, confidence);
    let classes = Sentiment::ALL.into_iter().zip(figures);
    let class = |(class, figures): (Sentiment, _)| {
        let row = |(label, it): (&u8, &f32)| (*label == class.id(), class_probability(class, *it));
        let rows: Vec<(bool, f32)> = labels.iter().zip(probabilities).map(row).collect();
        ClassData {
            class: class.as_str().to_owned(),
            figures,
            thresholds: threshold_figures(&rows, &THRESHOLDS, confidence),
        }
    };
    classes.map(class).collect()
}

/// Coverage and accuracy at the values of [`ABSTAIN`].
pub fn abstention(labels: &[u8], probabilities: &[f32], confidence: f64) -> Vec<AbstentionFigures> {
    abstention_figures(&answers(labels, probabilities), &ABSTAIN, confidence)
}

/// The lowest threshold of `predict --abstain` with which a model reaches the accuracy of [`USEFUL`] and still answers
/// enough, from its figures on validation. `None` also where no abstaining is needed.
pub fn abstain_threshold(validation: &[AbstentionFigures]) -> Option<f64> {
    let mut figures = validation.iter();
    let is_accurate = |it: &&AbstentionFigures| it.accuracy.is_some_and(|it| it.value >= USEFUL.0);
    let figures = figures.find(is_accurate)?;
    let is_useful = (USEFUL.1..1.0).contains(&figures.coverage);
    is_useful.then_some(figures.threshold)
}

/// The accuracy-coverage curve.
pub fn coverage_curve(labels: &[u8], values: &[f32], confidence: f64) -> Vec<AbstentionFigures> {
    accuracy_coverage_curve(&answers(labels, values), CURVE_POINTS, confidence)
}

/// The predicted class at the probability of the positive class.
pub(super) fn predicted(probability: f32) -> Sentiment {
    match is_correct(Sentiment::Positive.id(), probability) {
        true => Sentiment::Positive,
        false => Sentiment::Negative,
    }
}

/// The probability of a class from that of the positive class.
pub(super) fn class_probability(class: Sentiment, probability: f32) -> f32 {
    match class {
        Sentiment::Positive => probability,
        Sentiment::Negative => 1.0 - probability,
    }
}

/// For each review the probability of the predicted class, and whether the prediction is correct.
fn answers(labels: &[u8], probabilities: &[f32]) -> Vec<(f32, bool)> {
    let rows = labels.iter().zip(probabilities);
    let answer = |(label, value): (&u8, &f32)| {
        let class = predicted(*value);
        (class_probability(class, *value), class.id() == *label)
    };
    rows.map(answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_classes_are_treated_alike() {
        let (labels, probabilities) = ([0, 0, 1, 1], [0.04, 0.63, 0.96, 0.37]);
        let found = classes(&labels, &probabilities, 0.95);
        assert_eq!(
            [&*found[0].class, &*found[1].class],
            ["negative", "positive"]
        );
        assert_eq!(found[0].figures, found[1].figures);
        assert_eq!(found[0].thresholds, found[1].thresholds);
        let answered: Vec<u64> = abstention(&labels, &probabilities, 0.95)
            .iter()
            .map(|it| it.answered)
            .collect();
        assert_eq!(answered, [4, 4, 2, 2, 2, 2, 0, 0]);
    }

    #[test]
    fn the_threshold_to_abstain_is_the_lowest_useful_one() {
        // A tenth is wrong, all with a probability of 0.85.
        let labels = vec![1; 100];
        let probabilities = |sure: usize| -> Vec<f32> {
            let other = (0..90).map(|row| if row < sure { 0.97 } else { 0.75 });
            [0.15; 10].into_iter().chain(other).collect()
        };
        let threshold = |sure| abstain_threshold(&abstention(&labels, &probabilities(sure), 0.95));
        assert_eq!(threshold(60), Some(0.9));
        // Too few are answered.
        assert_eq!(threshold(10), None);
        // Nothing has to be left out, and nothing is known.
        assert_eq!(
            abstain_threshold(&abstention(&[1; 9], &[0.9; 9], 0.95)),
            None
        );
        assert_eq!(abstain_threshold(&[]), None);
    }
}
