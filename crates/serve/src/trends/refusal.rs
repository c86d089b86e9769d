//! From why there is no trend to a status, what is wrong, and what to do: in the words of the client, which knows
//! no command line and none of our files.

use std::path::Path;

use artifact::{Failure, format};
use axum::http::StatusCode;
use ingest::{InputError, Problem};
use quantification::QuantificationError;
use trend::{TrendError, UnknownErrorRates, UnusableReviews};

use crate::error::ApiError;
use crate::limits::Limits;

/// How a column is named.
const COLUMNS: &str = "Name the columns with `columns.text=NAME`, `columns.timestamp=NAME`, `columns.topic=NAME` and `columns.label=NAME` in the address, or as members of `columns`; a number is a position from 1, unless it stands in double quotes";

/// The longest period, as errors name it: there is no longer one to ask for.
const YEAR: &str = "year";

/// The answer where there is no trend; `file` is what the reviews were called here.
pub(super) fn refusal(refused: TrendError, file: &Path, limits: &Limits) -> ApiError {
    match refused {
        TrendError::Reading(error) => reading(error, file),
        TrendError::UnusableReviews(unfit) => {
            let hint = hint(&unfit);
            ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, unfit.to_string(), hint)
        }
        TrendError::TooMany { max_reviews } => ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!(
                "There are more than {} reviews with a time",
                format::count(max_reviews)
            ),
            "Send fewer, name a `topic`, start the service with a larger `--max-reviews`, or take `ressenti trend FILE`, which has no limit",
        ),
        TrendError::UnknownErrorRates(unjudged) => {
            let other = match &unjudged {
                UnknownErrorRates::BundleOnly => {
                    "serve the model by its name: `ressenti serve --model NAME` in the folder of its pipeline file".to_owned()
                }
                UnknownErrorRates::NotEvaluated { model } | UnknownErrorRates::Retrained { model } => {
                    format!("judge it: `ressenti run --variant {model}`")
                }
            };
            let hint =
                format!("Let labelled reviews among them say it with `adapt=300`, or {other}");
            ApiError::new(StatusCode::CONFLICT, unjudged.to_string(), hint)
        }
        TrendError::Stopped => ApiError::trend_timed_out(limits.trend_timeout),
        TrendError::Failed(failure) => ApiError::model_failed(failure.chain().join(": ")),
    }
}

fn reading(error: InputError, file: &Path) -> ApiError {
    let unfit = StatusCode::UNPROCESSABLE_ENTITY;
    let (status, hint) = match &error.problem {
        Problem::TooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "Send fewer reviews, start the service with a larger `--max-trend-body`, or take `ressenti trend FILE`",
        ),
        Problem::CompressionBomb => (StatusCode::PAYLOAD_TOO_LARGE, "Make the file once more"),
        Problem::Damaged => (StatusCode::BAD_REQUEST, "Make the file once more"),
        Problem::WrongFormat => (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Send CSV, JSON or Parquet, plain or packed with gzip, zstd or zip",
        ),
        Problem::Io => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "Look at what the service printed; `ressenti doctor` examines the machine",
        ),
        Problem::Archive => (
            unfit,
            "Send one file, packed by itself or not: the rows of several belong into one",
        ),
        Problem::FirstRow => (
            unfit,
            "Fix the start of the file: a header such as `text,date` and rows of one review each, of 1 MiB at most",
        ),
        Problem::Empty => (
            unfit,
            "Send reviews with a text and a time, for example the lines `text,date` and `Great.,2024-05-01`",
        ),
        Problem::OpenQuote => (unfit, "Close the quote"),
        Problem::Columns(_) | Problem::Rejected | Problem::Other => (unfit, COLUMNS),
    };
    let hint = match &error.problem {
        Problem::Columns(known) => {
            let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            format!("The columns are {}. {hint}", known.join(", "))
        }
        Problem::Rejected => format!("Fix these rows. {hint}"),
        _ => hint.to_owned(),
    };
    let problem = Failure::from_error(error).chain().join(": ");
    ApiError::new(status, without_name(&problem, file), hint)
}

/// A sentence about a file whose name here the client does not know.
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
            "Ask for fewer with `adapt=N`, or name the column with the labels: `columns.label=NAME`"
        }
        UnusableReviews::NothingLeft => "Ask for fewer with `adapt=N`, or send more reviews",
        UnusableReviews::ErrorRates { error, .. } => match error {
            QuantificationError::Uninformative => {
                "Another model may do better: serve it with `ressenti serve --model NAME`"
            }
            _ => "A few hundred labelled reviews of both classes are wanted: `adapt=300`",
        },
        UnusableReviews::TooManyPeriods { period, .. } if *period == YEAR => {
            "Leave `keep_all_times` out, so that strange times are left out, or mend the times: `columns.timestamp=NAME` names their column"
        }
        UnusableReviews::TooManyPeriods { .. } => {
            "Ask for a longer `period`, such as `period=year`, or for none"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_hint_names_what_was_done_already() {
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
        for (refused, said) in [
            (periods("day"), "`period=year`"),
            (periods("year"), "Leave `keep_all_times` out"),
            (
                TrendError::UnusableReviews(UnusableReviews::NoTime { read: 0 }),
                "at least one",
            ),
            (
                TrendError::Reading(archive),
                "the rows of several belong into one",
            ),
            (TrendError::Reading(nothing), "`text,date`"),
        ] {
            let found = format!("{:?}", refusal(refused, file, &Limits::default()));
            assert!(found.contains(said) && !found.contains("/proc"), "{found}");
        }
    }
}
