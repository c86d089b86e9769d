//! Counts accepted, rejected and skipped rows, and checks that enough of them can be used.

use std::path::Path;

use artifact::{Sentiment, format};
use settings::IngestSettings;
use tables::{InputError, Problem, Repairs, Result};

use crate::row::{ExcludedRow, NOT_IN_ENCODING};

/// Numbers of accepted, rejected and skipped rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowCounts {
    /// Accepted rows by class id.
    by_class: [u64; Sentiment::ALL.len()],
    /// Accepted rows without a label.
    pub(crate) unlabelled: u64,
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

    /// Fails if too few rows can be used, or if they do not contain both classes.
    pub(crate) fn check(&self, path: &Path, settings: &IngestSettings) -> Result<()> {
        self.check_rows(path, settings)?;
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
    pub(crate) fn check_rows(&self, path: &Path, settings: &IngestSettings) -> Result<()> {
        if self.rows() == 0 {
            return Err(InputError::empty(path, "no rows"));
        }
        if self.exceeds_reject_rate(settings.max_reject_rate) {
            let reasons = self.most_common_reasons();
            let (rejected, rows) = (self.excluded(false), self.rows());
            let verb = if rejected == 1 { "was" } else { "were" };
            let (rejected, rows) = (format::count(rejected), format::count(rows));
            let shown = reasons.iter();
            let shown = shown.map(|(reason, rows)| format!("{reason} ({})", format::count(*rows)));
            return Err(InputError::new(
                Problem::Rejected,
                format!(
                    "{rejected} of {rows} rows {verb} rejected, more than `ingest.max_reject_rate` = {} allows; most common reasons: {}",
                    settings.max_reject_rate,
                    shown.collect::<Vec<_>>().join("; ")
                ),
                hint_for_rejected(&reasons),
            ));
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

    /// The three most common reasons for rejection, with the details of their first row.
    fn most_common_reasons(&self) -> Vec<(String, u64)> {
        let rejected = self.reasons.iter().filter(|it| !it.first.reason.skipped);
        let reasons = rejected.map(|count| (count.first.reason.to_string(), count.rows));
        let mut reasons: Vec<_> = reasons.collect();
        reasons.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
        reasons.truncate(3);
        reasons
    }

    /// A summary in one line.
    pub(crate) fn summary(&self) -> String {
        let classes = Sentiment::ALL.map(|class| (self.count_of(class), class.as_str()));
        let others = [
            (self.unlabelled, "unlabelled"),
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
fn hint_for_rejected(reasons: &[(String, u64)]) -> String {
    let has = |reason: &(String, u64), what| reason.0.contains(what);
    let what = if reasons.iter().any(|it| has(it, NOT_IN_ENCODING)) {
        "If the file has another encoding, set it, for example `--set ingest.encoding=windows-1252`"
    } else if reasons.iter().all(|it| has(it, "`ingest.labels`")) {
        "Fix the rows, or define the values with `--set 'ingest.labels.positive=[\"VALUE\"]'` and \
         likewise for `negative` and `none`"
    } else if reasons
        .first()
        .is_some_and(|it| has(it, "another number of columns"))
    {
        "Quote fields that contain the separator and remove lines above the header, or set the separator with \
         `--set ingest.delimiter=CHARACTER`; if every line is a text, set `--set ingest.format=text`"
    } else {
        "Fix the rows or the `[ingest]` settings"
    };
    format!("{what}; to accept more rejected rows, raise `--set ingest.max_reject_rate=SHARE`")
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
            repairs: Repairs::default(),
        }
    }

    #[test]
    fn unusable_sources_are_errors() {
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
}
