//! What the models were given: the audit first, then counts, lengths, words, and what was left out.

use artifact::format;

use crate::data::{LeftOut, ReportData, ReviewsData};
use crate::numbers;
use crate::pictures::{bars, histogram};
use pages::{Element, element};
use pages::{
    cell, figure, grid, heading, number, number_heading, numbered, paragraph, row_heading, section,
    table,
};

/// The section.
pub(crate) fn draw(data: &ReportData) -> Element {
    let reviews = &data.reviews;
    let mut part = section("data", "Data").child(overview(reviews));
    if !reviews.audit.is_empty() {
        part = part.child(audit(reviews));
    }
    if !reviews.splits.is_empty() {
        let total = reviews.splits.iter().map(|count| count.rows()).sum::<u64>();
        let caption = format!(
            "The {} reviews that were kept, by split and class; {}",
            format::count(total),
            reviews.splitting
        );
        part = part.child(numbered(
            bars::splits(&reviews.splits),
            caption,
            &numbers::splits(&reviews.splits),
        ));
    }
    if let Some(picture) = histogram::draw(&reviews.lengths, "words per review") {
        let counted = reviews.lengths.iter().map(|bin| bin.rows).sum::<u64>();
        let caption = format!(
            "Length of {} reviews in words; the last bar holds all longer ones",
            format::count(counted)
        );
        part = part.child(grid(
            "two",
            [numbered(
                picture,
                caption,
                &numbers::lengths(&reviews.lengths),
            )],
        ));
    }
    part.children(words(reviews))
        .children(left_out(reviews))
        .children(near_pairs(reviews))
}

fn overview(reviews: &ReviewsData) -> Element {
    let count = |list: &[LeftOut], kind: &str| -> u64 {
        list.iter()
            .filter(|group| group.kind == kind)
            .map(|group| group.rows)
            .sum()
    };
    let rejected = count(&reviews.rejected, "rejected");
    let set_aside = count(&reviews.rejected, "set_aside");
    let removed: u64 = reviews.removed.iter().map(|group| group.rows).sum();
    let kept: u64 = reviews.splits.iter().map(|count| count.rows()).sum();
    let tile = |number: u64, text: &str| {
        element("div")
            .child(element("dt").text(text))
            .child(element("dd").text(format::count(number)))
    };
    element("dl").class("tiles").children([
        tile(reviews.accepted + rejected + set_aside, "rows read"),
        tile(rejected, "rejected as unreadable"),
        tile(set_aside, "set aside by a setting"),
        tile(removed, "removed while cleaning"),
        tile(kept, "reviews kept"),
    ])
}

fn audit(reviews: &ReviewsData) -> Element {
    let lines = reviews.audit.iter().map(|line| {
        vec![
            row_heading(&line.what),
            number(format::count(line.count)),
            cell(&line.remark),
        ]
    });
    let caption = format!(
        "Duplicates and leaks among {} accepted reviews",
        format::count(reviews.accepted)
    );
    table(
        &caption,
        [
            heading("Looked for"),
            number_heading("Found"),
            heading("What it means"),
        ],
        lines,
    )
}

fn words(reviews: &ReviewsData) -> Option<Element> {
    if reviews.words.iter().all(|class| class.words.is_empty()) {
        return None;
    }
    let strongest = reviews
        .words
        .iter()
        .flat_map(|class| &class.words)
        .map(|word| word.score)
        .fold(0.0, f64::max);
    let train = reviews
        .splits
        .iter()
        .find(|count| count.split == artifact::Split::Train);
    let rows = train.map_or_else(String::new, |count| {
        format!("{} ", format::count(count.rows()))
    });
    let pictures = reviews.words.iter().enumerate().map(|(place, class)| {
        figure(
            bars::words(class, strongest, place),
            format!("Words that speak for {}", class.class),
        )
    });
    let text = format!(
        "The most telling words of the {rows}training reviews. A bar is how strongly a word speaks for its class; \
         beside it, how many negative and positive reviews have it."
    );
    let part = element("div").child(element("h3").text("Telling words"));
    Some(
        part.child(paragraph(text))
            .child(grid("two", pictures))
            .child(numbers::words(&reviews.words).link()),
    )
}

/// Near-duplicates side by side: the least similar ones, because whether those are copies is what a
/// reader may doubt.
fn near_pairs(reviews: &ReviewsData) -> Option<Element> {
    if reviews.near_pairs.is_empty() {
        return None;
    }
    let quote = |text: &str| {
        element("td")
            .class("wide")
            .child(element("span").class("quote").text(text))
    };
    let lines = reviews.near_pairs.iter().map(|pair| {
        vec![
            row_heading(format!("{:.2}", pair.similarity)),
            quote(&pair.texts[0]),
            quote(&pair.texts[1]),
        ]
    });
    let caption = "The least similar of the pairs that count as near-duplicates: Jaccard similarity of runs of five words, \
                   and how both begin";
    let part = element("div").child(element("h3").text("Near-duplicates"));
    Some(part.child(table(
        caption,
        [
            heading("Similarity"),
            heading("One review"),
            heading("Another"),
        ],
        lines,
    )))
}

fn left_out(reviews: &ReviewsData) -> Option<Element> {
    let groups: Vec<&LeftOut> = reviews.rejected.iter().chain(&reviews.removed).collect();
    if groups.is_empty() {
        return None;
    }
    let total: u64 = groups.iter().map(|group| group.rows).sum();
    let lines = groups.into_iter().map(|group| {
        let examples = group.examples.iter().map(|example| {
            element("li")
                .child(element("span").class("quote").text(&example.excerpt))
                .child(element("span").class("range").text(&example.place))
        });
        let kind = group.kind.replace('_', " ");
        vec![
            row_heading(&group.reason).child(element("span").class("range").text(kind)),
            number(format::count(group.rows)),
            element("td")
                .class("wide")
                .child(element("ul").class("examples").children(examples)),
        ]
    });
    let caption = format!(
        "All {} left out, by reason, with examples",
        format::plural(total, "row", "rows")
    );
    let part = element("div").child(element("h3").text("Left out"));
    Some(part.child(table(
        &caption,
        [
            heading("Reason"),
            number_heading("Rows"),
            heading("Examples"),
        ],
        lines,
    )))
}
