//! Column names in the exports of many tools.

use crate::rows::columns::Role;

/// Known column names per role, the most likely first. Case and characters other than letters and digits are
/// ignored.
const NAMES: [(Role, &str); 8] = [
    (
        Role::Text,
        "text review reviewtext quote content body comment sentence message tweet reviewbody \
         reviewcontent comments reviews phrase rezension bewertungstext kommentar commentaire avis comentario \
         comentarios reseña reseñas recensione commento avaliação comentário recensie отзыв текст 评论 レビュー description",
    ),
    (
        Role::Label,
        "label sentiment target fresh verdict polarity recommended recommendation class rating \
         recommendationid votedup",
    ),
    (
        Role::Rating,
        "rating stars score overall grade reviewscore points starrating ratings reviewrating bewertung sterne \
         punkte note puntuación calificación estrellas valutazione voto nota waardering оценка 评分 星级 評価",
    ),
    (
        Role::Timestamp,
        "date timestamp time reviewdate createdat created datetime unixreviewtime posted postedat \
         timestampcreated watcheddate reviewsubmitdateandtime submitdate submissiondate submittedat \
         submissiontime reviewtime reviewedat reviewcreatedat creationdate createddate createdutc dateposted \
         dateadded publishedat publishdate publishedatdate at datum fecha data дата 日期 日付",
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

/// Words in the names of dates that are not those of the review.
const OTHER_DATES: &str =
    "release released birth birthday reply response premiere joined registered registration";

/// Words in the names of flags that mean the opposite, as in `not_recommended`, and of labels that a program gave.
const NO_LABELS: &str = "not no non never negative neg against predicted prediction pred";

/// Words in the names of texts that are no reviews.
const REPLIES: &str = "reply replies response responses answer antwort réponse respuesta risposta";

/// Words in the names of people, who are no topics.
const PEOPLE: &str = "user author reviewer customer";

/// Names of school marks, of which 1 may be the best.
const MARKS: &str = "note schulnote grade";

/// Number of label names that mean nothing else.
const UNAMBIGUOUS_LABELS: usize = 8;

/// Number of text names that always mean a review; `description`, the last one, may describe the product instead.
const UNAMBIGUOUS_TEXTS: usize = 33;

/// How a column's name matches a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NameMatch {
    /// Position in the role's list, the most likely name first.
    rank: usize,
    /// Whether the whole name matches, and not only its last word, as in `airline_sentiment`.
    pub(super) is_whole_name: bool,
    /// Whether the name means nothing else.
    is_unambiguous: bool,
}

impl NameMatch {
    /// Score of the name. It is higher than any score of values, and higher for a whole name than for a part.
    /// Values decide between names of the same kind.
    pub(super) fn score(self) -> f64 {
        let kind = match (self.is_whole_name, self.is_unambiguous) {
            (true, true) => 3000.0,
            (false, _) => 2000.0,
            (true, false) => 1000.0,
        };
        kind - self.rank as f64
    }

    /// Whether the name means a label, whatever the values are.
    pub(super) fn is_label_name(self) -> bool {
        self.rank < UNAMBIGUOUS_LABELS
    }
}

/// Matches a name with the known names of a role.
pub(super) fn match_role(role: Role, name: &str) -> Option<NameMatch> {
    // In a feed, every field has a `.label`: `im:rating.label` is a rating, and `im:voteCount.label` is no label.
    let name = match role {
        Role::Label | Role::Rating => name.strip_suffix(".label").unwrap_or(name),
        _ => name,
    };
    let means_else = match role {
        Role::Text => is_reply(name),
        Role::Label => is_no_label(name),
        Role::Topic | Role::Group => has_word(name, PEOPLE),
        _ => false,
    };
    if means_else {
        return None;
    }
    // `data.review.text` matches `text`.
    let last = name.rsplit(['.', ':']).next().unwrap_or_default();
    let is_sure = |rank: usize| match role {
        Role::Text => rank < UNAMBIGUOUS_TEXTS,
        Role::Label => rank < UNAMBIGUOUS_LABELS,
        _ => true,
    };
    if let Some(rank) = rank(role, name).or_else(|| rank(role, last)) {
        return Some(NameMatch {
            rank,
            is_whole_name: true,
            // For labels all whole names count the same, because the values decide.
            is_unambiguous: role == Role::Label || is_sure(rank),
        });
    }
    // A part of a name is not enough for other roles: `release_date` is not the date of the review.
    if !matches!(role, Role::Text | Role::Label) {
        return None;
    }
    let mut words = last.rsplit(|character: char| !character.is_alphanumeric());
    let word = words.find(|word| !word.is_empty())?;
    let rank = rank(role, word)?;
    is_sure(rank).then_some(NameMatch {
        rank,
        is_whole_name: false,
        is_unambiguous: true,
    })
}

/// Whether a name says that the dates of the column are not those of the reviews.
pub(super) fn is_other_date(name: &str) -> bool {
    has_word(name, OTHER_DATES)
}

/// Whether a name says that the texts of the column are no reviews.
pub(super) fn is_reply(name: &str) -> bool {
    has_word(name, REPLIES)
}

/// Whether a name says that a program gave the labels of the column, or that `yes` is negative.
pub(super) fn is_no_label(name: &str) -> bool {
    has_word(name, NO_LABELS)
}

/// Whether a column has school marks by its name.
pub(super) fn is_mark(name: &str) -> bool {
    has_word(name, MARKS)
}

/// Whether a name asks for a recommendation.
pub(super) fn is_recommendation(name: &str) -> bool {
    let lower = name.to_lowercase();
    lower.contains("recommend") || has_word(name, "nps")
}

/// Whether one word of a name is listed.
fn has_word(name: &str, list: &str) -> bool {
    let lower = name.to_lowercase();
    let mut words = lower.split(|character: char| !character.is_alphanumeric());
    words.any(|word| list.split(' ').any(|other| other == word))
}

/// Whether a name is a known column name.
pub(in crate::rows) fn is_column_name(name: &str) -> bool {
    let mut found = NAMES.iter().filter_map(|(role, _)| match_role(*role, name));
    found.any(|found| found.is_whole_name)
}

/// The position of a name in the list of a role.
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
    fn names_are_matched_in_many_spellings() {
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
    fn only_whole_names_indicate_a_header() {
        assert!(is_column_name("Review"));
        assert!(!is_column_name("a bad review"));
    }
}
