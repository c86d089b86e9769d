//! Long reviews: the part that each model reads, its accuracy and its cost.

use artifact::format;
use maud::{Markup, html};
use metrics::Estimate;
use pages::{Table, collapsed_section, remark, with_detail};

use crate::data::{InputLengthData, ReportData};
use crate::formatting;

/// The section is printed if a model truncates at least this share of the test reviews.
const SMALLEST: f64 = 0.01;

/// The section; `None` where no model truncates more than a few reviews.
pub(crate) fn draw(data: &ReportData) -> Option<Markup> {
    let truncates = |it: &InputLengthData| it.truncated.is_some_and(|share| share >= SMALLEST);
    if !data.input_lengths.iter().any(truncates) {
        return None;
    }
    let caption = "What each model reads of a test review, its accuracy, and its cost.";
    let none = |value: Option<Markup>| value.unwrap_or_else(|| html! { span.muted { "none" } });
    let truncated = |share: Option<f64>| share.map(formatting::percent).unwrap_or_default();
    let whole = |tokens: f64| format::count(tokens.round() as u64);
    let accuracy = |model: &str| {
        Some(with_detail(formatting::share(
            data.model(model)?.accuracy()?,
        )))
    };
    let gain = |length: &InputLengthData| {
        let (name, difference) = same_architecture(data, length)?;
        let (value, range) = formatting::difference(difference);
        Some(with_detail((value, format!("{name}, {range}"))))
    };
    let encoding = |length: &InputLengthData| {
        let (_, seconds) = length.encoding?;
        Some(html! { (format::seconds(seconds)) })
    };
    let table = Table::new(caption, &data.input_lengths)
        .names("Model", |it| &it.model)
        .words("Reads", |it| &it.part)
        .numbers("Truncated reviews", |it| truncated(it.truncated))
        .numbers("Mean tokens read", |it| {
            it.tokens.map(whole).unwrap_or_default()
        })
        .numbers("Accuracy", |it| none(accuracy(&it.model)))
        .numbers("Gain", |it| none(gain(it)))
        .numbers("Encoding time", |it| none(encoding(it)));
    let content = html! {
        (table)
        (remark(
            "Gain: the difference in accuracy, in percentage points with its interval, to the first model above with the same \
             architecture that reads another part. Encoding is done once for all models that use the same features.",
        ))
    };
    let answer =
        "How much of a long review each model reads, and what reading more gains and costs.";
    Some(collapsed_section(
        "long-reviews",
        "Long reviews",
        answer,
        content,
    ))
}

/// The first model above with the same architecture that reads another part, and how much better this one is.
fn same_architecture<'a>(
    data: &'a ReportData,
    length: &InputLengthData,
) -> Option<(&'a str, Estimate)> {
    let architecture = |name: &str| Some(data.model(name)?.architecture.as_str());
    let own = architecture(&length.model)?;
    let lengths = data.input_lengths.iter();
    let mut above = lengths.take_while(|other| other.model != length.model);
    let found =
        above.find(|other| other.part != length.part && architecture(&other.model) == Some(own))?;
    let difference = data.comparisons.iter().find_map(|pair| {
        let Estimate { value, low, high } = pair.difference;
        let (value, low, high) = (-value, -high, -low);
        let (own, other) = (&length.model, &found.model);
        match (&pair.first, &pair.second) {
            both if both == (own, other) => Some(pair.difference),
            both if both == (other, own) => Some(Estimate { value, low, high }),
            _ => None,
        }
    })?;
    Some((&found.model, difference))
}
