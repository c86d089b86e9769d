//! Converts the errors of a trend to API errors. Their messages and hints are for clients, which do not know the
//! command line or the file names of the service.

use std::path::Path;

use artifact::Failure;
use axum::http::StatusCode;
use ingest::{InputError, Problem};
use quantification::QuantificationError;
use trend::{TrendError, UnknownErrorRates, UnusableReviews};

use crate::error::ApiError;
use crate::limits::Limits;

/// How to name columns.
const COLUMNS: &str = "Name the columns with `columns.text=NAME`, `columns.timestamp=NAME`, `columns.topic=NAME` and `columns.label=NAME` in the query string, or as members of `columns`; a number is a position from 1 unless it is in double quotes";

/// The longest period, as named in errors.
const YEAR: &str = "year";

/// Converts an error; `file` is the path of the reviews on this machine.
pub(super) fn refusal(refused: TrendError, file: &Path, limits: &Limits) -> ApiError {
    match refused {
        TrendError::Reading(error) => read_error(error, file),
        TrendError::UnusableReviews(unfit) => {
            let hint = hint(&unfit);
            ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, unfit.to_string(), hint)
        }
        TrendError::TooMany { .. } => {
            let hint = "Send fewer reviews, select a `topic`, start the service with a larger `--max-reviews`, or use `ressenti trend FILE`, which has no limit";
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, refused.to_string(), hint)
        }
        TrendError::UnknownErrorRates(unjudged) => {
            let other = match &unjudged {
                UnknownErrorRates::BundleOnly => {
                    "serve the model by its name: `ressenti serve --model NAME` in the folder of its pipeline file".to_owned()
                }
                UnknownErrorRates::NotEvaluated { model } | UnknownErrorRates::Retrained { model } => {
                    format!("evaluate it: `ressenti run --model {model}`")
                }
            };
            let hint = format!(
                "Estimate the error rates from labelled reviews of the file with `calibrate_on=300`, or {other}"
            );
            ApiError::new(StatusCode::CONFLICT, unjudged.to_string(), hint)
        }
        TrendError::Stopped => ApiError::trend_timed_out(limits.trend_timeout),
        TrendError::Failed(failure) => ApiError::model_failed(failure.chain().join(": ")),
    }
}

fn read_error(error: InputError, file: &Path) -> ApiError {
    let status = match &error.problem {
        Problem::TooLarge | Problem::CompressionBomb => StatusCode::PAYLOAD_TOO_LARGE,
        Problem::Damaged => StatusCode::BAD_REQUEST,
        Problem::WrongFormat => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Problem::Io => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let hint = match &error.problem {
        Problem::TooLarge => {
            "Send fewer reviews, start the service with a larger `--max-trend-body`, or use `ressenti trend FILE`"
        }
        Problem::CompressionBomb => "Create the file again, or send it uncompressed",
        Problem::Damaged => "Create the file again",
        Problem::WrongFormat => {
            "Send CSV, JSON or Parquet; the file may be compressed with gzip, zstd or zip"
        }
        Problem::Io => "See the output of the service; `ressenti doctor` checks the machine",
        Problem::Archive => "Send one file, compressed or not: join the rows of several files",
        Problem::FirstRow => {
            "Fix the start of the file: a header such as `text,date`, and one review of at most 1 MiB per row"
        }
        Problem::Empty => {
            "Send reviews with a text and a time, for example the lines `text,date` and `Great.,2024-05-01`"
        }
        Problem::OpenQuote => "Close the quote",
        Problem::Columns(_) | Problem::Rejected | Problem::Other => COLUMNS,
    };
    let hint = match &error.problem {
        Problem::Columns(known) => {
            let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            format!("The columns are {}. {hint}", known.join(", "))
        }
        Problem::Rejected => format!("Fix these rows, or name other columns. {hint}"),
        _ => hint.to_owned(),
    };
    let problem = Failure::from_error(error).chain().join(": ");
    ApiError::new(status, without_name(&problem, file), hint)
}

/// Replaces the path of the file, which the client does not know, by "the file".
fn without_name(sentence: &str, file: &Path) -> String {
    let sentence = sentence.replace(&format!("`{}`", file.display()), "the file");
    match sentence.strip_prefix("the file") {
        Some(rest) => format!("The file{rest}"),
        None => sentence,
    }
}

fn hint(unfit: &UnusableReviews) -> &'static str {
    match unfit {
        UnusableReviews::NoTime { read: 0 } => "Send at least one review with a text and a time",
        UnusableReviews::NoTime { .. }
        | UnusableReviews::NoTopic { .. }
        | UnusableReviews::NoText => COLUMNS,
        UnusableReviews::TooFewLabelled { .. } => {
            "Use a smaller number with `calibrate_on=N`, or name the column of the labels: `columns.label=NAME`"
        }
        UnusableReviews::NothingLeft => {
            "Use a smaller number with `calibrate_on=N`, or send more reviews"
        }
        UnusableReviews::ErrorRates { error, .. } => match error {
            QuantificationError::Uninformative => {
                "Use another model: `ressenti serve --model NAME` serves it"
            }
            _ => "Use a few hundred labelled reviews of both classes: `calibrate_on=300`",
        },
        UnusableReviews::TooManyPeriods { period, .. } if *period == YEAR => {
            "Remove `keep_all_times`, so that implausible times are skipped, or fix the times: `columns.timestamp=NAME` names their column"
        }
        UnusableReviews::TooManyPeriods { .. } => {
            "Use a longer `period`, such as `period=year`, or no `period`"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_do_not_repeat_what_the_client_already_does() {
        let file = Path::new("/proc/self/fd/9");
        let periods = |period| {
            TrendError::UnusableReviews(UnusableReviews::TooManyPeriods {
                period,
                count: 9_000,
            })
        };
        let archive = InputError::new(
            Problem::Archive,
            format!("`{}` cannot be read: it has several files", file.display()),
            "Unpack it",
        );
        let nothing = InputError::empty(file, "a header and no rows");
        for (refused, expected) in [
            (periods("day"), "`period=year`"),
            (periods("year"), "Remove `keep_all_times`"),
            (
                TrendError::UnusableReviews(UnusableReviews::NoTime { read: 0 }),
                "at least one",
            ),
            (
                TrendError::Reading(archive),
                "join the rows of several files",
            ),
            (TrendError::Reading(nothing), "`text,date`"),
        ] {
            let found = format!("{:?}", refusal(refused, file, &Limits::default()));
            assert!(
                found.contains(expected) && !found.contains("/proc"),
                "{found}"
            );
        }
    }
}
