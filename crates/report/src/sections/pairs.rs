//! Paired tests of every pair of models.

use maud::{Markup, html};
use metrics::Comparison;
use pages::{Table, collapsed, remark, with_detail};

use crate::data::ReportData;
use crate::format;

/// The table, collapsed.
pub(crate) fn draw(data: &ReportData) -> Markup {
    let pairs = format::count(data.comparisons.len());
    let title = match data.comparisons.len() {
        1 => "Paired test of the two models".to_owned(),
        _ => format!("Paired tests of all {pairs} pairs of models"),
    };
    collapsed(title, html! { (table(data)) (remark(explanation(data))) })
}

fn table(data: &ReportData) -> Table<&Comparison> {
    let (reviews, ci) = (data.test_reviews(), data.ci());
    let caption = format!(
        "Is the difference between two models significant? Accuracy of the first minus that of the second on the same {reviews}, \
         in percentage points with {ci}."
    );
    let difference = |pair: &Comparison| with_detail(format::difference(pair.difference));
    let only = |pair: &Comparison| {
        let [first, second] = [pair.first_only, pair.second_only].map(format::count);
        format!("{first} : {second}")
    };
    Table::new(caption, &data.comparisons)
        .names("Pair", |it| format!("{} and {}", it.first, it.second))
        .numbers("Difference", difference)
        .words("Result", |it| format::verdict(it, data.confidence))
        .numbers("Adjusted p", |it| format::p_value(it.adjusted_p_value))
        .numbers("Unadjusted p", |it| format::p_value(it.p_value))
        .numbers("Only first correct : only second correct", only)
}

/// Why the interval of a pair and its result can seem to disagree.
pub(crate) fn explanation(data: &ReportData) -> String {
    let ci = data.ci();
    let mut text = "The test is McNemar's exact test on the reviews that only one of the two models predicts correctly.".to_owned();
    let pairs = data.comparisons.len();
    if pairs > 1 {
        let (level, pairs) = (data.significance_level(), format::count(pairs));
        text += &format!(
            " The {ci} of a pair is for that pair alone; the adjusted p is corrected for all {pairs} pairs (Holm) \
             and decides the result. An interval can therefore exclude 0 although the adjusted p is not below {level:.2}."
        );
    }
    text
}
