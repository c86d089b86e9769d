//! Converts the errors of a trend to API errors. Their messages and hints are for clients, which do not know the
//! command line or the file names of the service.

use std::path::Path;

use artifact::Failure;
use axum::http::StatusCode;
use ingest::{InputError, Problem};
use quantification::QuantificationError;
use trend::{TrendError, UnknownErrorRates, UnusableReviews};

use crate::error::ApiError;

/// How a client sets the options of a trend.
struct Wording {
    /// How to name columns.
    columns: &'static str,
    /// How to name the column of the labels.
    label: &'static str,
    /// How to name the column of the times.
    timestamp: &'static str,
    /// How to use labelled reviews of the file.
    calibrate: &'static str,
    /// How to use fewer of them.
    calibrate_less: &'static str,
    /// How to select a topic.
    topic: &'static str,
    /// How to choose a longer period.
    period: &'static str,
    /// How to skip implausible times.
    skip_times: &'static str,
}

/// For clients of the API.
const API: Wording = Wording {
    columns: "Name the columns with `columns.text=NAME`, `columns.timestamp=NAME`, `columns.topic=NAME` and `columns.label=NAME` in the query string, or as members of `columns`; a number is a position from 1 unless it is in double quotes",
    label: "name the column of the labels: `columns.label=NAME`",
    timestamp: "`columns.timestamp=NAME` names their column",
    calibrate: "`calibrate_on=300`",
    calibrate_less: "Use a smaller number with `calibrate_on=N`",
    topic: "select a `topic`",
    period: "Use a longer `period`, such as `period=year`, or no `period`",
    skip_times: "Remove `keep_all_times`",
};

/// For the page of the service: the names of its fields.
const PAGE: Wording = Wording {
    columns: "Name the columns under “Options”, in the fields “Column of the text”, “Column of the time”, “Column of the topic” and “Column of the label”",
    label: "name the column of the labels in the field “Column of the label” under “Options”",
    timestamp: "the field “Column of the time” under “Options” names their column",
    calibrate: "the field “Number of labelled reviews” under “Options”, for example 300",
    calibrate_less: "Enter a smaller number in the field “Number of labelled reviews” under “Options”",
    topic: "enter a topic in the field “Topic” under “Options”",
    period: "Choose a longer period, or “automatic”, in the field “Period” under “Options”",
    skip_times: "Untick “Keep all times” under “Options”",
};

/// The longest period, as named in errors.
const YEAR: &str = "year";

/// Converts an error of reading or of the reviews; `file` is the path of the reviews on this machine. `for_page` if the
/// client is the page.
pub(super) fn refusal(refused: TrendError, file: &Path, for_page: bool) -> ApiError {
    let wording = if for_page { &PAGE } else { &API };
    match refused {
        TrendError::Reading(error) => read_error(error, file, wording),
        TrendError::UnusableReviews(unfit) => {
            let hint = hint(&unfit, wording);
            ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, unfit.to_string(), hint)
        }
        TrendError::TooMany { .. } => {
            let topic = wording.topic;
            let hint = format!(
                "Send fewer reviews, {topic}, start the service with a larger `--max-reviews`, or use `ressenti trend FILE`, which has no limit"
            );
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
                "Estimate the error rates from labelled reviews of the file with {}, or {other}",
                wording.calibrate
            );
            ApiError::new(StatusCode::CONFLICT, unjudged.to_string(), hint)
        }
        TrendError::Stopped => ApiError::model_failed("it was stopped"),
        TrendError::Failed(failure) => ApiError::model_failed(failure.chain().join(": ")),
    }
}

fn read_error(error: InputError, file: &Path, wording: &Wording) -> ApiError {
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
        Problem::Columns(_) | Problem::Rejected | Problem::Other => wording.columns,
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

fn hint(unfit: &UnusableReviews, wording: &Wording) -> String {
    let (calibrate, fewer) = (wording.calibrate, wording.calibrate_less);
    match unfit {
        UnusableReviews::NoTime { read: 0 } => {
            "Send at least one review with a text and a time".to_owned()
        }
        UnusableReviews::NoTime { .. }
        | UnusableReviews::NoTopic { .. }
        | UnusableReviews::NoText => wording.columns.to_owned(),
        UnusableReviews::TooFewLabelled { .. } => format!("{fewer}, or {}", wording.label),
        UnusableReviews::NothingLeft => format!("{fewer}, or send more reviews"),
        UnusableReviews::ErrorRates { error, .. } => match error {
            QuantificationError::Uninformative => {
                "Use another model: `ressenti serve --trend-model NAME`".to_owned()
            }
            _ => format!("Use a few hundred labelled reviews of both classes: {calibrate}"),
        },
        UnusableReviews::TooManyPeriods { period, .. } if *period == YEAR => format!(
            "{}, so that implausible times are skipped, or fix the times: {}",
            wording.skip_times, wording.timestamp
        ),
        UnusableReviews::TooManyPeriods { .. } => wording.period.to_owned(),
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
            let found = format!("{:?}", refusal(refused, file, false));
            assert!(
                found.contains(expected) && !found.contains("/proc"),
                "{found}"
            );
        }
        let no_time = TrendError::UnusableReviews(UnusableReviews::NoTime { read: 5 });
        let found = format!("{:?}", refusal(no_time, file, true));
        assert!(
            found.contains("“Column of the time”") && !found.contains("columns."),
            "{found}"
        );
    }
}
