//! Counts accepted, rejected and skipped rows, and checks that enough of them can be used.

use std::collections::BTreeMap;
use std::path::Path;

use artifact::{Sentiment, format};
use settings::IngestSettings;
use tables::{InputError, Problem, Repairs, Result};

use crate::row::{ExcludedRow, NOT_IN_ENCODING, Review, WRONG_WIDTH};

/// Maximum number of different details that are counted per reason, and that are shown.
const MAX_DETAILS: usize = 1000;
const MAX_DETAILS_SHOWN: usize = 5;

/// With fewer reviews of a class, a model can neither be trained nor tested.
const MIN_PER_CLASS: u64 = 20;

/// Numbers of accepted, rejected and skipped rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowCounts {
    /// Accepted rows by class id.
    by_class: [u64; Sentiment::ALL.len()],
    /// Accepted rows without a label.
    pub(crate) unlabelled: u64,
    /// Accepted rows without a text, with or without a label.
    pub(crate) without_text: u64,
    /// Reasons for excluding rows, in the order of their first occurrence.
    pub(crate) reasons: Vec<ReasonCount>,
    /// Values that were replaced because they are invalid in JSON.
    pub(crate) repairs: Repairs,
}

/// Number of rows excluded for one reason.
#[derive(Clone, Debug)]
pub(crate) struct ReasonCount {
    /// The first of these rows.
    pub(crate) first: ExcludedRow,
    pub(crate) rows: u64,
    /// Rows per detail, for example per invalid value.
    details: BTreeMap<String, u64>,
}

impl ReasonCount {
    fn add(&mut self, detail: Option<&str>) {
        self.rows += 1;
        if let Some(detail) = detail {
            if let Some(rows) = self.details.get_mut(detail) {
                *rows += 1;
            } else if self.details.len() < MAX_DETAILS {
                self.details.insert(detail.to_owned(), 1);
            }
        }
    }

    /// The most common details with their number of rows.
    fn most_common_details(&self) -> Vec<(&str, u64)> {
        let details = self.details.iter();
        let mut details: Vec<_> = details.map(|(it, rows)| (it.as_str(), *rows)).collect();
        details.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
        details
    }

    /// The reason, with all details or the most common ones, and their number of rows.
    pub(crate) fn describe(&self) -> String {
        let (summary, details) = (self.first.reason.summary, self.most_common_details());
        if details.is_empty() {
            return summary.to_owned();
        }
        let rows = |rows: u64| format::plural(rows, "row", "rows");
        let shown = details.iter().take(MAX_DETAILS_SHOWN);
        let shown = shown.map(|(detail, count)| format!("{detail} ({})", rows(*count)));
        let shown = shown.collect::<Vec<_>>().join(", ");
        let others = match details.len() > MAX_DETAILS_SHOWN {
            true => " and others",
            false => "",
        };
        format!("{summary}: {shown}{others}")
    }

    /// The invalid values as a TOML list, the most common ones.
    fn values(&self) -> String {
        let details = self.most_common_details().into_iter();
        let values = details.take(MAX_DETAILS_SHOWN);
        let values = values.map(|(it, _)| toml::Value::from(it.trim_matches('`')).to_string());
        format!("[{}]", values.collect::<Vec<_>>().join(","))
    }
}

impl RowCounts {
    pub(crate) fn accept(&mut self, review: &Review<'_>) {
        match review.label {
            Some(class) => self.by_class[usize::from(class.id())] += 1,
            None => self.unlabelled += 1,
        }
        self.without_text += u64::from(review.text.trim().is_empty());
    }

    pub(crate) fn exclude(&mut self, row: &ExcludedRow) {
        let same = |count: &ReasonCount| count.first.reason.summary == row.reason.summary;
        let known = self.reasons.iter().position(same);
        let index = known.unwrap_or_else(|| {
            self.reasons.push(ReasonCount {
                first: row.clone(),
                rows: 0,
                details: BTreeMap::new(),
            });
            self.reasons.len() - 1
        });
        self.reasons[index].add(row.reason.detail.as_deref());
    }

    /// Accepted rows of a class.
    pub(crate) fn count_of(&self, class: Sentiment) -> u64 {
        self.by_class[usize::from(class.id())]
    }

    /// Number of skipped rows, or of rejected rows.
    fn excluded(&self, skipped: bool) -> u64 {
        let all = self.reasons.iter();
        let excluded = all.filter(|count| count.first.reason.skipped == skipped);
        excluded.map(|count| count.rows).sum()
    }

    /// Number of accepted rows.
    pub(crate) fn accepted(&self) -> u64 {
        self.by_class.iter().sum::<u64>() + self.unlabelled
    }

    /// A warning if a class has very few reviews.
    pub(crate) fn imbalance(&self) -> Option<String> {
        let labelled: u64 = self.by_class.iter().sum();
        let mut classes = Sentiment::ALL.into_iter();
        let rare = classes.find(|class| self.count_of(*class) < MIN_PER_CLASS);
        let rare = rare.filter(|_| labelled > 0)?;
        let all = format::plural(labelled, "label", "labels");
        let rows = self.count_of(rare);
        let (rows, verb) = (format::count(rows), if rows == 1 { "is" } else { "are" });
        Some(format!(
            "only {rows} of {all} {verb} {rare}, which is too few to train and to test a model; use more reviews of this class"
        ))
    }

    /// Fails if too few rows can be used, or if they do not contain both classes. `question` returns what is
    /// unclear about the column of a role, with the settings that answer it.
    pub(crate) fn check(
        &self,
        path: &Path,
        settings: &IngestSettings,
        question: impl Fn(&str) -> Option<String>,
    ) -> Result<()> {
        self.check_rows(path, settings, question)?;
        let labelled: u64 = self.by_class.iter().sum();
        let is_all = |class: &Sentiment| labelled > 0 && self.count_of(*class) == labelled;
        let Some(class) = Sentiment::ALL.into_iter().find(is_all) else {
            return Ok(());
        };
        let labelled = format::plural(labelled, "review", "reviews");
        let message =
            format!("All labels are {class} ({labelled}), but a classifier needs both classes");
        let hint =
            "Check `[ingest.labels]` or `[ingest.rating]`, or use a source with both classes";
        Err(InputError::other(message, hint))
    }

    /// Fails if too few rows can be used. Labels are not checked.
    pub(crate) fn check_rows(
        &self,
        path: &Path,
        settings: &IngestSettings,
        question: impl Fn(&str) -> Option<String>,
    ) -> Result<()> {
        if self.rows() == 0 {
            return Err(InputError::empty(path, "no rows"));
        }
        if self.exceeds_reject_rate(settings.max_reject_rate) {
            let reasons = self.most_common_reasons();
            let (rejected, rows) = (self.excluded(false), self.rows());
            let verb = if rejected == 1 { "was" } else { "were" };
            let (rejected, rows) = (format::count(rejected), format::count(rows));
            let shown = reasons.iter().map(|it| match it.details.is_empty() {
                true => format!("{} ({})", it.describe(), format::count(it.rows)),
                false => it.describe(),
            });
            let (limit, shown) = (settings.max_reject_rate, shown.collect::<Vec<_>>());
            let message = format!(
                "{rejected} of {rows} rows {verb} rejected, more than `ingest.max_reject_rate` = {limit} allows; most common reasons: {}",
                shown.join("; ")
            );
            let hint = hint_for_rejected(&reasons, question);
            return Err(InputError::new(Problem::Rejected, message, hint));
        }
        if self.accepted() > 0 {
            return Ok(());
        }
        let path = path.display();
        let rows = format::plural(self.excluded(true), "row was", "rows were");
        let message = format!("No row of `{path}` was accepted: {rows} skipped");
        let hint = "Check `[ingest.rating]`: ratings within its dead zone are skipped";
        Err(InputError::other(message, hint))
    }

    fn rows(&self) -> u64 {
        self.accepted() + self.excluded(false) + self.excluded(true)
    }

    /// Whether the share of rejected rows is larger than allowed.
    pub(crate) fn exceeds_reject_rate(&self, max_reject_rate: f64) -> bool {
        self.excluded(false) as f64 > max_reject_rate * self.rows() as f64
    }

    /// The three most common reasons for rejection.
    fn most_common_reasons(&self) -> Vec<&ReasonCount> {
        let rejected = self.reasons.iter().filter(|it| !it.first.reason.skipped);
        let mut reasons: Vec<_> = rejected.collect();
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.rows));
        reasons.truncate(3);
        reasons
    }

    /// A summary in one line.
    pub(crate) fn summary(&self) -> String {
        let classes = Sentiment::ALL.map(|class| (self.count_of(class), class.as_str()));
        let others = [
            (self.unlabelled, "unlabelled"),
            (self.without_text, "without a text"),
            (self.excluded(false), "rejected"),
            (self.excluded(true), "skipped"),
        ];
        let kinds = classes.into_iter().chain(others).filter(|it| it.0 > 0);
        let kinds = kinds.map(|(rows, kind)| format!(", {} {kind}", format::count(rows)));
        let reviews = format::plural(self.accepted(), "review", "reviews");
        let repairs = Some(self.repairs).filter(|repairs| !repairs.is_empty());
        let repairs = repairs.map(|repairs| format!("; {repairs}"));
        reviews + &kinds.collect::<String>() + &repairs.unwrap_or_default()
    }
}

/// A hint for the reasons. Invalid UTF-8 in many rows means another encoding that the first bytes did not show.
/// Values that were not understood must be defined, and not tolerated.
fn hint_for_rejected(
    reasons: &[&ReasonCount],
    question: impl Fn(&str) -> Option<String>,
) -> String {
    let has_summary = |it: &ReasonCount, summary: &str| it.first.reason.summary == summary;
    if reasons.iter().any(|it| has_summary(it, NOT_IN_ENCODING)) {
        return "If the file has another encoding, set it, for example `--set ingest.encoding=windows-1252`".to_owned();
    }
    let most_common = reasons.first();
    let Some((role, reason)) = most_common.and_then(|it| Some((it.first.reason.role?, *it))) else {
        let what = match most_common.is_some_and(|it| has_summary(it, WRONG_WIDTH)) {
            true => {
                "Quote fields that contain the separator and remove lines above the header, or set the separator with \
                 `--set ingest.delimiter=CHARACTER`; if every line is a text, set `--set ingest.format=text`"
            }
            false => "Fix the rows or the `[ingest]` settings",
        };
        return format!(
            "{what}; to accept more rejected rows, raise `--set ingest.max_reject_rate=SHARE`"
        );
    };
    question(role).unwrap_or_else(|| {
        let key = match role {
            "timestamp" => "timestamp.missing",
            _ => "missing",
        };
        let values = reason.values();
        format!(
            "Fix the values; if they mean that there is no {role}, set `--set 'ingest.{key}={values}'`"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Reason;

    fn counts(
        classes: [u64; 2],
        unlabelled: u64,
        reasons: &[(&'static str, bool, u64)],
    ) -> RowCounts {
        let reasons = reasons.iter().map(|(summary, skipped, rows)| {
            let reason = Reason {
                skipped: *skipped,
                ..Reason::rejected(summary)
            };
            ReasonCount {
                first: ExcludedRow::file(String::new(), reason, b""),
                rows: *rows,
                details: BTreeMap::new(),
            }
        });
        RowCounts {
            by_class: classes,
            unlabelled,
            without_text: 0,
            reasons: reasons.collect(),
            repairs: Repairs::default(),
        }
    }

    #[test]
    fn unusable_sources_are_errors() {
        let check = |counts: RowCounts, expected: &str| {
            let found = counts.check(Path::new("x.csv"), &IngestSettings::default(), |_| None);
            assert_eq!(
                found.map_or_else(|error| error.to_string(), |()| "fine".to_owned()),
                expected
            );
        };
        check(counts([5, 5], 0, &[]), "fine");
        check(counts([0, 0], 7, &[]), "fine");
        check(counts([99, 100], 0, &[("bad", false, 1)]), "fine");
        check(counts([1, 1], 0, &[("neither", true, 50)]), "fine");
        check(counts([0, 0], 0, &[]), "`x.csv` has no rows");
        check(
            counts([0, 0], 0, &[("neither", true, 3)]),
            "No row of `x.csv` was accepted: 3 rows were skipped",
        );
        check(
            counts([0, 1200], 9, &[]),
            "All labels are positive (1,200 reviews), but a classifier needs both classes",
        );
        check(
            counts(
                [5, 5],
                0,
                &[
                    ("one", false, 1),
                    ("two", false, 2),
                    ("three", false, 3),
                    ("four", false, 4),
                ],
            ),
            "10 of 20 rows were rejected, more than `ingest.max_reject_rate` = 0.01 allows; \
             most common reasons: four (4); three (3); two (2)",
        );
    }

    #[test]
    fn the_summary_names_all_outcomes() {
        assert_eq!(
            counts([2, 1], 0, &[]).summary(),
            "3 reviews, 2 negative, 1 positive"
        );
        assert_eq!(
            counts([0, 1], 2000, &[("bad", false, 1), ("neither", true, 4)]).summary(),
            "2,001 reviews, 1 positive, 2,000 unlabelled, 1 rejected, 4 skipped"
        );
    }

    #[test]
    fn the_hint_is_about_the_values_that_were_not_understood() {
        let check = |role: &'static str, question: Option<&str>, expected: &str| {
            let mut counts = counts([1, 1], 0, &[]);
            for value in ["x", "y", "x"] {
                let reason = Reason::rejected("it is invalid").of(role, value);
                counts.exclude(&ExcludedRow::file(String::new(), reason, b""));
            }
            let question = |_: &str| question.map(str::to_owned);
            let error = counts.check(Path::new("x.csv"), &IngestSettings::default(), question);
            let error = error.expect_err("too many");
            let message = error.to_string();
            assert!(
                message.ends_with(": it is invalid: `x` (2 rows), `y` (1 row)"),
                "{message}"
            );
            assert_eq!(error.hint(), Some(expected));
        };
        let values = "Fix the values; if they mean that there is no";
        check(
            "rating",
            None,
            &format!("{values} rating, set `--set 'ingest.missing=[\"x\",\"y\"]'`"),
        );
        check(
            "timestamp",
            None,
            &format!("{values} timestamp, set `--set 'ingest.timestamp.missing=[\"x\",\"y\"]'`"),
        );
        check("label", Some("Define x and y"), "Define x and y");
    }

    #[test]
    fn a_rare_class_is_reported() {
        let check = |classes: [u64; 2], expected: Option<&str>| {
            let found = counts(classes, 0, &[]).imbalance();
            let start = |text: String| text.split(',').next().map(str::to_owned);
            assert_eq!(found.and_then(start).as_deref(), expected);
        };
        check([1, 300], Some("only 1 of 301 labels is negative"));
        check([300, 19], Some("only 19 of 319 labels are positive"));
        check([20, 20], None);
        check([0, 0], None);
    }
}
