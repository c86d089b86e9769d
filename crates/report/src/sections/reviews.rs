//! What the models were given: the audit first, then counts, lengths, words, and what was left out.

use artifact::{Split, format};
use maud::{Markup, html};
use pages::{Table, figure, figure_with_csv, grid, paragraph, quote, section, with_detail};

use crate::data::{AuditLine, LeftOut, ReportData, ReviewsData, SplitCount};
use crate::numbers;
use crate::pictures::{bars, histogram};

/// The section.
pub(crate) fn draw(data: &ReportData) -> Markup {
    let reviews = &data.reviews;
    let content = html! {
        (overview(reviews))
        @if !reviews.audit.is_empty() { (audit(reviews)) }
        @if !reviews.splits.is_empty() {
            @let caption = format!(
                "The {} reviews that were kept, by split and class; {}",
                format::count(kept(reviews)),
                reviews.splitting
            );
            (figure_with_csv(bars::splits(&reviews.splits), caption, numbers::splits(&reviews.splits)))
        }
        @if let Some(picture) = histogram::draw(&reviews.lengths, "words per review") {
            @let counted = reviews.lengths.iter().map(|bin| bin.rows).sum::<u64>();
            @let caption = format!(
                "Length of {} reviews in words; the last bar holds all longer ones",
                format::count(counted)
            );
            (grid("two", [figure_with_csv(picture, caption, numbers::lengths(&reviews.lengths))]))
        }
        @if reviews.words.iter().any(|class| !class.words.is_empty()) { (words(reviews)) }
        @if !reviews.rejected.is_empty() || !reviews.removed.is_empty() { (left_out(reviews)) }
        @if !reviews.near_pairs.is_empty() { (near_pairs(reviews)) }
    };
    section("data", "Data", content)
}

fn kept(reviews: &ReviewsData) -> u64 {
    reviews.splits.iter().map(SplitCount::rows).sum()
}

fn overview(reviews: &ReviewsData) -> Markup {
    let count = |list: &[LeftOut], kind: &str| -> u64 {
        let groups = list.iter().filter(|group| group.kind == kind);
        groups.map(|group| group.rows).sum()
    };
    let rejected = count(&reviews.rejected, "rejected");
    let set_aside = count(&reviews.rejected, "set_aside");
    let tiles = [
        ("rows read", reviews.accepted + rejected + set_aside),
        ("rejected as unreadable", rejected),
        ("set aside by a setting", set_aside),
        ("removed while cleaning", count(&reviews.removed, "removed")),
        ("reviews kept", kept(reviews)),
    ];
    html! {
        dl.tiles {
            @for (text, number) in tiles { div { dt { (text) } dd { (format::count(number)) } } }
        }
    }
}

fn audit(reviews: &ReviewsData) -> Table<&AuditLine> {
    let accepted = format::count(reviews.accepted);
    let caption = format!("Duplicates and leaks among {accepted} accepted reviews");
    Table::new(caption, &reviews.audit)
        .names("Looked for", |line| &line.what)
        .numbers("Found", |line| format::count(line.count))
        .words("What it means", |line| &line.remark)
}

fn words(reviews: &ReviewsData) -> Markup {
    let words = reviews.words.iter().flat_map(|class| &class.words);
    let strongest = words.map(|word| word.score).fold(0.0, f64::max);
    let train = reviews.split(Split::Train);
    let rows = train.map_or_else(String::new, |it| format!("{} ", format::count(it.rows())));
    let pictures = reviews.words.iter().enumerate().map(|(place, class)| {
        let caption = format!("Words that speak for {}", class.class);
        figure(bars::words(class, strongest, place), caption)
    });
    html! {
        h3 { "Telling words" }
        (paragraph(format!(
            "The most telling words of the {rows}training reviews. A bar is how strongly a word speaks for its class; \
             beside it, how many negative and positive reviews have it."
        )))
        (grid("two", pictures))
        (numbers::words(&reviews.words))
    }
}

/// Near-duplicates side by side: the least similar ones, because whether those are copies is what a
/// reader may doubt.
fn near_pairs(reviews: &ReviewsData) -> Markup {
    let caption = "The least similar of the pairs that count as near-duplicates: Jaccard similarity of runs of five words, \
                   and how both begin";
    let table = Table::new(caption, &reviews.near_pairs)
        .names("Similarity", |pair| format!("{:.2}", pair.similarity))
        .texts("One review", |pair| quote(&pair.texts[0]))
        .texts("Another", |pair| quote(&pair.texts[1]));
    html! { h3 { "Near-duplicates" } (table) }
}

fn left_out(reviews: &ReviewsData) -> Markup {
    let groups = || reviews.rejected.iter().chain(&reviews.removed);
    let total: u64 = groups().map(|group| group.rows).sum();
    let rows = format::plural(total, "row", "rows");
    let caption = format!("All {rows} left out, by reason, with examples");
    let examples = |group: &LeftOut| {
        html! {
            ul.examples {
                @for example in &group.examples {
                    li { (quote(&example.excerpt)) span.range { (example.place) } }
                }
            }
        }
    };
    let table = Table::new(caption, groups())
        .names("Reason", |it| {
            with_detail((&it.reason, it.kind.replace('_', " ")))
        })
        .numbers("Rows", |it| format::count(it.rows))
        .texts("Examples", examples);
    html! { h3 { "Left out" } (table) }
}
