//! Detects the roles of columns that the settings do not name, from their names and values. Every decision is
//! printed with its reason and can be overridden. An ambiguous column gets no role but a note with the setting
//! that resolves it.

mod column_names;
mod day_order;
mod groups;
mod labels;
mod notes;
mod scale;

use artifact::format;
use settings::IngestSettings;

use super::column_sample::{ColumnSample, MOST, RatingRange};
use super::columns::{ColumnMap, Role};
use super::timestamp::TimestampParser;
use super::values::parse_number;

pub(super) use column_names::is_column_name;
pub(super) use labels::has_rating_numbers;
pub(crate) use notes::Note;
pub(crate) use scale::Scale;

use column_names::NameMatch;
use day_order::DayOrder;

/// The order in which roles are assigned.
const DETECTION_ORDER: [Role; 8] = {
    use Role::{Group, Id, Label, Rating, Split, Text, Timestamp, Topic};
    [Label, Timestamp, Split, Text, Rating, Group, Topic, Id]
};

/// The detected roles of a file's columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Roles {
    pub(crate) map: ColumnMap,
    /// The decisions with their reasons, in the order of the columns.
    pub(crate) reasons: Vec<Decision>,
    /// The rating scale, if labels come from ratings and no setting defines the scale.
    pub(crate) rating: Option<Scale>,
    /// The highest possible rating, if the ratings state it.
    pub(super) out_of: Option<f64>,
    /// The date format, if it was detected from the values and no setting defines it.
    pub(crate) date_format: Option<String>,
    /// Questions that the user has to decide.
    pub(crate) notes: Vec<Note>,
}

impl Roles {
    fn set(&mut self, role: Role, column: usize, reason: String) {
        self.map.set(role, column);
        self.reasons.push(Decision {
            role,
            column,
            reason,
            is_set: false,
        });
    }
}

/// The role of a column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decision {
    pub(crate) role: Role,
    /// Index from 0.
    pub(crate) column: usize,
    pub(crate) reason: String,
    /// Whether a setting names the column; otherwise it was detected.
    pub(crate) is_set: bool,
}

/// Detects the roles of columns. `column_names` is empty for a file without a header. Columns in `named` have a role
/// from the settings and get no other; if they include the text, no other roles are detected. `is_whole` states whether
/// the columns contain all rows of the file. Returns `None` if no column can be the text.
pub(super) fn detect(
    column_names: &[String],
    columns: &[ColumnSample],
    is_whole: bool,
    named: &ColumnMap,
    settings: &IngestSettings,
) -> Option<Roles> {
    let detector = RoleDetector {
        column_names,
        columns,
        is_whole,
        named,
        settings,
        // An invalid setting is reported when rows are read.
        times: TimestampParser::new(&settings.timestamp, None).unwrap_or_default(),
    };
    let set = |role: Role| {
        Some(Decision {
            role,
            column: named.get(role)?,
            reason: format!("set by `ingest.columns.{}`", role.as_str()),
            is_set: true,
        })
    };
    let mut roles = Roles {
        map: named.clone(),
        reasons: Role::all().filter_map(set).collect(),
        ..Roles::default()
    };
    if named.get(Role::Text).is_none() {
        detector.assign(&mut roles)?;
    }
    roles.rating = detector.detect_scale(&roles.map);
    let rating = roles.map.get(Role::Rating);
    roles.out_of = rating.and_then(|column| columns[column].ratings?.out_of);
    roles.date_format = detector.date_format(&roles.map);
    roles.notes = detector.notes(&roles);
    roles.reasons.sort_by_key(|decision| decision.column);
    Some(roles)
}

/// The columns and settings from which roles are detected.
struct RoleDetector<'a> {
    /// Empty if the columns have no names.
    column_names: &'a [String],
    columns: &'a [ColumnSample],
    /// Whether the columns contain all rows of the file.
    is_whole: bool,
    /// Roles from the settings.
    named: &'a ColumnMap,
    settings: &'a IngestSettings,
    times: TimestampParser,
}

impl RoleDetector<'_> {
    /// Assigns the roles that the settings do not name. Returns `None` if no column can be the text.
    fn assign(&self, roles: &mut Roles) -> Option<()> {
        let is_open = self.labels_are_open();
        for role in DETECTION_ORDER {
            let is_unwanted = match role {
                Role::Label => is_open || self.named.get(Role::Rating).is_some(),
                Role::Rating => is_open,
                _ => false,
            };
            if self.named.get(role).is_none()
                && !is_unwanted
                && let Some((column, reason)) = self.best(role, &roles.map)
            {
                roles.set(role, column, reason);
            }
        }
        roles.map.get(Role::Text)?;
        if roles.map.get(Role::Group).is_none() {
            self.group_by_topic(roles);
        }
        Some(())
    }

    /// The unassigned column that fits a role best, with the reason.
    fn best(&self, role: Role, map: &ColumnMap) -> Option<(usize, String)> {
        let used: Vec<usize> = map.columns().collect();
        let unused = (0..self.columns.len()).filter(|column| !used.contains(column));
        let scored = unused.filter_map(|column| {
            let (score, reason) = self.score_column(role, column)?;
            Some((score, column, reason))
        });
        let best = scored.max_by(|one, two| one.0.total_cmp(&two.0).then(two.1.cmp(&one.1)));
        best.map(|(_, column, reason)| (column, reason))
    }

    /// Compares a column's name with the known names of a role.
    fn match_name(&self, role: Role, column: usize) -> Option<NameMatch> {
        column_names::match_role(role, self.column_names.get(column)?)
    }

    /// Rates how well a column fits a role, with the reason; `None` if it does not fit. A known name counts more
    /// than any value, but only if the values fit too.
    fn score_column(&self, role: Role, column: usize) -> Option<(f64, String)> {
        let sample = &self.columns[column];
        let name = self.match_name(role, column);
        let (score, reason) = match role {
            Role::Text if self.has_name(column, column_names::is_reply) => return None,
            Role::Text => text(sample, name)?,
            Role::Label => self.label(column, name)?,
            Role::Rating => self.rating(column, name)?,
            Role::Timestamp => self.timestamp(column, name)?,
            Role::Split => split(sample)?,
            Role::Topic => (0.0, groups::topic(sample, name)?),
            Role::Group => (0.0, groups::group(sample, name)?),
            Role::Id => (0.0, id(sample, name)?),
        };
        let by_name = name.map_or(0.0, NameMatch::score);
        let prefix = name.map_or("", |_| "recognised by its name; ");
        Some((by_name + score, format!("{prefix}{reason}")))
    }

    /// Whether the name of a column has a property.
    fn has_name(&self, column: usize, property: impl Fn(&str) -> bool) -> bool {
        (self.column_names.get(column)).is_some_and(|name| property(name))
    }

    /// Whether a column has labels or numbers of a model: those that `predict` writes.
    fn is_prediction(&self, column: usize) -> bool {
        let has = |name: &str| self.column_names.iter().any(|it| it == name);
        let predicted = ["label", "confidence", "p_negative", "p_positive"];
        predicted.iter().all(|it| has(it)) && self.has_name(column, |it| predicted.contains(&it))
    }

    /// Whether a column has school marks, of which 1 is the best in some countries.
    fn has_marks(&self, column: usize) -> bool {
        let ratings = self.columns[column].ratings;
        let is_range = ratings.is_some_and(|it| it.low >= 1.0 && [5.0, 6.0].contains(&it.high));
        is_range && self.has_name(column, column_names::is_mark)
    }

    fn label(&self, column: usize, name: Option<NameMatch>) -> Option<(f64, String)> {
        let sample = &self.columns[column];
        if labels::has_rating_numbers(sample, &self.settings.labels)
            || self.has_name(column, column_names::is_no_label)
            || self.is_prediction(column)
        {
            return None;
        }
        // In a file sorted by rating, all sampled ratings may be equal.
        let may_be_stars = sample.is_numeric()
            && sample.distinct() == 1
            && self.match_name(Role::Rating, column).is_some();
        let knows = |value: &str| self.settings.labels.contains(value);
        let known = sample.share(knows);
        let fits = match name {
            // Unknown values in such a column are reported later.
            Some(name) if name.is_label_name() && name.is_whole_name => known > 0.0,
            Some(name) if name.is_label_name() => known > 0.5,
            Some(_) => known > 0.9 && !may_be_stars,
            // Yes and no may answer any question, so only sentiment words are accepted here.
            None => labels::express_sentiment(sample, knows) && !self.has_better_label(),
        };
        let share = format_share(known, "are labels");
        let few = sample.distinct() <= labels::MAX_LABEL_VALUES;
        let list = if known == 1.0 { ":" } else { "; most common:" };
        let reason = format!("{share}{list} {}", sample.format_most_common());
        (fits && few).then_some((known, reason))
    }

    /// Whether several columns may hold the labels: two of labels, or one of labels and one of ratings on a known
    /// scale. Nothing shows which of them the authors wrote, so the user decides.
    fn labels_are_open(&self) -> bool {
        if self
            .named
            .get(Role::Label)
            .or(self.named.get(Role::Rating))
            .is_some()
        {
            return false;
        }
        let used: Vec<usize> = self.named.columns().collect();
        let is_label =
            |column: usize| (self.label(column, self.match_name(Role::Label, column))).is_some();
        let is_candidate = |column: &usize| {
            let is_rating = self
                .rating(*column, self.match_name(Role::Rating, *column))
                .is_some()
                && self.match_name(Role::Rating, *column).is_some();
            let ratings = self.columns[*column].ratings.filter(|_| is_rating);
            is_label(*column) || ratings.is_some_and(|it| Scale::of(it).is_some())
        };
        let unused = (0..self.columns.len()).filter(|it| !used.contains(it));
        let mut found: Vec<usize> = unused.filter(is_candidate).collect();
        let most = found.iter().map(|it| self.columns[*it].len).max();
        // A few values are no second column of labels.
        found.retain(|it| self.columns[*it].len * 2 > most.unwrap_or_default());
        found.len() > 1 && found.into_iter().any(is_label)
    }

    /// Whether another column is a label by its name, or has ratings on a known scale. Then a column that only
    /// has values like labels is not used.
    fn has_better_label(&self) -> bool {
        (0..self.columns.len()).any(|column| {
            let name = self.match_name(Role::Label, column);
            let is_label = name.is_some_and(|name| name.is_label_name() && name.is_whole_name);
            let is_rating = self.match_name(Role::Rating, column).is_some()
                || self.named.get(Role::Rating) == Some(column);
            let ratings = self.columns[column].ratings.filter(|_| is_rating);
            let has_scale = |it| self.settings.rating.is_some() || Scale::of(it).is_some();
            is_label || ratings.is_some_and(has_scale)
        })
    }

    /// Ratings have a known name, or are around zero, or state their scale. Numbers other than 0 and 1 in a column of
    /// labels are ratings too, but a column with the name of ratings is preferred.
    fn rating(&self, column: usize, name: Option<NameMatch>) -> Option<(f64, String)> {
        let sample = &self.columns[column];
        let RatingRange { low, high, out_of } =
            sample.ratings.filter(|_| !self.has_marks(column))?;
        if self.has_name(column, column_names::is_recommendation) && high == 10.0 {
            return None;
        }
        let around_zero =
            sample.is_numeric() && (-10.0..0.0).contains(&low) && (0.0..=10.0).contains(&high);
        let is_label = |name: NameMatch| name.is_label_name();
        let is_label = self.match_name(Role::Label, column).is_some_and(is_label)
            && labels::has_rating_numbers(sample, &self.settings.labels);
        let score = if is_label { 0.5 } else { 0.0 };
        let scale = out_of.map_or_else(String::new, |most| format!(" out of {most}"));
        let fits = name.is_some() || around_zero || is_label || out_of.is_some();
        fits.then(|| (score, format!("numbers from {low} to {high}{scale}")))
    }

    fn timestamp(&self, column: usize, name: Option<NameMatch>) -> Option<(f64, String)> {
        let sample = &self.columns[column];
        if name.is_none() && self.is_other_date(column) {
            return None;
        }
        // Plain digits are a time only if the column's name says so.
        let known = match name.is_none() && sample.is_numeric() {
            true => 0.0,
            false => sample.share(|value| self.is_time(value)),
        };
        if known > MOST {
            return Some((known, format_share(known, "are dates")));
        }
        let (format, example) = self.detect_day_order(sample)?;
        let reason = format!("dates in the format `{format}`, as `{example}` shows");
        Some((MOST, reason))
    }

    fn is_time(&self, value: &str) -> bool {
        self.times.is_missing(value) || self.times.parse(value).is_some()
    }

    /// Whether the name of a column says that its dates are not those of the reviews.
    fn is_other_date(&self, column: usize) -> bool {
        let name = self.column_names.get(column);
        name.is_some_and(|name| column_names::is_other_date(name))
    }

    /// The order of day and month according to the values, unless a setting defines the format.
    fn day_order(&self, sample: &ColumnSample) -> Option<DayOrder> {
        if self.settings.timestamp.format.is_some() {
            return None;
        }
        let values = sample.counts().map(|(value, _)| value);
        let mut values: Vec<&str> = values.filter(|it| !self.times.is_missing(it)).collect();
        values.sort_unstable();
        day_order::order(values.into_iter())
    }

    /// The date format and the value that shows it, if the values show the order of day and month.
    fn detect_day_order(&self, sample: &ColumnSample) -> Option<(String, String)> {
        match self.day_order(sample)? {
            DayOrder::Known { format, example } => Some((format, example)),
            DayOrder::Ambiguous(..) => None,
        }
    }

    fn date_format(&self, map: &ColumnMap) -> Option<String> {
        let sample = &self.columns[map.get(Role::Timestamp)?];
        let is_known = sample.share(|value| self.is_time(value)) > MOST;
        let detected = self.detect_day_order(sample).filter(|_| !is_known);
        detected.map(|(format, _)| format)
    }

    /// The scale of the ratings, if labels come from ratings and no setting defines the scale.
    fn detect_scale(&self, map: &ColumnMap) -> Option<Scale> {
        if map.get(Role::Label).is_some() || self.settings.rating.is_some() {
            return None;
        }
        Scale::of(self.columns[map.get(Role::Rating)?].ratings?)
    }

    /// If films have a name but no id, groups the reviews by the name.
    fn group_by_topic(&self, roles: &mut Roles) {
        let topic = roles.map.get(Role::Topic);
        if let Some(topic) = topic.filter(|topic| groups::has_enough(&self.columns[*topic])) {
            let reason = "same as the topic, because no column with ids of the topic was found";
            roles.set(Role::Group, topic, reason.to_owned());
        }
    }
}

fn text(sample: &ColumnSample, name: Option<NameMatch>) -> Option<(f64, String)> {
    let words = sample.mean_words;
    let prose = !sample.is_numeric() && !sample.is_empty();
    let enough = words >= 3.0 || name.is_some_and(|name| name.is_whole_name);
    let average = format::plural(words.round() as u64, "word", "words");
    (prose && enough).then(|| (words.min(90.0), format!("{average} on average")))
}

fn split(sample: &ColumnSample) -> Option<(f64, String)> {
    let known = sample.share(|it| matches!(it.to_ascii_lowercase().as_str(), "train" | "test"));
    (known > 0.99).then(|| (known, sample.format_most_common()))
}

fn id(sample: &ColumnSample, name: Option<NameMatch>) -> Option<String> {
    let unique = sample.distinct() == sample.len && !sample.is_empty();
    (name.is_some() && unique).then(|| "all values differ".to_owned())
}

fn is_number(value: &str) -> bool {
    parse_number(value).is_some()
}

fn format_share(share: f64, what: &str) -> String {
    match share == 1.0 {
        true => format!("all values {what}"),
        false => format!("{:.0}% of the values {what}", 100.0 * share),
    }
}
