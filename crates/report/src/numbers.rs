//! The numbers behind the pictures.

use std::fmt::Display;

use metrics::Metric;

use crate::data::{
    ClassWords, LengthBin, ModelData, RangeTestData, RepeatsData, ReportData, SplitCount, SweepData,
};
use pages::Numbers;

fn text(value: impl Display) -> String {
    value.to_string()
}

fn optional<T: Display>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// Every figure of every model with its interval.
pub(crate) fn figures(models: &[ModelData]) -> Numbers {
    let rows = models.iter().flat_map(|model| {
        let known = Metric::ALL.into_iter();
        known.filter_map(|metric| {
            let figure = model.figures.get(metric.name())?;
            let ends = figure.estimate();
            Some(vec![
                model.name.clone(),
                metric.name().to_owned(),
                text(figure.value()),
                optional(ends.map(|it| it.low)),
                optional(ends.map(|it| it.high)),
            ])
        })
    });
    Numbers::new("figures", &["model", "figure", "value", "low", "high"]).rows(rows)
}

/// Quality beside what it costs.
pub(crate) fn costs(models: &[ModelData]) -> Numbers {
    let columns = [
        "model",
        "accuracy",
        "seconds",
        "training_reviews_per_second",
        "prediction_reviews_per_second",
        "parameters",
        "bytes",
        "peak_memory_bytes",
        "on_front",
    ];
    let front = super::pictures::pareto::front(models);
    let rows = models.iter().enumerate().map(|(place, model)| {
        vec![
            model.name.clone(),
            optional(model.accuracy().map(|estimate| estimate.value)),
            text(model.total_seconds),
            optional(model.reviews_per_second),
            optional(model.prediction_speed),
            optional(model.parameters),
            optional(model.bytes),
            text(model.peak_memory),
            text(front.contains(&place)),
        ]
    });
    Numbers::new("costs", &columns).rows(rows)
}

/// Reviews by split and class.
pub(crate) fn splits(splits: &[SplitCount]) -> Numbers {
    let rows = splits.iter().map(|count| {
        let counts = [count.negative, count.positive, count.unlabelled].map(text);
        [text(count.split)].into_iter().chain(counts).collect()
    });
    Numbers::new("splits", &["split", "negative", "positive", "unlabelled"]).rows(rows)
}

/// Lengths of reviews.
pub(crate) fn lengths(bins: &[LengthBin]) -> Numbers {
    let rows = bins
        .iter()
        .map(|bin| vec![text(bin.from), optional(bin.to), text(bin.rows)]);
    Numbers::new("lengths", &["from_words", "below_words", "reviews"]).rows(rows)
}

/// Telling words of every class.
pub(crate) fn words(classes: &[ClassWords]) -> Numbers {
    let rows = classes.iter().flat_map(|class| {
        class.words.iter().map(|word| {
            let names = [class.class.clone(), word.word.clone(), text(word.score)];
            names.into_iter().chain(word.reviews.map(text)).collect()
        })
    });
    let columns = [
        "class",
        "word",
        "score",
        "negative_reviews",
        "positive_reviews",
    ];
    Numbers::new("words", &columns).rows(rows)
}

/// The course of every training.
pub(crate) fn epochs(models: &[ModelData]) -> Numbers {
    let rows = models.iter().flat_map(|model| {
        model.epochs.iter().map(|epoch| {
            vec![
                model.name.clone(),
                text(epoch.epoch),
                optional(epoch.train_loss),
                optional(epoch.train_accuracy),
                optional(epoch.validation_loss),
                optional(epoch.validation_accuracy),
                text(Some(epoch.epoch) == model.best_epoch),
            ]
        })
    });
    let columns = [
        "model",
        "epoch",
        "train_loss",
        "train_accuracy",
        "validation_loss",
        "validation_accuracy",
        "kept",
    ];
    Numbers::new("training", &columns).rows(rows)
}

/// Decisions by class.
pub(crate) fn confusions(models: &[ModelData]) -> Numbers {
    let rows = models.iter().map(|model| {
        let found = model.confusion;
        let counts = [
            found.true_negative,
            found.false_positive,
            found.false_negative,
            found.true_positive,
        ];
        [model.name.clone()]
            .into_iter()
            .chain(counts.map(text))
            .collect()
    });
    let columns = [
        "model",
        "true_negative",
        "false_positive",
        "false_negative",
        "true_positive",
    ];
    Numbers::new("decisions", &columns).rows(rows)
}

/// The bins of every reliability diagram.
pub(crate) fn reliability(models: &[ModelData]) -> Numbers {
    let rows = models.iter().flat_map(|model| {
        let before = model.calibration.iter();
        let before = before.flat_map(|it| it.before.reliability.iter().map(|bin| ("before", bin)));
        let after = model.reliability.iter().map(|bin| ("after", bin));
        after.chain(before).map(|(when, bin)| {
            vec![
                model.name.clone(),
                when.to_owned(),
                text(bin.mean_probability),
                text(bin.positive_share),
                text(bin.rows),
            ]
        })
    });
    let columns = [
        "model",
        "calibration",
        "mean_probability",
        "positive_share",
        "reviews",
    ];
    Numbers::new("reliability", &columns).rows(rows)
}

/// Every step of a learning-rate range test.
pub(crate) fn range_test(test: &RangeTestData) -> Numbers {
    let rows = test.points.iter().map(|point| {
        [point.learning_rate, point.loss, point.smoothed_loss]
            .map(text)
            .to_vec()
    });
    let name = format!("range-{}", test.name);
    Numbers::new(name, &["learning_rate", "loss", "smoothed_loss"]).rows(rows)
}

/// Every training of the models that were trained several times.
pub(crate) fn repeats(repeats: &[RepeatsData]) -> Numbers {
    let rows = repeats.iter().flat_map(|repeats| {
        let each = repeats.accuracies.iter().enumerate();
        each.map(|(place, accuracy)| {
            vec![repeats.model.clone(), text(place), format!("{accuracy:.5}")]
        })
    });
    Numbers::new("seeds", &["model", "training", "accuracy"]).rows(rows)
}

/// The ROC curves.
pub(crate) fn roc(models: &[ModelData]) -> Numbers {
    let rows = models.iter().flat_map(|model| {
        model.roc.iter().map(|point| {
            let shares = [point.false_positive_rate, point.true_positive_rate];
            [model.name.clone()]
                .into_iter()
                .chain(shares.map(|share| format!("{share:.5}")))
                .collect()
        })
    });
    let columns = ["model", "false_positive_rate", "true_positive_rate"];
    Numbers::new("roc", &columns).rows(rows)
}

/// Every epoch of every trial of a sweep; the kept one has the figures of the trial.
pub(crate) fn sweep(sweep: &SweepData) -> Numbers {
    let mut columns: Vec<&str> = sweep.over.iter().map(String::as_str).collect();
    columns.extend([
        "trial",
        "loss",
        "accuracy",
        "seconds",
        "epoch",
        "validation_loss",
        "validation_accuracy",
    ]);
    let mut rows = Vec::new();
    for point in &sweep.points {
        for trial in &point.trials {
            let mut row = point.values.clone();
            row.push(trial.name.clone());
            row.extend([trial.loss, trial.accuracy, trial.seconds].map(text));
            if trial.epochs.is_empty() {
                let none = std::iter::repeat_n(String::new(), 3);
                rows.push(row.iter().cloned().chain(none).collect());
            }
            for epoch in &trial.epochs {
                let measured = [
                    text(epoch.epoch),
                    optional(epoch.validation_loss),
                    optional(epoch.validation_accuracy),
                ];
                rows.push(row.iter().cloned().chain(measured).collect());
            }
        }
    }
    Numbers::new(format!("sweep-{}", sweep.name), &columns).rows(rows)
}

/// Failures by capability and model.
pub(crate) fn tricks(data: &ReportData) -> Numbers {
    let set = &data.challenge;
    let rows = set.models.iter().flat_map(|model| {
        let pairs = set.capabilities.iter().zip(&model.failed);
        pairs.map(|((capability, cases), failed)| {
            vec![
                capability.clone(),
                model.name.clone(),
                text(cases),
                text(failed),
            ]
        })
    });
    Numbers::new("tricks", &["capability", "model", "texts", "failed"]).rows(rows)
}

/// Kinds of reviews by model.
pub(crate) fn slices(data: &ReportData) -> Numbers {
    let rows = data.slices.iter().flat_map(|slice| {
        let pairs = data.models.iter().zip(&slice.right);
        pairs.map(|(model, right)| {
            vec![
                slice.name.clone(),
                model.name.clone(),
                text(slice.rows),
                text(right),
            ]
        })
    });
    Numbers::new("kinds", &["kind", "model", "reviews", "right"]).rows(rows)
}
