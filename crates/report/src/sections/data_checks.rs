//! Data checks: one line each.

use maud::{Markup, html};
use pages::{remark, sentence};

use crate::data::{ReportData, ReviewsData, SkippedRows};
use crate::format;

/// The section.
pub(crate) fn draw(data: &ReportData) -> Markup {
    let nothing = data.reviews.checks.iter();
    let nothing = nothing.filter(|check| check.count == 0 && check.result.is_empty());
    let nothing = nothing.map(|check| check.what.to_lowercase());
    let nothing = format::join(nothing, "; ");
    html! {
        (remark("Whether duplicates, overlapping splits or wrong labels can make the figures wrong."))
        ul.checks {
            @for (text, is_warning) in results(data) { li class=[is_warning.then_some("warning")] { (sentence(text)) } }
        }
        @if !nothing.is_empty() { (remark(format!("Also checked, none found: {nothing}."))) }
    }
}

/// The results as sentences, each with whether it is a warning.
pub(crate) fn results(data: &ReportData) -> Vec<(String, bool)> {
    let reviews = &data.reviews;
    let mut found = reviews.checks.iter().filter(|it| !it.result.is_empty());
    let mut results: Vec<(String, bool)> = Vec::new();
    // Duplicates and leaks share a line.
    let first = format::join(found.by_ref().take(2).map(|it| it.result.clone()), "; ");
    let sentence = |text: &str| format!("{}.", format::capitalized(text));
    if !first.is_empty() {
        results.push((sentence(&first), false));
    }
    results.extend(found.map(|it| (sentence(&it.result), it.is_warning)));
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
    let read = format::plural(reviews.accepted + rejected + skipped, "row", "rows");
    let used = format::count(reviews.used());
    let reasons = reviews.rejected.iter();
    let reasons = reasons.filter(|group| group.kind == "set_aside");
    let reasons = format::join(reasons.map(|group| group.reason.clone()), "; ");
    let parts = [
        (rejected, "rejected".to_owned()),
        (skipped, format!("skipped ({reasons})")),
    ];
    let parts = parts.into_iter().filter(|(rows, _)| *rows > 0);
    let parts = parts.map(|(rows, what)| format!(", {} {what}", format::count(rows)));
    (reviews.accepted > 0).then(|| format!("{used} of {read} used{}.", format::join(parts, "")))
}
