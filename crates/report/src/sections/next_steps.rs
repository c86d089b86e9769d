//! Advice that follows from the figures.

use metrics::{FEW_OF_A_CLASS, FEW_ROWS};

use crate::data::{ModelData, ReportData};
use crate::{LABEL_ERRORS, format};

/// How much faster a model has to predict before it is recommended next to the best one.
const FASTER: f64 = 1.5;

/// One piece of advice, and the command for it.
pub(crate) type NextStep = (String, Option<String>);

/// The next steps, the most important first.
pub(crate) fn next_steps(data: &ReportData) -> Vec<NextStep> {
    let Some((best, accuracy)) = data.best() else {
        return Vec::new();
    };
    let few = data.classes.iter().filter(|it| *it.1 < FEW_OF_A_CLASS);
    let few: Vec<&String> = few.map(|(class, _)| class).collect();
    let more = format!(
        "Label more {} reviews, so that every split has {FEW_OF_A_CLASS} or more of each class.",
        format::list(&few)
    );
    let mut steps: Vec<NextStep> = Vec::from_iter((!few.is_empty()).then_some((more, None)));
    if data.rows < FEW_ROWS {
        let text = format!("Label more reviews, so that the test split has {FEW_ROWS} or more.");
        steps.push((text, None));
        return steps;
    }
    steps.extend(match best.majority_class() {
        Some((class, share)) if accuracy.low <= share => {
            let name = &best.name;
            let text = format!(
                "Do not use these models yet: `{name}` is not significantly better than always predicting “{class}”. First check \
                 how labels and texts are read from your file."
            );
            vec![(text, Some("ressenti inspect FILE".to_owned()))]
        }
        _ => predict(data, best),
    });
    steps.extend(label_errors(data, &best.name));
    steps
}

/// Using the best model, and reviews that a person should read.
fn predict(data: &ReportData, best: &ModelData) -> Vec<NextStep> {
    let name = &best.name;
    let command =
        format!("ressenti predict --model {name} --input reviews.csv --output predictions.csv");
    let faster = faster(data, best).unwrap_or_default();
    let text = format!("Predict new reviews with `{name}`.{faster}");
    let mut steps = vec![(text, Some(command.clone()))];
    let mut figures = best.abstention.iter();
    let chosen = figures.find(|it| Some(it.threshold) == best.abstain);
    if let Some((it, accuracy)) = chosen.and_then(|it| Some((it, it.accuracy?))) {
        let (threshold, answered) = (it.threshold, format::percent(it.coverage));
        let accuracy = data.accuracy(accuracy);
        let text = format!(
            "To leave uncertain reviews to a person, add `--abstain {threshold}`, which was chosen on validation: `{name}` then \
             answers {answered} of the test reviews with {accuracy}."
        );
        steps.push((text, Some(format!("{command} --abstain {threshold}"))));
    }
    steps
}

/// The fastest model without a significant difference from the best one.
fn faster(data: &ReportData, best: &ModelData) -> Option<String> {
    let level = data.significance_level();
    let comparisons = data.comparisons_with(&best.name).into_iter();
    let equal = comparisons.filter(|comparison| !comparison.2.is_significant(level));
    let factor = |name: &str| Some(data.model(name)?.prediction_speed? / best.prediction_speed?);
    let faster = equal.filter_map(|(name, lead, _)| Some((name, lead, factor(name)?)));
    let (name, lead, factor) = faster.max_by(|one, two| one.2.total_cmp(&two.2))?;
    let (points, ci) = format::gap(lead, data.confidence);
    let side = if lead.value < 0.0 { "more" } else { "less" };
    (factor >= FASTER).then(|| {
        format!(
            " If speed matters, use `{name}`: it predicts {factor:.1} times as fast, and was {points} points {side} accurate here \
             ({ci}), not a significant difference after correction."
        )
    })
}

fn label_errors(data: &ReportData, best: &str) -> Option<NextStep> {
    let (count, _) = data.likely_label_errors;
    let errors = format::plural(count, "likely label error", "likely label errors");
    let text = format!(
        "Review the {errors} of the test split in `{LABEL_ERRORS}` without looking at the prediction; often the model is wrong. \
         Correct labels in your source file. If you correct only these, the accuracy of `{best}` is biased upwards: also review \
         a random sample of the other test reviews."
    );
    (count > 0).then_some((text, None))
}
