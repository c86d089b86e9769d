//! `[ingest]`: where the reviews are and what their columns mean.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

/// Where the reviews are and what their columns mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IngestSettings {
    /// File, folder or pattern (`data/*.csv`) with the reviews, or a list of these. Relative to the pipeline file.
    // Not serialized, because the key of the step contains the content of the source instead of its path.
    #[serde(skip_serializing, deserialize_with = "one_or_many")]
    #[schemars(with = "OneOrMany")]
    pub source: Vec<PathBuf>,
    /// Address of the source, used if `source` is absent.
    #[serde(skip_serializing)]
    pub download: Option<Download>,
    /// Format of the source.
    pub format: SourceFormat,
    /// The first line of a CSV or TSV file contains the names of the columns. Detected if absent.
    pub header: Option<bool>,
    /// Field separator of a CSV or TSV file. Detected if absent.
    pub delimiter: Option<char>,
    /// Fields may be in double quotes. Detected if absent.
    pub quotes: Option<bool>,
    /// Character before a quote within a quoted field: `"` as in RFC 4180, or `\`. Detected if absent.
    pub escape: Option<char>,
    /// Array of a JSON file whose elements are the reviews, for example `reviews` or `hits.hits`. Detected if absent.
    pub record_path: Option<String>,
    /// Character encoding, for example `windows-1252`. Detected if absent.
    pub encoding: Option<String>,
    /// The role of each column.
    pub columns: Columns,
    /// Values of the label column.
    pub labels: LabelValues,
    /// How a rating becomes a label, for sources with ratings instead of labels.
    pub rating: Option<RatingRule>,
    /// Format of times.
    pub timestamp: TimestampSettings,
    /// Further values that mean that a value is missing, in every column. Empty values, `NA`, `N/A`, `NaN`, `NaT`,
    /// `NULL`, `None`, `\N`, `-` and `0000-00-00` always do.
    pub missing: Vec<String>,
    /// Topic of all reviews, for sources without a topic column.
    pub topic: Option<String>,
    /// Maximum fraction of rejected rows, 0 to 1. The stage fails if more rows are rejected.
    pub max_reject_rate: f64,
    /// Maximum length of a text in bytes, 8 MiB by default. Rows with longer texts are rejected.
    pub max_text_bytes: usize,
    /// Maximum size of a compressed file after decompression in bytes, 64 GiB by default. Larger files are refused,
    /// and so are files that decompress to more than 1,000 times their size.
    pub max_decompressed_bytes: u64,
}

impl Default for IngestSettings {
    fn default() -> Self {
        Self {
            source: Vec::new(),
            download: None,
            format: SourceFormat::Auto,
            header: None,
            delimiter: None,
            quotes: None,
            escape: None,
            record_path: None,
            encoding: None,
            columns: Columns::default(),
            labels: LabelValues::default(),
            rating: None,
            timestamp: TimestampSettings::default(),
            missing: Vec::new(),
            topic: None,
            max_reject_rate: 0.01,
            max_text_bytes: 8 << 20,
            max_decompressed_bytes: 64 << 30,
        }
    }
}

/// A path or a list of paths.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum OneOrMany {
    One(PathBuf),
    Many(Vec<PathBuf>),
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(path) => vec![path],
        OneOrMany::Many(paths) => paths,
    })
}

/// A file to download, pinned by its digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Download {
    /// Address of the file.
    pub url: String,
    /// SHA-256 digest of the file, 64 hexadecimal digits.
    pub sha256: String,
}

/// Format of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SourceFormat {
    /// Detected from the source.
    Auto,
    /// The aclImdb folder or its archive.
    Aclimdb,
    /// Comma-separated values, quoted as in RFC 4180.
    Csv,
    /// Tab-separated values without quotes.
    Tsv,
    /// JSON objects, one per line or in one array.
    Jsonl,
    /// Plain text, one review per line.
    Text,
    /// A Parquet file.
    Parquet,
}

/// A column: its name or its position. The first column is 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Column {
    /// Position of the column. The first column is 1.
    Position(usize),
    /// Name of the column in the header.
    Name(String),
}

/// The role of each column, by name or position (the first column is 1). Without `text`, the roles of all columns
/// that are not listed here are detected. With `text`, only the listed columns are read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Columns {
    /// Text of the review.
    pub text: Option<Column>,
    /// Label of the review, see `[ingest.labels]`.
    pub label: Option<Column>,
    /// Rating: a number, or a text such as `4 of 5`, `4/5` or `4 stars`; see `[ingest.rating]`.
    pub rating: Option<Column>,
    /// Split in the source: `train` or `test`.
    pub split: Option<Column>,
    /// Group of the review, for example the film. All reviews of a group are in the same split.
    pub group: Option<Column>,
    /// Topic of the review.
    pub topic: Option<Column>,
    /// Time of the review: a date with or without a time of day, a month, or seconds since 1970 (for times from
    /// 1990 to 2100). See `[ingest.timestamp]`.
    pub timestamp: Option<Column>,
    /// Id of the review in the source. It is copied to the `source` column.
    pub id: Option<Column>,
}

/// Values of the label column. Upper and lower case are the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LabelValues {
    /// Values that mean positive.
    pub positive: Vec<String>,
    /// Values that mean negative.
    pub negative: Vec<String>,
    /// Values of reviews without a label.
    pub unlabelled: Vec<String>,
}

impl Default for LabelValues {
    fn default() -> Self {
        let list = |values: &str| values.split(", ").map(str::to_owned).collect();
        Self {
            positive: list(
                "positive, pos, 1, 1.0, true, good, yes, fresh, recommended, __label__2",
            ),
            negative: list(
                "negative, neg, 0, 0.0, false, bad, no, rotten, not_recommended, not recommended, __label__1",
            ),
            unlabelled: ["", "none", "unsup"].map(str::to_owned).to_vec(),
        }
    }
}

impl LabelValues {
    /// Whether the meaning of a value is known.
    pub fn contains(&self, value: &str) -> bool {
        let lower = value.trim().to_lowercase();
        let all = [&self.positive, &self.negative, &self.unlabelled];
        let mut all = all.into_iter().flatten();
        all.any(|known| known.trim().to_lowercase() == lower)
    }
}

/// Format of times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TimestampSettings {
    /// Format of times, as for `strftime`, for example `%m/%d/%Y`. Common formats are detected.
    pub format: Option<String>,
    /// Time zone of times without a zone, a name of the IANA database. Default: UTC. Dates without a time of day
    /// are not shifted; they are stored as midnight UTC.
    pub zone: Option<String>,
    /// Further values that mean that the time is missing, for example a placeholder date.
    pub missing: Vec<String>,
}

/// How a rating becomes a label: above `centre` it is positive, below it is negative. Ratings within `dead_zone`
/// of the centre are neutral; such reviews are skipped and counted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RatingRule {
    /// The neutral rating.
    pub centre: f64,
    /// Half the width of the neutral zone; with 0 only the centre is neutral.
    #[serde(default)]
    pub dead_zone: f64,
}
