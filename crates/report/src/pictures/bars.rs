//! Bars whose lengths are percentages of the width: counts by split and class, telling words.

use artifact::format;

use crate::data::{ClassWords, SplitCount};
use pages::picture;
use pages::{Element, element};

const ROW: f64 = 46.0;
const WORD_ROW: f64 = 24.0;

/// Reviews by split and class, bars to one scale.
pub(crate) fn splits(splits: &[SplitCount]) -> Element {
    let longest = splits
        .iter()
        .map(SplitCount::rows)
        .max()
        .unwrap_or(0)
        .max(1) as f64;
    let description = splits
        .iter()
        .map(|count| format!("{}: {}", count.split, parts_in_words(count)));
    let title = "Reviews by split and class";
    let mut svg = picture("splits", title, &description.collect::<Vec<_>>().join("; "))
        .class("elastic")
        .with("width", "100%")
        .with("height", ROW * splits.len() as f64);
    for (place, count) in splits.iter().enumerate() {
        svg = svg.child(split_row(count, ROW * place as f64, longest));
    }
    svg
}

fn split_row(count: &SplitCount, top: f64, longest: f64) -> Element {
    let name = element("text")
        .class("name")
        .with("x", 0)
        .at("y", top + 16.0)
        .text(count.split);
    let mut numbers = element("text")
        .class("range")
        .with("x", "100%")
        .at("y", top + 16.0)
        .with("text-anchor", "end");
    let mut bars = Vec::new();
    let mut start = 0.0;
    for (place, (class, name, rows)) in parts(count).into_iter().enumerate() {
        let width = 100.0 * rows as f64 / longest;
        bars.push(bar(class, start, width, top + 23.0, 14.0));
        start += width;
        // A square of the bar's colour before each number is the legend.
        let square = element("tspan")
            .class(class)
            .with("dx", if place == 0 { 0 } else { 12 })
            .text("■ ");
        numbers = numbers
            .child(square)
            .child(element("tspan").text(format!("{} {name}", format::count(rows))));
    }
    if bars.is_empty() {
        numbers = numbers.text("none");
    }
    element("g").children([name, numbers]).children(bars)
}

/// The classes of a split that have reviews, with the name and number of each.
fn parts(count: &SplitCount) -> Vec<(&'static str, &'static str, u64)> {
    let all = [
        ("bar negative", "negative", count.negative),
        ("bar positive", "positive", count.positive),
        ("bar unlabelled", "without label", count.unlabelled),
    ];
    all.into_iter().filter(|(_, _, rows)| *rows > 0).collect()
}

fn parts_in_words(count: &SplitCount) -> String {
    let parts: Vec<String> = parts(count)
        .into_iter()
        .map(|(_, name, rows)| format!("{} {name}", format::count(rows)))
        .collect();
    if parts.is_empty() {
        "none".to_owned()
    } else {
        parts.join(", ")
    }
}

/// The most telling words of one class, bars to a scale shared by all classes. `place` makes the id
/// unique.
pub(crate) fn words(class: &ClassWords, strongest: f64, place: usize) -> Element {
    let description = class.words.iter().map(|word| {
        let [negative, positive] = word.reviews;
        format!(
            "{} (in {negative} negative and {positive} positive reviews)",
            word.word
        )
    });
    let title = format!("Words that speak for {}", class.class);
    let mut svg = picture(
        &format!("words-{place}"),
        &title,
        &description.collect::<Vec<_>>().join("; "),
    )
    .class("elastic")
    .with("width", "100%")
    .with("height", WORD_ROW * class.words.len() as f64);
    let kind = if class.class == artifact::Sentiment::Positive.as_str() {
        "bar positive"
    } else {
        "bar negative"
    };
    for (place, word) in class.words.iter().enumerate() {
        let top = WORD_ROW * place as f64;
        let [negative, positive] = word.reviews.map(format::count);
        let length = 38.0 * word.score.max(0.0) / strongest.max(f64::MIN_POSITIVE);
        svg = svg.child(
            element("g").children([
                element("text")
                    .with("x", "34%")
                    .at("y", top + 16.0)
                    .with("text-anchor", "end")
                    .text(shortened(&word.word)),
                bar(kind, 36.0, length, top + 4.0, 15.0),
                element("text")
                    .class("range")
                    .with("x", "100%")
                    .at("y", top + 16.0)
                    .with("text-anchor", "end")
                    .text(format!("{negative} : {positive}")),
            ]),
        );
    }
    svg
}

/// A word that fits its place; the description has it whole.
fn shortened(word: &str) -> String {
    const LONGEST: usize = 14;
    if word.chars().count() <= LONGEST {
        return word.to_owned();
    }
    word.chars().take(LONGEST - 1).chain(['…']).collect()
}

/// A bar from one percentage of the width on.
fn bar(class: &'static str, start: f64, width: f64, top: f64, height: f64) -> Element {
    element("rect")
        .class(class)
        .with("x", format!("{start:.2}%"))
        .with("width", format!("{width:.2}%"))
        .at("y", top)
        .at("height", height)
}
