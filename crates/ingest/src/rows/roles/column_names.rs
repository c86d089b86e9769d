//! Names that columns have in the exports of many tools.

use crate::rows::columns::Role;

/// Names that columns of a role have, the likelier ones first; compared without regard to case and
/// to what joins words.
const NAMES: [(Role, &str); 8] = [
    (
        Role::Text,
        "text review reviewtext quote content body comment sentence message tweet reviewbody \
         reviewcontent comments reviews phrase description",
    ),
    (
        Role::Label,
        "label sentiment fresh verdict polarity recommended recommendation class target rating \
         recommendationid votedup",
    ),
    (
        Role::Rating,
        "rating stars score overall grade reviewscore points starrating ratings",
    ),
    (
        Role::Timestamp,
        "date timestamp time reviewdate createdat created datetime unixreviewtime posted postedat \
         timestampcreated watcheddate",
    ),
    (Role::Split, "split fold set partition subset"),
    (
        Role::Topic,
        "topic title product film movie name productname movietitle item business app game \
         appname producttitle",
    ),
    (
        Role::Group,
        "group imdb imdbid asin productid filmid movieid businessid itemid appid gameid \
         parentasin tconst rtid",
    ),
    (Role::Id, "id rowid reviewid index ids tweetid"),
];

/// So many of the names of labels are names of nothing else.
const UNAMBIGUOUS_LABELS: usize = 7;

/// So many of the names of texts are names of what somebody wrote about something; `description`
/// may be of the thing itself.
const UNAMBIGUOUS_TEXTS: usize = 15;

/// How a column's name speaks for a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NameMatch {
    /// Place in the role's list, the likelier ones first.
    rank: usize,
    /// Whether it is the whole name, and not only its last word, as in `airline_sentiment`.
    pub(super) is_whole_name: bool,
    /// Whether it is a name of nothing that is like the role, but something else.
    is_unambiguous: bool,
}

impl NameMatch {
    /// What a name is worth: more than any value, and a whole name more than a part of one. Between
    /// names of one kind values may decide.
    pub(super) fn score(self) -> f64 {
        let kind = match (self.is_whole_name, self.is_unambiguous) {
            (true, true) => 3000.0,
            (false, _) => 2000.0,
            (true, false) => 1000.0,
        };
        kind - self.rank as f64
    }

    /// Whether a column of this name is a label whatever stands in it.
    pub(super) fn is_label_name(self) -> bool {
        self.rank < UNAMBIGUOUS_LABELS
    }
}

/// How a name speaks for a role, if it does.
pub(super) fn match_role(role: Role, name: &str) -> Option<NameMatch> {
    // `data.review.text` is a text, too.
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_sure = |rank: usize| match role {
        Role::Text => rank < UNAMBIGUOUS_TEXTS,
        Role::Label => rank < UNAMBIGUOUS_LABELS,
        _ => true,
    };
    if let Some(rank) = rank(role, name).or_else(|| rank(role, last)) {
        return Some(NameMatch {
            rank,
            is_whole_name: true,
            // Of labels every whole name counts the same: what stands in the column decides.
            is_unambiguous: role == Role::Label || is_sure(rank),
        });
    }
    // Of dates and numbers a part of the name says too little: a release date is not the review's.
    if !matches!(role, Role::Text | Role::Label) {
        return None;
    }
    let word = last
        .rsplit(|character: char| !character.is_alphanumeric())
        .find(|word| !word.is_empty())?;
    let rank = rank(role, word)?;
    is_sure(rank).then_some(NameMatch {
        rank,
        is_whole_name: false,
        is_unambiguous: true,
    })
}

/// Whether a name is one that columns have.
pub(in crate::rows) fn is_column_name(name: &str) -> bool {
    NAMES
        .iter()
        .any(|(role, _)| match_role(*role, name).is_some_and(|found| found.is_whole_name))
}

/// The rank of a name in the list of a role.
fn rank(role: Role, name: &str) -> Option<usize> {
    let letters = name.chars().filter(|character| character.is_alphanumeric());
    let plain = letters.collect::<String>().to_lowercase();
    let (_, list) = NAMES.iter().find(|(other, _)| *other == role)?;
    list.split(' ').position(|known| known == plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_many_spellings() {
        let check = |role: Role, name: &str, expected: Option<bool>| {
            assert_eq!(
                match_role(role, name).map(|found| found.is_whole_name),
                expected,
                "{name}"
            );
        };
        check(Role::Text, "Review", Some(true));
        check(Role::Text, "reviewText", Some(true));
        check(Role::Text, "review_text", Some(true));
        check(Role::Text, "data.review.text", Some(true));
        check(Role::Text, "comment_text", Some(false));
        check(Role::Text, "context", None);
        check(Role::Label, "airline_sentiment", Some(false));
        check(Role::Label, "airline_sentiment_confidence", None);
        check(Role::Label, "is_recommended", Some(false));
        check(Role::Label, "product class", None);
        for name in ["verified", "verified_purchase", "is_spoiler", "Is edited"] {
            check(Role::Label, name, None);
        }
        check(Role::Timestamp, "unixReviewTime", Some(true));
        check(Role::Timestamp, "release_date", None);
        check(Role::Id, "", None);
        check(Role::Label, "...", None);
    }

    #[test]
    fn only_whole_names_tell_a_header() {
        assert!(is_column_name("Review"));
        assert!(!is_column_name("a bad review"));
    }
}
