//! `[ingest]`: where the reviews are and what their columns mean.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize};

/// `[ingest]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IngestSettings {
    /// The file or folder with the reviews, a pattern, or a list of these, relative to the pipeline
    /// file. Not part of the step's settings: the content of the source is an input of its own.
    #[serde(skip_serializing, deserialize_with = "one_or_many")]
    pub source: Vec<PathBuf>,
    /// Where to get the source when no path is given.
    #[serde(skip_serializing)]
    pub download: Option<Download>,
    /// How to read it.
    pub format: SourceFormat,
    /// Whether the first line of a CSV or TSV file names the columns; found by itself where nothing
    /// is said.
    pub header: Option<bool>,
    /// Field separator of a file of text; found by itself where nothing is said.
    pub delimiter: Option<char>,
    /// Whether fields may stand in double quotes; found by itself where nothing is said.
    pub quotes: Option<bool>,
    /// Character encoding by its name, as `windows-1252`; found by itself where nothing is said.
    pub encoding: Option<String>,
    /// Which column is what.
    pub columns: Columns,
    /// What stands for which label in the label column.
    pub labels: LabelValues,
    /// How a rating becomes a label, for sources that have ratings only.
    pub rating: Option<RatingRule>,
    /// How times are written.
    pub timestamp: TimestampSettings,
    /// A topic for every row, where no column says it.
    pub topic: Option<String>,
    /// Share of rows, 0 to 1, that may be rejected before the stage fails.
    pub max_reject_rate: f64,
    /// A longer text is rejected (bytes).
    pub max_text_bytes: usize,
    /// A packed file that unpacks to more is refused (bytes); as is one that unpacks to more than a
    /// thousand times its size.
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
            encoding: None,
            columns: Columns::default(),
            labels: LabelValues::default(),
            rating: None,
            timestamp: TimestampSettings::default(),
            topic: None,
            max_reject_rate: 0.01,
            max_text_bytes: 8 << 20,
            max_decompressed_bytes: 64 << 30,
        }
    }
}

/// Reads a path or a list of paths.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a path, or a list of paths")]
    enum OneOrMany {
        One(PathBuf),
        Many(Vec<PathBuf>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(path) => vec![path],
        OneOrMany::Many(paths) => paths,
    })
}

/// `[ingest.download]`: a file on the internet, pinned by its content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Download {
    /// Its address.
    pub url: String,
    /// SHA-256 of its content, 64 hex digits.
    pub sha256: String,
}

/// The forms of source that ingest reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceFormat {
    /// Told by the source itself.
    Auto,
    /// The aclImdb folder, or its archive.
    Aclimdb,
    /// Comma-separated, quoted as in RFC 4180.
    Csv,
    /// Tab-separated, without quoting.
    Tsv,
    /// JSON objects, one per line or all in one array.
    Jsonl,
    /// A Parquet table.
    Parquet,
}

/// A column by its name or its position from 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Column {
    /// Position from 1.
    Position(usize),
    /// Name in the header.
    Name(String),
}

/// `[ingest.columns]`. With no text given, every column that is not named finds its role by itself;
/// with a text given, only those named have one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Columns {
    /// The review itself.
    pub text: Option<Column>,
    /// Its label, see `[ingest.labels]`.
    pub label: Option<Column>,
    /// A number that says how good.
    pub rating: Option<Column>,
    /// The source's own split: `train` or `test`.
    pub split: Option<Column>,
    /// What must not stand on both sides of a split, for example the film.
    pub group: Option<Column>,
    /// What the review is about.
    pub topic: Option<Column>,
    /// When it was written: `YYYY-MM-DD`, RFC 3339, or seconds since 1970 from 1990 up to 2100.
    pub timestamp: Option<Column>,
    /// The source's own id of a row; kept in the `source` column.
    pub id: Option<Column>,
}

/// `[ingest.labels]`: the values of the label column, compared without regard to case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LabelValues {
    /// Values that mean positive.
    pub positive: Vec<String>,
    /// Values that mean negative.
    pub negative: Vec<String>,
    /// Values that mean that the row has no label.
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
    /// Whether a value stands for a label or for none.
    pub fn contains(&self, value: &str) -> bool {
        let lower = value.trim().to_lowercase();
        [&self.positive, &self.negative, &self.unlabelled]
            .into_iter()
            .flatten()
            .any(|known| known.trim().to_lowercase() == lower)
    }
}

/// `[ingest.timestamp]`: how times are written, where that is not plain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimestampSettings {
    /// A form as `strftime` has it, for example `%m/%d/%Y`; several usual ones are known without.
    pub format: Option<String>,
    /// The zone of times that do not say theirs, by its name in the IANA database; UTC otherwise. A
    /// date without a time of day is that day whatever the zone, and kept as its midnight UTC.
    pub zone: Option<String>,
    /// Values that stand for no time, for example a placeholder date.
    pub missing: Vec<String>,
}

/// `[ingest.rating]`: the label is the sign of `rating - centre`; ratings within `dead_zone` of the
/// centre say neither and are set aside and counted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RatingRule {
    /// The rating that is neither good nor bad.
    pub centre: f64,
    /// Half the width of the zone that is set aside; 0 sets aside only the centre itself.
    #[serde(default)]
    pub dead_zone: f64,
}
