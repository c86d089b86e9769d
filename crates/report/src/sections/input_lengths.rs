//! Long reviews: the part that each model reads, its accuracy and its cost.

use maud::{Markup, html};
use metrics::Estimate;
use pages::{Table, remark, with_detail};

use super::Collapsed;
use crate::data::{InputLengthData, ReportData, SubsetAccuracy};
use crate::format;

/// The section is printed if a model truncates at least this share of the test reviews.
const SMALLEST: f64 = 0.01;

/// The section; `None` where no model truncates more than a few reviews.
pub(crate) fn draw(data: &ReportData) -> Option<Collapsed> {
    let truncates = |it: &InputLengthData| it.truncated.is_some_and(|share| share >= SMALLEST);
    if !data.input_lengths.iter().any(truncates) {
        return None;
    }
    let caption = "What each model reads of a test review, its accuracy, and its cost.";
    let none = |value: Option<Markup>| value.unwrap_or_else(|| html! { span.muted { "none" } });
    let truncated = |share: Option<f64>| share.map(format::percent).unwrap_or_default();
    let rounded = |tokens: f64| format::count(tokens.round() as u64);
    let accuracy = |model: &str| {
        let accuracy = data.model(model)?.accuracy()?;
        Some(with_detail(format::share(accuracy)))
    };
    let gain = |length: &InputLengthData| {
        let (name, difference) = same_architecture(data, length)?;
        let (value, range) = format::difference(difference);
        Some(with_detail((value, format!("{name}, {range}"))))
    };
    let subset = |it: SubsetAccuracy| {
        let (share, range) = format::share(it.accuracy?);
        let rows = format::count(it.rows);
        Some(with_detail((share, format!("{range}, {rows} reviews"))))
    };
    let tokens = |it: &InputLengthData| it.tokens.map(rounded).unwrap_or_default();
    let time = |(_, seconds)| html! { (format::seconds(seconds)) };
    let table = Table::new(caption, &data.input_lengths)
        .names("Model", |it| &it.model)
        .words("Reads", |it| &it.part)
        .numbers("Truncated reviews", |it| truncated(it.truncated))
        .numbers("Mean tokens read", tokens)
        .numbers("Accuracy", |it| none(accuracy(&it.model)))
        .numbers("On truncated reviews", |it| none(subset(it.on_truncated)))
        .numbers("On whole reviews", |it| none(subset(it.on_whole)))
        .numbers("Gain", |it| none(gain(it)))
        .numbers("Encoding time", |it| none(it.encoding.map(time)));
    let content = html! {
        (table)
        (remark(
            "Gain: the difference in accuracy, in percentage points with its interval, to the first model above with the same \
             architecture that reads another part. Truncated and whole reviews differ in more than their length, so their \
             accuracies are not a paired comparison. Encoding is done once for all models that use the same features.",
        ))
    };
    let answer =
        "How much of a long review each model reads, and what reading more gains and costs.";
    Some((answer.into(), content))
}

/// The first model above with the same architecture that reads another part, and how much better this one is.
fn same_architecture<'a>(
    data: &'a ReportData,
    length: &InputLengthData,
) -> Option<(&'a str, Estimate)> {
    let architecture = |name: &str| Some(data.model(name)?.architecture.as_str());
    let own = architecture(&length.model)?;
    let lengths = data.input_lengths.iter();
    let mut above = lengths.take_while(|it| it.model != length.model);
    let found = above.find(|it| it.part != length.part && architecture(&it.model) == Some(own))?;
    let mut comparisons = data.comparisons_with(&length.model).into_iter();
    let (name, difference, _) = comparisons.find(|(name, ..)| *name == found.model)?;
    Some((name, difference))
}
