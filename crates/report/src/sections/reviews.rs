//! The reviews: splits, lengths, characteristic words, and rows that are not used.

use artifact::Split;
use maud::{Markup, html};
use pages::{Table, figure, figure_with_csv, grid, quote, remark, with_detail};

use super::Collapsed;
use crate::data::{Example, ReportData, ReviewsData, SkippedRows};
use crate::function_words::is_function_word;
use crate::pictures::{bars, histogram};
use crate::{csv_downloads, format};

/// The section.
pub(crate) fn draw(data: &ReportData) -> Option<Collapsed> {
    let reviews = &data.reviews;
    if reviews.splits.is_empty() {
        return None;
    }
    let (used, splitting) = (format::count(reviews.used()), &reviews.splitting);
    let splits = format!("{used} reviews by split and class. Split: {splitting}.");
    let lengths = histogram::draw(&reviews.lengths, "words per review").map(|picture| {
        let rows = format::count(reviews.lengths.iter().map(|bin| bin.rows).sum::<u64>());
        let caption =
            format!("Length of {rows} reviews in words. The last bar has all longer ones.");
        figure_with_csv(picture, caption, csv_downloads::lengths(&reviews.lengths))
    });
    let content = html! {
        (figure_with_csv(bars::splits(&reviews.splits), splits, csv_downloads::splits(&reviews.splits)))
        (grid("two", lengths))
        @if reviews.words.iter().any(|class| !class.words.is_empty()) { (words(reviews)) }
        @if !reviews.rejected.is_empty() || !reviews.removed.is_empty() { (skipped(reviews)) }
        @if !reviews.near_pairs.is_empty() { (near_pairs(reviews)) }
    };
    let answer = "How many reviews each split and class has, how long they are, and which rows were not used.";
    Some((answer.into(), content))
}

fn words(reviews: &ReviewsData) -> Markup {
    let mut classes = reviews.words.clone();
    for class in &mut classes {
        class.words.retain(|it| !is_function_word(&it.word));
    }
    let words = classes.iter().flat_map(|class| &class.words);
    let strongest = words.map(|word| word.score).fold(0.0, f64::max);
    let train = reviews.split(Split::Train);
    let rows = train.map_or_else(String::new, |it| format!("{} ", format::count(it.rows())));
    let pictures = classes.iter().enumerate().map(|(index, class)| {
        let caption = format!("Words of {} reviews", class.class);
        figure(bars::words(class, strongest, index), caption)
    });
    html! {
        h3 { "Characteristic words" }
        (remark(format!(
            "The words that differ most between the classes of the {rows}training reviews, with the number of negative and \
             of positive reviews that have them. Function words such as “the” are not listed."
        )))
        (grid("two", pictures))
        (csv_downloads::words(&classes))
    }
}

fn skipped(reviews: &ReviewsData) -> Markup {
    let groups = || reviews.rejected.iter().chain(&reviews.removed);
    let rows = format::plural(groups().map(|group| group.rows).sum(), "row", "rows");
    let caption = format!("{rows} not used, by reason, with examples.");
    let example = |it: &Example| html! { li { (quote(&it.excerpt)) span.range { (it.location) } } };
    let examples = |group: &SkippedRows| html! { ul.examples { @for it in &group.examples { (example(it)) } } };
    let kind = |group: &SkippedRows| match group.kind.as_str() {
        "set_aside" => "skipped",
        "rejected" => "rejected",
        _ => "removed",
    };
    let table = Table::new(caption, groups())
        .names("Reason", |it| with_detail((&it.reason, kind(it))))
        .numbers("Rows", |it| format::count(it.rows))
        .texts("Examples", examples);
    html! { h3 { "Rows that are not used" } (table) }
}

/// Near-duplicates side by side, the least similar ones first: a reader may doubt those.
fn near_pairs(reviews: &ReviewsData) -> Markup {
    let caption = "The least similar near-duplicates: Jaccard similarity over five-word shingles, and how both reviews begin.";
    let table = Table::new(caption, &reviews.near_pairs)
        .names("Similarity", |pair| format!("{:.2}", pair.similarity))
        .texts("One review", |pair| quote(&pair.texts[0]))
        .texts("Another", |pair| quote(&pair.texts[1]));
    html! { h3 { "Near-duplicates" } (table) }
}
