//! Bar charts: counts by split and class, and characteristic words. Lengths are percentages of the width.

use maud::{Markup, html};
use pages::{Size, picture, px};

use crate::data::{ClassWords, SplitCount};
use crate::format;

const ROW: f64 = 46.0;
const WORD_ROW: f64 = 24.0;

/// Reviews by split and class, all on the same scale.
pub(crate) fn splits(splits: &[SplitCount]) -> Markup {
    let longest = splits.iter().map(SplitCount::rows).fold(1, u64::max) as f64;
    let description = splits.iter().map(|count| {
        let parts = parts(count).into_iter();
        let parts = format::join(parts.map(|(_, name, rows)| counted(name, rows)), ", ");
        let none = if parts.is_empty() { "none" } else { "" };
        format!("{}: {parts}{none}", count.split)
    });
    let rows = html! {
        @for (index, count) in splits.iter().enumerate() {
            (split_row(count, ROW * index as f64, longest))
        }
    };
    let size = Size::Elastic(ROW * splits.len() as f64);
    let title = "Reviews by split and class";
    picture("splits", title, description, size, rows)
}

fn split_row(count: &SplitCount, top: f64, longest: f64) -> Markup {
    let parts = parts(count);
    let mut start = 0.0;
    let bars = parts.iter().map(|(class, _, rows)| {
        let width = 100.0 * *rows as f64 / longest;
        start += width;
        bar(class, start - width, width, top + 23.0, 14.0)
    });
    html! {
        g {
            text.name x="0" y=(px(top + 16.0)) { (count.split.as_str()) }
            text.range x="100%" y=(px(top + 16.0)) text-anchor="end" {
                // The legend: a square in the colour of the bar before each number.
                @for (index, (class, name, rows)) in parts.iter().enumerate() {
                    tspan class=(class) dx=(if index == 0 { 0 } else { 12 }) { "■ " }
                    tspan { (counted(name, *rows)) }
                }
                @if parts.is_empty() { "none" }
            }
            @for bar in bars { (bar) }
        }
    }
}

/// The classes of a split that have reviews: CSS class, name and number of each.
fn parts(count: &SplitCount) -> Vec<(&'static str, &'static str, u64)> {
    let mut all = vec![
        ("bar negative", "negative", count.negative),
        ("bar positive", "positive", count.positive),
        ("bar unlabelled", "without label", count.unlabelled),
    ];
    all.retain(|(_, _, rows)| *rows > 0);
    all
}

fn counted(name: &str, rows: u64) -> String {
    format!("{} {name}", format::count(rows))
}

/// The characteristic words of one class; `strongest` is the largest score of all classes. `index` makes the id
/// unique.
pub(crate) fn words(class: &ClassWords, strongest: f64, index: usize) -> Markup {
    let description = class.words.iter().map(|word| {
        let [negative, positive] = word.reviews;
        let word = &word.word;
        format!("{word} (in {negative} negative and {positive} positive reviews)")
    });
    let kind = format!("bar {}", class.class);
    let rows = html! {
        @for (row, word) in class.words.iter().enumerate() {
            @let top = WORD_ROW * row as f64;
            @let [negative, positive] = word.reviews.map(format::count);
            @let length = 38.0 * word.score.max(0.0) / strongest.max(f64::MIN_POSITIVE);
            g {
                text x="34%" y=(px(top + 16.0)) text-anchor="end" { (shortened(&word.word)) }
                (bar(&kind, 36.0, length, top + 4.0, 15.0))
                text.range x="100%" y=(px(top + 16.0)) text-anchor="end" { (negative) " : " (positive) }
            }
        }
    };
    let title = format!("Characteristic words of {} reviews", class.class);
    let size = Size::Elastic(WORD_ROW * class.words.len() as f64);
    picture(&format!("words-{index}"), &title, description, size, rows)
}

/// The beginning of a long word; the description has the whole word.
fn shortened(word: &str) -> String {
    const LONGEST: usize = 14;
    if word.chars().count() <= LONGEST {
        return word.to_owned();
    }
    word.chars().take(LONGEST - 1).chain(['…']).collect()
}

/// A bar; `start` and `width` are percentages of the width.
fn bar(class: &str, start: f64, width: f64, top: f64, height: f64) -> Markup {
    let (x, width) = (format!("{start:.2}%"), format!("{width:.2}%"));
    html! { rect class=(class) x=(x) width=(width) y=(px(top)) height=(px(height)) {} }
}
