//! Which column is what, where the settings do not say: told by the columns' names and by what
//! stands in them. What was decided is said, with the reason, and every decision can be overridden.

use settings::{IngestSettings, RatingRule};

use super::columns::{ColumnMap, Role};
use super::evidence::Evidence;
use super::timestamp::Times;

/// Names that columns of a role have, the likelier ones first; compared without regard to case and
/// to what joins words.
const NAMES: [(Role, &[&str]); 8] = [
    (
        Role::Text,
        &[
            "text",
            "review",
            "reviewtext",
            "quote",
            "content",
            "body",
            "comment",
            "sentence",
            "message",
            "tweet",
            "reviewbody",
            "reviewcontent",
            "comments",
            "reviews",
            "phrase",
            "description",
        ],
    ),
    (
        Role::Label,
        &[
            "label",
            "sentiment",
            "fresh",
            "verdict",
            "polarity",
            "recommended",
            "recommendation",
            "class",
            "target",
            "rating",
            "recommendationid",
            "votedup",
        ],
    ),
    (
        Role::Rating,
        &[
            "rating",
            "stars",
            "score",
            "overall",
            "grade",
            "reviewscore",
            "points",
            "starrating",
            "ratings",
        ],
    ),
    (
        Role::Timestamp,
        &[
            "date",
            "timestamp",
            "time",
            "reviewdate",
            "createdat",
            "created",
            "datetime",
            "unixreviewtime",
            "posted",
            "postedat",
            "timestampcreated",
            "watcheddate",
        ],
    ),
    (
        Role::Split,
        &["split", "fold", "set", "partition", "subset"],
    ),
    (
        Role::Topic,
        &[
            "topic",
            "title",
            "product",
            "film",
            "movie",
            "name",
            "productname",
            "movietitle",
            "item",
            "business",
            "app",
            "game",
            "appname",
            "producttitle",
        ],
    ),
    (
        Role::Group,
        &[
            "group",
            "imdb",
            "imdbid",
            "asin",
            "productid",
            "filmid",
            "movieid",
            "businessid",
            "itemid",
            "appid",
            "gameid",
            "parentasin",
            "tconst",
            "rtid",
        ],
    ),
    (
        Role::Id,
        &["id", "rowid", "reviewid", "index", "ids", "tweetid"],
    ),
];

/// So many of the names of labels are names of nothing else.
const SURE_LABELS: usize = 5;

/// Roles in the order in which columns are given away.
const ORDER: [Role; 8] = [
    Role::Label,
    Role::Timestamp,
    Role::Split,
    Role::Text,
    Role::Rating,
    Role::Group,
    Role::Topic,
    Role::Id,
];

/// What was decided about the columns of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Roles {
    pub(crate) map: ColumnMap,
    /// Each decision with its reason, in the order of the columns.
    pub(crate) reasons: Vec<Decision>,
    /// How a rating becomes a label, where no column is a label and no setting says it.
    pub(crate) rating: Option<RatingRule>,
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
    let mut roles = Roles {
        map: named.clone(),
        ..Roles::default()
    };
    let mut taken: Vec<usize> = named.columns().collect();
    for role in ORDER {
        if named.get(role).is_some() {
            continue;
        }
        let best = columns
            .iter()
            .enumerate()
            .filter(|(column, _)| !taken.contains(column))
            .filter_map(|(column, evidence)| {
                let place = names.get(column).and_then(|name| place(role, name));
                let (score, reason) = judge(role, place, evidence, settings)?;
                Some((score, column, reason))
            })
            .max_by(|one, two| one.0.total_cmp(&two.0).then(two.1.cmp(&one.1)));
        let Some((_, column, reason)) = best else {
            continue;
        };
        if role == Role::Rating && roles.map.get(Role::Label).is_none() && settings.rating.is_none()
        {
            roles.rating = scale(&columns[column]);
        }
        roles.map.set(role, column);
        taken.push(column);
        roles.reasons.push(Decision {
            role,
            column,
            reason,
        });
    }
    roles.map.get(Role::Text)?;
    if roles.map.get(Role::Group).is_none() {
        group_by_topic(&mut roles);
    }
    roles.reasons.sort_by_key(|decision| decision.column);
    Some(roles)
}

/// Where films have a name and no id, the name keeps them on one side of the split.
fn group_by_topic(roles: &mut Roles) {
    if let Some(topic) = roles.map.get(Role::Topic) {
        roles.map.set(Role::Group, topic);
        let reason = "as the topic: no column is an id of it".to_owned();
        roles.reasons.push(Decision {
            role: Role::Group,
            column: topic,
            reason,
        });
    }
}

/// The place of a name in a role's list.
fn place(role: Role, name: &str) -> Option<usize> {
    let plain: String = name
        .chars()
        .filter(|sign| sign.is_alphanumeric())
        .collect::<String>()
        .to_lowercase();
    // `data.review.text` is a text, too.
    let last: String = name
        .rsplit('.')
        .next()
        .unwrap_or_default()
        .chars()
        .filter(|sign| sign.is_alphanumeric())
        .collect::<String>()
        .to_lowercase();
    let list = NAMES
        .iter()
        .find(|(other, _)| *other == role)
        .map_or(&[][..], |(_, list)| list);
    list.iter()
        .position(|known| **known == plain || **known == last)
}

/// Whether a name is one that columns have.
pub(super) fn is_column_name(name: &str) -> bool {
    NAMES.iter().any(|(role, _)| place(*role, name).is_some())
}

/// How well a column fits a role, with the reason; `None` if it does not. A known name outweighs
/// any value, and a name without fitting values is worth nothing.
fn judge(
    role: Role,
    place: Option<usize>,
    evidence: &Evidence,
    settings: &IngestSettings,
) -> Option<(f64, String)> {
    let by_name = place.map_or(0.0, |place| 100.0 - place as f64);
    let named = if place.is_some() {
        "its name, and "
    } else {
        ""
    };
    let fits = |fits: bool, score: f64, what: String| {
        fits.then(|| (by_name + score, format!("{named}{what}")))
    };
    match role {
        Role::Text => {
            let words = evidence.mean_words();
            let prose = !evidence.is_numeric() && !evidence.is_empty();
            fits(
                prose && (place.is_some() || words >= 3.0),
                words.min(90.0),
                format!("{words:.0} words on average"),
            )
        }
        Role::Label => {
            let known = evidence.share(|value| settings.labels.knows(value));
            // Zeros and ones are labels in a column that says so; elsewhere they may be counts.
            let certain = place.is_some() || (!evidence.is_numeric() && evidence.rows() > 1);
            let what = share_in_words(known, "are labels");
            let what = format!("{what}: {}", evidence.commonest());
            // Values that are no labels in a column of that name are for the user to see.
            let surely = place.is_some_and(|place| place < SURE_LABELS) && known > 0.0;
            let few = evidence.distinct() <= 20;
            fits((surely || known > 0.9) && certain && few, known, what)
        }
        Role::Rating => {
            let (low, high) = evidence.range()?;
            // Around zero, on a scale that people use.
            let around_zero = (-10.0..0.0).contains(&low) && (0.0..=10.0).contains(&high);
            fits(
                place.is_some() || around_zero,
                0.0,
                format!("numbers from {low} to {high}"),
            )
        }
        Role::Timestamp => {
            let times = Times::default();
            let known = evidence.share(|value| times.parse(value).is_some());
            let written = !evidence.is_numeric();
            fits(
                known > 0.9 && (place.is_some() || written),
                known,
                share_in_words(known, "are dates"),
            )
        }
        Role::Split => {
            let known = evidence
                .share(|value| matches!(value.to_ascii_lowercase().as_str(), "train" | "test"));
            fits(known > 0.99, known, evidence.commonest())
        }
        Role::Topic | Role::Group => {
            let few = evidence.distinct() * 5 <= evidence.rows() * 4 || evidence.rows() < 20;
            fits(
                place.is_some() && !evidence.is_empty() && few,
                0.0,
                format!("{} different values", evidence.distinct()),
            )
        }
        Role::Id => {
            let unique = evidence.distinct() == evidence.rows() && evidence.rows() > 0;
            fits(place.is_some() && unique, 0.0, "no value twice".to_owned())
        }
    }
}

fn share_in_words(share: f64, what: &str) -> String {
    if share == 1.0 {
        format!("all values {what}")
    } else {
        format!("{:.0} % of the values {what}", 100.0 * share)
    }
}

/// The rule for the scale that ratings are on, if that is plain: what is in the middle says neither.
fn scale(evidence: &Evidence) -> Option<RatingRule> {
    let (low, high) = evidence.range()?;
    let rule = |centre: f64, dead_zone: f64| Some(RatingRule { centre, dead_zone });
    let within = |from: f64, to: f64| low >= from && high <= to && high > (from + to) / 2.0;
    if low < 0.0 {
        rule(0.0, 0.0)
    } else if within(1.0, 5.0) {
        rule(3.0, 0.0)
    } else if within(0.5, 5.0) {
        rule(2.75, 0.25)
    } else if within(1.0, 10.0) {
        rule(5.5, 0.5)
    } else if within(0.0, 10.0) {
        rule(5.0, 0.5)
    } else if within(0.0, 100.0) {
        rule(50.0, 10.0)
    } else {
        None
    }
}
