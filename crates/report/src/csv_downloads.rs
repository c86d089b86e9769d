//! The numbers behind pictures and tables, each as a link that downloads them as CSV.

use maud::Render;
use metrics::Metric;
use pages::CsvDownload;

use crate::data::{
    ClassWords, LengthBin, ModelData, RangeTestData, RepeatsData, ReportData, SplitCount, SweepData,
};
use crate::pictures::cost;

/// Every figure of every model with its interval.
pub(crate) fn figures(models: &[ModelData]) -> impl Render {
    let rows = models.iter().flat_map(|model| {
        let known = Metric::ALL.into_iter();
        known.filter_map(move |metric| Some((model, metric, model.figure(metric)?)))
    });
    CsvDownload::new("figures", rows)
        .column("model", |(model, ..)| &model.name)
        .column("figure", |(_, metric, _)| metric.name())
        .column("value", |(.., figure)| figure.value())
        .optional("low", |(.., figure)| Some(figure.estimate()?.low))
        .optional("high", |(.., figure)| Some(figure.estimate()?.high))
}

/// Accuracy and cost of every model.
pub(crate) fn costs(models: &[ModelData]) -> impl Render {
    let front = cost::front(models);
    CsvDownload::new("costs", models.iter().enumerate())
        .column("model", |(_, it)| &it.name)
        .optional("accuracy", |(_, it)| Some(it.accuracy()?.value))
        .column("seconds", |(_, it)| it.total_seconds)
        .optional("training_reviews_per_second", |it| it.1.reviews_per_second)
        .optional("prediction_reviews_per_second", |it| it.1.prediction_speed)
        .optional("parameters", |(_, it)| it.parameters)
        .optional("bytes", |(_, it)| it.bytes)
        .column("peak_memory_bytes", |(_, it)| it.peak_memory)
        .column("on_front", |(index, _)| front.contains(&index))
}

/// Reviews by split and class.
pub(crate) fn splits(splits: &[SplitCount]) -> impl Render {
    CsvDownload::new("splits", splits)
        .column("split", |it| it.split)
        .column("negative", |it| it.negative)
        .column("positive", |it| it.positive)
        .column("unlabelled", |it| it.unlabelled)
}

/// Lengths of reviews.
pub(crate) fn lengths(bins: &[LengthBin]) -> impl Render {
    CsvDownload::new("lengths", bins)
        .column("from_words", |it| it.from)
        .optional("below_words", |it| it.to)
        .column("reviews", |it| it.rows)
}

/// Characteristic words of every class.
pub(crate) fn words(classes: &[ClassWords]) -> impl Render {
    let rows = classes.iter();
    let rows = rows.flat_map(|class| class.words.iter().map(|word| (class.class, word)));
    CsvDownload::new("words", rows)
        .column("class", |(class, _)| class)
        .column("word", |(_, it)| &it.word)
        .column("score", |(_, it)| it.score)
        .column("negative_reviews", |(_, it)| it.reviews[0])
        .column("positive_reviews", |(_, it)| it.reviews[1])
}

/// Every epoch of every model.
pub(crate) fn epochs(models: &[ModelData]) -> impl Render {
    let rows = models.iter();
    let rows = rows.flat_map(|model| model.epochs.iter().map(move |epoch| (model, epoch)));
    CsvDownload::new("training", rows)
        .column("model", |(model, _)| &model.name)
        .column("epoch", |(_, it)| it.epoch)
        .optional("train_loss", |(_, it)| it.train_loss)
        .optional("train_accuracy", |(_, it)| it.train_accuracy)
        .optional("validation_loss", |(_, it)| it.validation_loss)
        .optional("validation_accuracy", |(_, it)| it.validation_accuracy)
        .column("is_best", |(model, it)| Some(it.epoch) == model.best_epoch)
}

/// The confusion matrix of every model.
pub(crate) fn confusions(models: &[ModelData]) -> impl Render {
    CsvDownload::new("confusion", models)
        .column("model", |it| &it.name)
        .column("true_negative", |it| it.confusion.true_negative)
        .column("false_positive", |it| it.confusion.false_positive)
        .column("false_negative", |it| it.confusion.false_negative)
        .column("true_positive", |it| it.confusion.true_positive)
}

/// The bins of every reliability diagram.
pub(crate) fn reliability(models: &[ModelData]) -> impl Render {
    let rows = models.iter().flat_map(|model| {
        let calibrations = model.calibration.iter();
        let before = calibrations.flat_map(|it| &it.before.reliability);
        let before = before.map(move |bin| (model, "before", bin));
        let after = model.reliability.iter();
        after.map(move |bin| (model, "after", bin)).chain(before)
    });
    CsvDownload::new("reliability", rows)
        .column("model", |(model, ..)| &model.name)
        .column("calibration", |(_, when, _)| when)
        .column("mean_probability", |(.., bin)| bin.mean_probability)
        .column("positive_share", |(.., bin)| bin.positive_share)
        .column("reviews", |(.., bin)| bin.rows)
}

/// Every step of a learning-rate range test.
pub(crate) fn range_test(test: &RangeTestData) -> impl Render {
    CsvDownload::new(format!("range-{}", test.name), &test.points)
        .column("learning_rate", |it| it.learning_rate)
        .column("loss", |it| it.loss)
        .column("smoothed_loss", |it| it.smoothed_loss)
}

/// Every training of models that were trained several times.
pub(crate) fn repeats(repeats: &[RepeatsData]) -> impl Render {
    let rows = repeats.iter().flat_map(|repeats| {
        let each = repeats.accuracies.iter().enumerate();
        each.map(|(index, accuracy)| (&repeats.model, index, accuracy))
    });
    CsvDownload::new("seeds", rows)
        .column("model", |(model, ..)| model)
        .column("training", |(_, index, _)| index)
        .column("accuracy", |(.., accuracy)| format!("{accuracy:.5}"))
}

/// The ROC curves.
pub(crate) fn roc(models: &[ModelData]) -> impl Render {
    let rows = models.iter();
    let rows = rows.flat_map(|model| model.roc.iter().map(|point| (&model.name, point)));
    let round = |share: f64| format!("{share:.5}");
    CsvDownload::new("roc", rows)
        .column("model", |(model, _)| model)
        .column("false_positive_rate", |it| round(it.1.false_positive_rate))
        .column("true_positive_rate", |it| round(it.1.true_positive_rate))
}

/// Every epoch of every trial of a sweep. A trial without epochs has one row.
pub(crate) fn sweep(sweep: &SweepData) -> impl Render {
    let mut rows = Vec::new();
    for point in &sweep.points {
        for trial in &point.trials {
            let epochs = trial.epochs.iter().map(Some);
            let none = trial.epochs.is_empty().then_some(None);
            let epochs = epochs.chain(none);
            rows.extend(epochs.map(|epoch| (&point.values, trial, epoch)));
        }
    }
    let mut numbers = CsvDownload::new(format!("sweep-{}", sweep.name), rows);
    for (index, setting) in sweep.over.iter().enumerate() {
        numbers = numbers.column(setting, |(values, ..)| &values[index]);
    }
    numbers
        .column("trial", |(_, trial, _)| &trial.name)
        .column("loss", |(_, trial, _)| trial.loss)
        .column("accuracy", |(_, trial, _)| trial.accuracy)
        .column("seconds", |(_, trial, _)| trial.seconds)
        .optional("epoch", |(.., epoch)| Some(epoch?.epoch))
        .optional("validation_loss", |(.., epoch)| epoch?.validation_loss)
        .optional("validation_accuracy", |it| it.2?.validation_accuracy)
}

/// Failures in the challenge set by capability and model.
pub(crate) fn challenge(data: &ReportData) -> impl Render {
    let set = &data.challenge;
    let rows = set.models.iter().flat_map(|model| {
        let pairs = set.capabilities.iter().zip(&model.failed);
        pairs.map(|((capability, cases), failed)| (capability, &model.name, cases, failed))
    });
    CsvDownload::new("challenge", rows)
        .column("capability", |(capability, ..)| capability)
        .column("model", |(_, model, ..)| model)
        .column("texts", |(_, _, cases, _)| cases)
        .column("failed", |(.., failed)| failed)
}

/// Correct predictions by slice and model.
pub(crate) fn slices(data: &ReportData) -> impl Render {
    let rows = data.slices.iter().flat_map(|slice| {
        let pairs = data.models.iter().zip(&slice.correct);
        pairs.map(move |(model, correct)| (slice, &model.name, correct))
    });
    CsvDownload::new("slices", rows)
        .column("slice", |(slice, ..)| &slice.name)
        .column("model", |(_, model, _)| model)
        .column("reviews", |(slice, ..)| slice.rows)
        .column("correct", |(.., correct)| correct)
}

/// The accuracy-coverage curve of every model.
pub(crate) fn coverage(models: &[ModelData]) -> impl Render {
    let rows = models.iter();
    let rows = rows.flat_map(|model| model.coverage_curve.iter().map(move |it| (model, it)));
    CsvDownload::new("coverage", rows)
        .column("model", |(model, _)| &model.name)
        .column("threshold", |(_, it)| it.threshold)
        .column("coverage", |(_, it)| it.coverage)
        .optional("accuracy", |(_, it)| Some(it.accuracy?.value))
}
