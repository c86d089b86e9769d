//! What became of the rows of a source, and whether it is good enough to go on with.

use std::path::Path;

use artifact::{Sentiment, format};
use settings::IngestSettings;
use tables::{InputError, Problem};

use crate::row::{ExcludedRow, NOT_UTF_8};

/// Counts of rows by what became of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowCounts {
    /// Accepted rows by class id.
    by_class: [u64; Sentiment::ALL.len()],
    /// Accepted rows without a label.
    pub(crate) unlabelled: u64,
    /// Why rows were left out, in the order in which the reasons came up.
    pub(crate) reasons: Vec<ReasonCount>,
}

/// Rows left out for one reason.
#[derive(Clone, Debug)]
pub(crate) struct ReasonCount {
    /// The first of them.
    pub(crate) first: ExcludedRow,
    pub(crate) rows: u64,
}

impl RowCounts {
    pub(crate) fn accept(&mut self, label: Option<Sentiment>) {
        match label {
            Some(class) => self.by_class[usize::from(class.id())] += 1,
            None => self.unlabelled += 1,
        }
    }

    pub(crate) fn exclude(&mut self, row: &ExcludedRow) {
        let same = |count: &&mut ReasonCount| count.first.reason.summary == row.reason.summary;
        match self.reasons.iter_mut().find(same) {
            Some(count) => count.rows += 1,
            None => self.reasons.push(ReasonCount {
                first: row.clone(),
                rows: 1,
            }),
        }
    }

    /// Accepted rows of a class.
    pub(crate) fn count_of(&self, class: Sentiment) -> u64 {
        self.by_class[usize::from(class.id())]
    }

    /// Rows that were left out because a setting excludes them, or because of a fault.
    fn excluded(&self, skipped: bool) -> u64 {
        self.reasons
            .iter()
            .filter(|count| count.first.reason.skipped == skipped)
            .map(|count| count.rows)
            .sum()
    }

    /// Rows among the reviews.
    pub(crate) fn accepted(&self) -> u64 {
        self.by_class.iter().sum::<u64>() + self.unlabelled
    }

    /// Fails where the rows cannot be what the user meant, or where no classifier can be trained on them.
    pub(crate) fn check(&self, path: &Path, settings: &IngestSettings) -> Result<(), InputError> {
        self.check_rows(path, settings)?;
        let labelled: u64 = self.by_class.iter().sum();
        let is_all = |class: &Sentiment| labelled > 0 && self.count_of(*class) == labelled;
        let Some(class) = Sentiment::ALL.into_iter().find(is_all) else {
            return Ok(());
        };
        let labelled = format::count(labelled);
        Err(InputError::other(
            format!(
                "All {labelled} labelled reviews are {class}: a classifier cannot be trained on one class"
            ),
            "Check `[ingest.labels]` or `[ingest.rating]`, or take a source with both classes",
        ))
    }

    /// Fails where the rows cannot be what the user meant, whatever their labels.
    pub(crate) fn check_rows(
        &self,
        path: &Path,
        settings: &IngestSettings,
    ) -> Result<(), InputError> {
        if self.rows() == 0 {
            return Err(InputError::empty(path, "no rows"));
        }
        if self.exceeds_reject_rate(settings.max_reject_rate) {
            let reasons = self.format_most_common();
            let (rejected, rows) = (self.excluded(false), self.rows());
            let (rejected, rows) = (format::count(rejected), format::count(rows));
            let shown = reasons.iter();
            let shown = shown.map(|(reason, rows)| format!("{reason} ({})", format::count(*rows)));
            return Err(InputError::new(
                Problem::Rejected,
                format!(
                    "{rejected} of {rows} rows were rejected, more than `ingest.max_reject_rate` = {} allows; the commonest reasons: {}",
                    settings.max_reject_rate,
                    shown.collect::<Vec<_>>().join("; ")
                ),
                hint_for_rejected(&reasons),
            ));
        }
        if self.accepted() > 0 {
            return Ok(());
        }
        let (path, rows) = (
            path.display(),
            format::plural(self.excluded(true), "row", "rows"),
        );
        Err(InputError::other(
            format!("No review of `{path}` was accepted; {rows} were set aside"),
            "Check `[ingest.rating]`: its dead zone sets rows aside",
        ))
    }

    fn rows(&self) -> u64 {
        self.accepted() + self.excluded(false) + self.excluded(true)
    }

    /// Whether more than this share of the rows were rejected.
    pub(crate) fn exceeds_reject_rate(&self, max_reject_rate: f64) -> bool {
        self.excluded(false) as f64 > max_reject_rate * self.rows() as f64
    }

    /// The three commonest reasons for rejection, each as its first row has it.
    fn format_most_common(&self) -> Vec<(String, u64)> {
        let rejected = self.reasons.iter().filter(|it| !it.first.reason.skipped);
        let mut reasons: Vec<_> = rejected
            .map(|count| (count.first.reason.to_string(), count.rows))
            .collect();
        reasons.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
        reasons.truncate(3);
        reasons
    }

    /// One line for the screen.
    pub(crate) fn summary(&self) -> String {
        let classes = Sentiment::ALL.map(|class| (self.count_of(class), class.as_str()));
        let others = [
            (self.unlabelled, "unlabelled"),
            (self.excluded(false), "rejected"),
            (self.excluded(true), "set aside"),
        ];
        let kinds = classes.into_iter().chain(others).filter(|it| it.0 > 0);
        let kinds = kinds.map(|(rows, kind)| format!(", {} {kind}", format::count(rows)));
        let reviews = format::plural(self.accepted(), "review", "reviews");
        reviews + &kinds.collect::<String>()
    }
}

/// Text that is no UTF-8 in many rows is in another encoding, which the start of the file did not
/// tell.
fn hint_for_rejected(reasons: &[(String, u64)]) -> String {
    let has = |reason: &(String, u64), what| reason.0.contains(what);
    let what = if reasons.iter().any(|it| has(it, NOT_UTF_8)) {
        "If the file is in another encoding, name it, for example with `--set ingest.encoding=windows-1252`"
    } else if reasons.iter().all(|it| has(it, "`ingest.labels`")) {
        "Fix the rows, or say what the values mean with `--set 'ingest.labels.positive=[\"VALUE\"]'`, and so for \
         `negative` and `none`"
    } else {
        "Fix the rows or the `[ingest]` settings"
    };
    format!("{what}; to leave such rows out, raise `--set ingest.max_reject_rate=SHARE`")
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
        let reasons = reasons.iter().map(|(summary, skipped, rows)| ReasonCount {
            first: ExcludedRow::file(
                String::new(),
                Reason {
                    skipped: *skipped,
                    summary,
                    detail: None,
                },
                b"",
            ),
            rows: *rows,
        });
        RowCounts {
            by_class: classes,
            unlabelled,
            reasons: reasons.collect(),
        }
    }

    #[test]
    fn what_cannot_be_meant_is_an_error() {
        let check = |counts: RowCounts, expected: &str| {
            let found = counts.check(Path::new("x.csv"), &IngestSettings::default());
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
            "No review of `x.csv` was accepted; 3 rows were set aside",
        );
        check(
            counts([0, 1200], 9, &[]),
            "All 1,200 labelled reviews are positive: a classifier cannot be trained on one class",
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
             the commonest reasons: four (4); three (3); two (2)",
        );
    }

    #[test]
    fn summary_names_what_is_there() {
        assert_eq!(
            counts([2, 1], 0, &[]).summary(),
            "3 reviews, 2 negative, 1 positive"
        );
        assert_eq!(
            counts([0, 1], 2000, &[("bad", false, 1), ("neither", true, 4)]).summary(),
            "2,001 reviews, 1 positive, 2,000 unlabelled, 1 rejected, 4 set aside"
        );
    }
}
