//! Long reviews: how much of them each model reads, what it costs, and what it gains.

use artifact::format;
use maud::{Markup, html};
use metrics::Estimate;
use pages::{Table, remark, section, with_detail};

use crate::data::{ReadingData, ReportData};
use crate::words;

/// Where no model cuts more of the test reviews, length is no question.
const SOME: f64 = 0.01;

/// The section; nothing where reviews are read whole.
pub(crate) fn draw(data: &ReportData) -> Option<Markup> {
    let cuts = |reading: &ReadingData| reading.cut.is_some_and(|share| share >= SOME);
    if !data.readings.iter().any(cuts) {
        return None;
    }
    let caption = "What each model reads of a test review: the share of reviews of which a part is never seen, \
                   mean tokens per review, accuracy, and the time it took";
    let none = |value: Option<Markup>| value.unwrap_or_else(|| html! { span.muted { "none" } });
    let cut = |share: Option<f64>| share.map(format::percent).unwrap_or_default();
    let whole = |tokens: f64| format::count(tokens.round() as u64);
    let accuracy = |model: &str| Some(with_detail(words::share(data.model(model)?.accuracy()?)));
    let gain = |reading: &ReadingData| {
        let (name, difference) = like(data, reading)?;
        let (value, range) = words::difference(difference);
        Some(with_detail((value, format!("{name}, {range}"))))
    };
    let encoding = |reading: &ReadingData| {
        let (_, seconds) = reading.encoding?;
        Some(html! { (format::seconds(seconds)) })
    };
    let table = Table::new(caption, &data.readings)
        .names("Model", |it| &it.model)
        .words("Reads", |it| &it.way)
        .numbers("Reviews cut", |it| cut(it.cut))
        .numbers("Tokens read", |it| it.tokens.map(whole).unwrap_or_default())
        .numbers("Accuracy", |it| none(accuracy(&it.model)))
        .numbers("Against its like", |it| none(gain(it)))
        .numbers("Encoding", |it| none(encoding(it)))
        .numbers("Training", |it| format::seconds(it.training));
    let content = html! {
        (table)
        (remark(
            "“Against its like” is the difference in points, on the same reviews, to the first model above of \
             the same network that reads another part. Encoding is paid once for all models that share the features.",
        ))
    };
    Some(section("reading", "Long reviews", content))
}

/// The first model above of the same network that reads otherwise, and how much better this one is.
fn like<'a>(data: &'a ReportData, reading: &ReadingData) -> Option<(&'a str, Estimate)> {
    let architecture = |name: &str| Some(data.model(name)?.architecture.as_str());
    let own = architecture(&reading.model)?;
    let readings = data.readings.iter();
    let mut above = readings.take_while(|other| other.model != reading.model);
    let like =
        above.find(|other| other.way != reading.way && architecture(&other.model) == Some(own))?;
    let difference = data.comparisons.iter().find_map(|pair| {
        let Estimate { value, low, high } = pair.difference;
        let (value, low, high) = (-value, -high, -low);
        let (own, other) = (&reading.model, &like.model);
        match (&pair.first, &pair.second) {
            both if both == (own, other) => Some(pair.difference),
            both if both == (other, own) => Some(Estimate { value, low, high }),
            _ => None,
        }
    })?;
    Some((&like.model, difference))
}
