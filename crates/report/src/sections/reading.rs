//! Long reviews: how much of them each model reads, what it costs, and what it gains.

use artifact::format;
use metrics::{Comparison, Estimate};

use crate::data::{ModelData, ReadingData, ReportData};
use crate::words;
use pages::{Element, element};
use pages::{cell, heading, number, number_heading, paragraph, row_heading, section, table};

/// Where no model cuts more of the test reviews, length is no question.
const SOME: f64 = 0.01;

/// The section; nothing where reviews are read whole.
pub(crate) fn draw(data: &ReportData) -> Option<Element> {
    let cuts = |reading: &ReadingData| reading.cut.is_some_and(|share| share >= SOME);
    if !data.readings.iter().any(cuts) {
        return None;
    }
    let lines = data.readings.iter().map(|reading| line(data, reading));
    let headings = [
        heading("Model"),
        heading("Reads"),
        number_heading("Reviews cut"),
        number_heading("Tokens read"),
        number_heading("Accuracy"),
        number_heading("Against its like"),
        number_heading("Encoding"),
        number_heading("Training"),
    ];
    let caption = "What each model reads of a test review: the share of reviews of which a part is never seen, \
                   mean tokens per review, accuracy, and the time it took";
    let part = section("reading", "Long reviews")
        .child(table(caption, headings, lines))
        .child(
            paragraph(
                "“Against its like” is the difference in points, on the same reviews, to the first model above of \
                 the same network that reads another part. Encoding is paid once for all models that share the features.",
            )
            .class("muted"),
        );
    Some(part)
}

fn line(data: &ReportData, reading: &ReadingData) -> Vec<Element> {
    let model = data.models.iter().find(|model| model.name == reading.model);
    let accuracy = model.and_then(ModelData::accuracy);
    let none = || number("none").class("muted");
    let whole = |tokens: f64| format::count(tokens.round() as u64);
    vec![
        row_heading(&reading.model),
        cell(&reading.way),
        number(reading.cut.map_or_else(String::new, format::percent)),
        number(reading.tokens.map_or_else(String::new, whole)),
        accuracy.map_or_else(none, |accuracy| {
            let (value, range) = words::share(accuracy);
            with_range(value, range)
        }),
        like(data, reading).map_or_else(none, |(name, difference)| {
            let range = format!(
                "{name}, {} to {}",
                words::signed(difference.low),
                words::signed(difference.high)
            );
            with_range(words::signed(difference.value), range)
        }),
        reading
            .encoding
            .map_or_else(none, |(_, seconds)| number(format::seconds(seconds))),
        number(format::seconds(reading.training)),
    ]
}

fn with_range(value: String, range: String) -> Element {
    element("td")
        .class("number")
        .child(element("span").text(value))
        .child(element("span").class("range").text(range))
}

/// The first model above of the same network that reads otherwise, and how much better this one is.
fn like<'a>(data: &'a ReportData, reading: &ReadingData) -> Option<(&'a str, Estimate)> {
    let architecture = |name: &str| {
        let model = data.models.iter().find(|model| model.name == name)?;
        Some(model.architecture.as_str())
    };
    let own = architecture(&reading.model)?;
    let above = data
        .readings
        .iter()
        .take_while(|other| other.model != reading.model);
    let like = above
        .filter(|other| other.way != reading.way)
        .find(|other| architecture(&other.model) == Some(own))?;
    let pair = |one: &Comparison| {
        let Comparison {
            first,
            second,
            difference,
            ..
        } = one;
        if (first, second) == (&reading.model, &like.model) {
            return Some(*difference);
        }
        let turned = Estimate {
            value: -difference.value,
            low: -difference.high,
            high: -difference.low,
        };
        ((first, second) == (&like.model, &reading.model)).then_some(turned)
    };
    Some((&like.model, data.comparisons.iter().find_map(pair)?))
}
