//! Data checks: one line each.

use artifact::format;
use maud::{Markup, html};
use pages::{remark, section};

use crate::data::{ReportData, ReviewsData, SkippedRows};
use crate::formatting;

/// The section.
pub(crate) fn draw(data: &ReportData) -> Markup {
    let nothing = data.reviews.checks.iter();
    let nothing = nothing.filter(|check| check.count == 0 && check.result.is_empty());
    let nothing = nothing.map(|check| check.what.to_lowercase());
    let nothing = formatting::join(nothing, "; ");
    let content = html! {
        (remark("Whether duplicates, overlapping splits or wrong labels can make the figures wrong."))
        ul.checks {
            @for (result, is_warning) in results(data) {
                li class=[is_warning.then_some("warning")] { (result) }
            }
        }
        @if !nothing.is_empty() { (remark(format!("Also checked, none found: {nothing}."))) }
    };
    section("data-checks", "Data checks", content)
}

/// The results as sentences, each with whether it is a warning.
pub(crate) fn results(data: &ReportData) -> Vec<(String, bool)> {
    let reviews = &data.reviews;
    let found = reviews
        .checks
        .iter()
        .filter(|check| !check.result.is_empty());
    let mut results: Vec<(String, bool)> = Vec::new();
    // Duplicates and leaks share a line.
    let (first, others): (Vec<_>, Vec<_>) = found.enumerate().partition(|(index, _)| *index < 2);
    let sentence = |text: &str| format!("{}.", formatting::capitalized(text));
    if !first.is_empty() {
        let parts = first.iter().map(|(_, check)| check.result.clone());
        results.push((sentence(&formatting::join(parts, "; ")), false));
    }
    let others = others
        .iter()
        .map(|(_, check)| (sentence(&check.result), check.is_warning));
    results.extend(others);
    results.extend(rows(reviews).map(|text| (text, false)));
    results
}

/// How many rows of the source are used.
fn rows(reviews: &ReviewsData) -> Option<String> {
    let count = |list: &[SkippedRows], kind: &str| -> u64 {
        let groups = list.iter().filter(|group| group.kind == kind);
        groups.map(|group| group.rows).sum()
    };
    let rejected = count(&reviews.rejected, "rejected");
    let skipped = count(&reviews.rejected, "set_aside");
    let read = reviews.accepted + rejected + skipped;
    let (used, read) = (
        format::count(reviews.used()),
        format::plural(read, "row", "rows"),
    );
    let reasons = reviews.rejected.iter();
    let reasons = reasons.filter(|group| group.kind == "set_aside");
    let reasons = formatting::join(reasons.map(|group| group.reason.clone()), "; ");
    let parts = [
        (rejected, "rejected".to_owned()),
        (skipped, format!("skipped ({reasons})")),
    ];
    let parts = parts.into_iter().filter(|(rows, _)| *rows > 0);
    let parts = parts.map(|(rows, what)| format!(", {} {what}", format::count(rows)));
    (reviews.accepted > 0).then(|| format!("{used} of {read} used{}.", formatting::join(parts, "")))
}
