//! Which column is what, where the settings do not say: told by the columns' names and by what
//! stands in them. What was decided is said, with the reason, and every decision can be overridden;
//! what is not plain is not guessed, and said as well, with the setting that decides it.

mod days;
mod groups;
mod labels;
mod names;
mod notes;
mod scale;

use settings::IngestSettings;

use super::columns::{ColumnMap, Role};
use super::evidence::Evidence;
use super::timestamp::Times;

pub(super) use names::is_column_name;
pub(crate) use notes::Note;
pub(crate) use scale::Scale;

use names::Match;

/// Roles in the order in which columns are given away.
const ORDER: [Role; 8] = {
    use Role::{Group, Id, Label, Rating, Split, Text, Timestamp, Topic};
    [Label, Timestamp, Split, Text, Rating, Group, Topic, Id]
};

/// What was decided about the columns of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Roles {
    pub(crate) map: ColumnMap,
    /// Each decision with its reason, in the order of the columns.
    pub(crate) reasons: Vec<Decision>,
    /// How a rating becomes a label, where no column is a label and no setting says it.
    pub(crate) rating: Option<Scale>,
    /// The form of dates, where their values told the order of day and month and no setting does.
    pub(crate) date_format: Option<String>,
    /// What was not decided because it is not plain.
    pub(crate) notes: Vec<Note>,
}

impl Roles {
    fn set(&mut self, role: Role, column: usize, reason: String) {
        self.map.set(role, column);
        self.reasons.push(Decision {
            role,
            column,
            reason,
        });
    }
}

/// One column's role.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decision {
    pub(crate) role: Role,
    /// From 0.
    pub(crate) column: usize,
    pub(crate) reason: String,
}

/// Finds the roles of columns. `names` is empty for a file without a header. What is `named` in the
/// settings is taken and given to no other role. `None` if no column can be the text.
pub(super) fn detect(
    names: &[String],
    columns: &[Evidence],
    named: &ColumnMap,
    settings: &IngestSettings,
) -> Option<Roles> {
    let finder = Finder {
        names,
        columns,
        named,
        settings,
        // A setting that is wrong is reported where rows are read.
        times: Times::new(&settings.timestamp, None).unwrap_or_default(),
    };
    let mut roles = Roles {
        map: named.clone(),
        ..Roles::default()
    };
    for role in ORDER {
        if named.get(role).is_none()
            && let Some((column, reason)) = finder.best(role, &roles.map)
        {
            roles.set(role, column, reason);
        }
    }
    roles.map.get(Role::Text)?;
    if roles.map.get(Role::Group).is_none() {
        finder.group_by_topic(&mut roles);
    }
    roles.rating = finder.scale(&roles.map);
    roles.date_format = finder.date_format(&roles.map);
    roles.notes = finder.notes(&roles);
    roles.reasons.sort_by_key(|decision| decision.column);
    Some(roles)
}

/// Columns that look for their roles.
struct Finder<'a> {
    /// Empty where columns have none.
    names: &'a [String],
    columns: &'a [Evidence],
    /// What the settings say.
    named: &'a ColumnMap,
    settings: &'a IngestSettings,
    times: Times,
}

impl Finder<'_> {
    /// The column that fits a role best among those without one, with the reason.
    fn best(&self, role: Role, map: &ColumnMap) -> Option<(usize, String)> {
        let taken: Vec<usize> = map.columns().collect();
        let free = (0..self.columns.len()).filter(|column| !taken.contains(column));
        free.filter_map(|column| {
            let (score, reason) = self.judge(role, column)?;
            Some((score, column, reason))
        })
        .max_by(|one, two| one.0.total_cmp(&two.0).then(two.1.cmp(&one.1)))
        .map(|(_, column, reason)| (column, reason))
    }

    /// How a column's name speaks for a role.
    fn name(&self, role: Role, column: usize) -> Option<Match> {
        names::find(role, self.names.get(column)?)
    }

    /// How well a column fits a role, with the reason; `None` if it does not. A known name outweighs
    /// any value, and a name without fitting values is worth nothing.
    fn judge(&self, role: Role, column: usize) -> Option<(f64, String)> {
        let evidence = &self.columns[column];
        let name = self.name(role, column);
        let (score, what) = match role {
            Role::Text => text(evidence, name)?,
            Role::Label => self.label(column, name)?,
            Role::Rating => rating(evidence, name)?,
            Role::Timestamp => self.timestamp(evidence, name)?,
            Role::Split => split(evidence)?,
            Role::Topic => (0.0, groups::topic(evidence, name)?),
            Role::Group => (0.0, groups::group(evidence, name)?),
            Role::Id => (0.0, id(evidence, name)?),
        };
        let by_name = name.map_or(0.0, Match::score);
        let said = if name.is_some() { "its name, and " } else { "" };
        Some((by_name + score, format!("{said}{what}")))
    }

    fn label(&self, column: usize, name: Option<Match>) -> Option<(f64, String)> {
        let evidence = &self.columns[column];
        // The first rows of a file sorted by its stars all have one.
        let may_be_stars = evidence.is_numeric()
            && evidence.distinct() == 1
            && self.name(Role::Rating, column).is_some();
        let knows = |value: &str| self.settings.labels.contains(value);
        let known = evidence.share(knows);
        let fits = match name {
            // Values that are no labels in a column of that name are for the user to see.
            Some(name) if name.is_sure_label() && name.whole => known > 0.0,
            Some(name) if name.is_sure_label() => known > 0.5,
            Some(_) => known > 0.9 && !may_be_stars,
            // What is true or false may be anything: only values that speak of sentiment tell.
            None => labels::speak(evidence, knows) && !self.is_label_named(),
        };
        let what = share_in_words(known, "are labels");
        let few = evidence.distinct() <= labels::MOST;
        (fits && few).then(|| (known, format!("{what}: {}", evidence.commonest())))
    }

    /// Whether a column says by its name that it is the label, or holds ratings on a plain scale: one
    /// that only has values like labels is none beside it.
    fn is_label_named(&self) -> bool {
        (0..self.columns.len()).any(|column| {
            let is_label = self
                .name(Role::Label, column)
                .is_some_and(|name| name.is_sure_label() && name.whole);
            let is_rating = self.name(Role::Rating, column).is_some()
                || self.named.get(Role::Rating) == Some(column);
            let range = self.columns[column].range.filter(|_| is_rating);
            let gives_labels =
                |(low, high)| self.settings.rating.is_some() || Scale::of(low, high).is_some();
            is_label || range.is_some_and(gives_labels)
        })
    }

    fn timestamp(&self, evidence: &Evidence, name: Option<Match>) -> Option<(f64, String)> {
        // Of digits alone only a name says that they are a time.
        let is_time = |value: &str| {
            (name.is_some() || !is_number(value))
                && (self.times.is_missing(value) || self.times.parse(value).is_some())
        };
        let known = evidence.share(is_time);
        if known > 0.9 {
            return Some((known, share_in_words(known, "are dates")));
        }
        let (format, by) = self.told_order(evidence)?;
        Some((0.9, format!("dates as `{format}`, because of `{by}`")))
    }

    /// What the values say of the order of day and month, where no setting does.
    fn order_of_days(&self, evidence: &Evidence) -> Option<days::DayOrder> {
        if self.settings.timestamp.format.is_some() {
            return None;
        }
        let there = |value: &&str| !self.times.is_missing(value);
        days::order(evidence.values.iter().map(String::as_str).filter(there))
    }

    /// The form of dates and the value that tells it, where the values tell the order of day and month.
    fn told_order(&self, evidence: &Evidence) -> Option<(String, String)> {
        match self.order_of_days(evidence)? {
            days::DayOrder::Told { format, by } => Some((format, by)),
            days::DayOrder::Open { .. } => None,
        }
    }

    fn date_format(&self, map: &ColumnMap) -> Option<String> {
        let evidence = &self.columns[map.get(Role::Timestamp)?];
        let is_known = evidence.share(|value| self.times.parse(value).is_some()) > 0.9;
        let told = self.told_order(evidence).filter(|_| !is_known);
        told.map(|(format, _)| format)
    }

    /// The scale of the ratings, where they are what gives labels and no setting says how.
    fn scale(&self, map: &ColumnMap) -> Option<Scale> {
        if map.get(Role::Label).is_some() || self.settings.rating.is_some() {
            return None;
        }
        let (low, high) = self.columns[map.get(Role::Rating)?].range?;
        Scale::of(low, high)
    }

    /// Where films have a name and no id, the name keeps them on one side of the split.
    fn group_by_topic(&self, roles: &mut Roles) {
        let topic = roles.map.get(Role::Topic);
        if let Some(topic) = topic.filter(|topic| groups::are_enough(&self.columns[*topic])) {
            let reason = "as the topic: no column is an id of it".to_owned();
            roles.set(Role::Group, topic, reason);
        }
    }
}

fn text(evidence: &Evidence, name: Option<Match>) -> Option<(f64, String)> {
    let words = evidence.mean_words;
    let prose = !evidence.is_numeric() && !evidence.is_empty();
    let enough = words >= 3.0 || name.is_some_and(|name| name.whole);
    (prose && enough).then(|| (words.min(90.0), format!("{words:.0} words on average")))
}

fn rating(evidence: &Evidence, name: Option<Match>) -> Option<(f64, String)> {
    let (low, high) = evidence.range?;
    // Around zero, on a scale that people use.
    let around_zero = (-10.0..0.0).contains(&low) && (0.0..=10.0).contains(&high);
    (name.is_some() || around_zero).then(|| (0.0, format!("numbers from {low} to {high}")))
}

fn split(evidence: &Evidence) -> Option<(f64, String)> {
    let known =
        evidence.share(|value| matches!(value.to_ascii_lowercase().as_str(), "train" | "test"));
    (known > 0.99).then(|| (known, evidence.commonest()))
}

fn id(evidence: &Evidence, name: Option<Match>) -> Option<String> {
    let unique = evidence.distinct() == evidence.values.len() && !evidence.is_empty();
    (name.is_some() && unique).then(|| "no value twice".to_owned())
}

fn is_number(value: &str) -> bool {
    value.parse::<f64>().is_ok()
}

fn share_in_words(share: f64, what: &str) -> String {
    if share == 1.0 {
        format!("all values {what}")
    } else {
        format!("{:.0} % of the values {what}", 100.0 * share)
    }
}
