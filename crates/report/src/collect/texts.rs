//! Kinds of test reviews, and the texts behind the mistakes: one pass over `clean.parquet`.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float32Type, UInt64Type};
use artifact::{Artifact, Sentiment, Split, read_table, schema};
use metrics::{doubtful_labels, is_right};

use crate::ReportError;
use crate::data::{Mistake, SliceData};
use crate::merge::Judged;

/// Mistakes that are shown.
const SHOWN: usize = 8;

/// Signs of a text that are shown.
const EXCERPT: usize = 420;

/// A kind with fewer reviews says nothing.
const FEWEST: usize = 30;

/// Ratings and topics that become slices of their own, at most.
const VALUES: usize = 12;

const NEGATIONS: [&str; 12] = [
    "not", "no", "never", "none", "nobody", "nothing", "neither", "nor", "without", "hardly",
    "barely", "cannot",
];
const CONTRASTS: [&str; 9] = [
    "but",
    "although",
    "though",
    "however",
    "despite",
    "yet",
    "nevertheless",
    "still",
    "except",
];

/// What the texts tell.
#[derive(Default)]
pub(super) struct Texts {
    pub(super) slices: Vec<SliceData>,
    pub(super) mistakes: Vec<Mistake>,
    pub(super) doubtful: (u64, Vec<Mistake>),
}

/// Reads the test reviews; `best` is the model whose mistakes are shown.
pub(super) fn collect(
    clean: &Artifact,
    judged: &Judged,
    best: Option<&str>,
) -> Result<Texts, ReportError> {
    let place_of: HashMap<u64, usize> = judged
        .row_ids
        .iter()
        .enumerate()
        .map(|(place, id)| (*id, place))
        .collect();
    let probabilities = best.and_then(|best| judged.probabilities.get(best));
    let wrong =
        probabilities.map_or_else(Vec::new, |values| surest_mistakes(&judged.labels, values));
    let doubtful =
        probabilities.map_or_else(Vec::new, |values| doubtful_labels(&judged.labels, values));
    let doubtful_shown = doubtful.len().min(SHOWN);
    let wanted: Vec<usize> = wrong
        .iter()
        .chain(&doubtful[..doubtful_shown])
        .copied()
        .collect();

    let mut excerpts: HashMap<usize, String> = HashMap::new();
    let mut lengths: Vec<(usize, usize)> = Vec::new();
    let mut kinds: BTreeMap<Kind, Vec<usize>> = BTreeMap::new();
    for batch in read_table(&clean.file("clean.parquet")?, &schema::clean())? {
        let batch = batch?;
        for (row, place) in test_rows(&batch, &place_of) {
            let text = batch.column(1).as_string::<i32>().value(row);
            if wanted.contains(&place) {
                excerpts.insert(place, excerpt(text));
            }
            lengths.push((text.split_whitespace().count(), place));
            for kind in kinds_of(text, &batch, row) {
                kinds.entry(kind).or_default().push(place);
            }
        }
    }
    let mistake = |place: &usize| {
        let label = judged.labels[*place];
        let others = judged
            .probabilities
            .iter()
            .filter(|(name, _)| Some(name.as_str()) != best);
        Mistake {
            text: excerpts.get(place).cloned().unwrap_or_default(),
            label: Sentiment::from_id(label)
                .map_or("", Sentiment::as_str)
                .to_owned(),
            probability: probabilities.map_or(0.5, |values| f64::from(values[*place])),
            others_right: others
                .filter(|(_, values)| is_right(label, values[*place]))
                .count(),
        }
    };
    Ok(Texts {
        mistakes: wrong.iter().map(mistake).collect(),
        doubtful: (
            doubtful.len() as u64,
            doubtful[..doubtful_shown].iter().map(mistake).collect(),
        ),
        slices: slices(judged, lengths, kinds),
    })
}

/// The test rows of a batch and their places among the judged.
fn test_rows<'a>(
    batch: &'a RecordBatch,
    place_of: &'a HashMap<u64, usize>,
) -> impl Iterator<Item = (usize, usize)> + 'a {
    let ids = batch.column(0).as_primitive::<UInt64Type>();
    let splits = batch.column(3).as_string::<i32>();
    (0..batch.num_rows())
        .filter(|row| splits.value(*row) == Split::Test.as_str())
        .filter_map(|row| Some((row, *place_of.get(&ids.value(row))?)))
}

/// The rows with the largest probability of the wrong class.
fn surest_mistakes(labels: &[u8], probabilities: &[f32]) -> Vec<usize> {
    let mut wrong: Vec<usize> = (0..labels.len())
        .filter(|row| !is_right(labels[*row], probabilities[*row]))
        .collect();
    let sureness = |row: &usize| (probabilities[*row] - 0.5).abs();
    wrong.sort_by(|one, two| sureness(two).total_cmp(&sureness(one)));
    wrong.truncate(SHOWN);
    wrong
}

/// What a slice is about, in the order of the page where all are alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Negation(bool),
    Contrast(bool),
    Question,
    Rating(String),
    Topic(String),
}

impl Kind {
    fn in_words(&self) -> String {
        match self {
            Self::Negation(true) => "with a negation (not, never, nothing ...)".to_owned(),
            Self::Negation(false) => "without a negation".to_owned(),
            Self::Contrast(true) => "with a contrast (but, although, however ...)".to_owned(),
            Self::Contrast(false) => "without a contrast".to_owned(),
            Self::Question => "with a question".to_owned(),
            Self::Rating(rating) => format!("rated {rating}"),
            Self::Topic(topic) => format!("about {topic}"),
        }
    }
}

fn kinds_of(text: &str, batch: &RecordBatch, row: usize) -> Vec<Kind> {
    let lower = text.to_lowercase();
    let has = |list: &[&str]| {
        lower
            .split(|sign: char| !sign.is_alphanumeric())
            .any(|word| list.contains(&word))
    };
    let negated = has(&NEGATIONS) || lower.contains("n't") || lower.contains("n\u{2019}t");
    let mut kinds = vec![Kind::Negation(negated), Kind::Contrast(has(&CONTRASTS))];
    if text.contains('?') {
        kinds.push(Kind::Question);
    }
    let rating = batch.column(4).as_primitive::<Float32Type>();
    if rating.is_valid(row) {
        kinds.push(Kind::Rating(format!("{:>4}", rating.value(row))));
    }
    let topic = batch.column(6).as_string::<i32>();
    if topic.is_valid(row) {
        kinds.push(Kind::Topic(topic.value(row).to_owned()));
    }
    kinds
}

fn slices(
    judged: &Judged,
    mut lengths: Vec<(usize, usize)>,
    kinds: BTreeMap<Kind, Vec<usize>>,
) -> Vec<SliceData> {
    let slice = |name: String, places: &[usize]| SliceData {
        name,
        rows: places.len() as u64,
        right: judged
            .probabilities
            .values()
            .map(|values| {
                let right = places
                    .iter()
                    .filter(|place| is_right(judged.labels[**place], values[**place]));
                right.count() as u64
            })
            .collect(),
    };
    lengths.sort_unstable();
    let mut found = Vec::new();
    for (part, name) in ["shortest", "middle", "longest"].into_iter().enumerate() {
        let third = &lengths[part * lengths.len() / 3..(part + 1) * lengths.len() / 3];
        if let (Some((low, _)), Some((high, _))) = (third.first(), third.last()) {
            let places: Vec<usize> = third.iter().map(|(_, place)| *place).collect();
            found.push(slice(
                format!("the {name} third ({low} to {high} words)"),
                &places,
            ));
        }
    }
    // A rating of many values, or a topic of many names, has too few reviews of each.
    let is_rating = |kind: &&Kind| matches!(kind, Kind::Rating(_));
    let is_topic = |kind: &&Kind| matches!(kind, Kind::Topic(_));
    let many_ratings = kinds.keys().filter(is_rating).count() > VALUES;
    let many_topics = kinds.keys().filter(is_topic).count() > VALUES;
    for (kind, places) in &kinds {
        let is_many = (many_ratings && is_rating(&kind)) || (many_topics && is_topic(&kind));
        if places.len() >= FEWEST && !is_many {
            found.push(slice(kind.in_words(), places));
        }
    }
    found
}

fn excerpt(text: &str) -> String {
    let mut short: String = text.chars().take(EXCERPT).collect();
    if short.len() < text.len() {
        short.push_str(" …");
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_surest_mistakes_come_first() {
        let labels = [1, 0, 1, 0];
        assert_eq!(surest_mistakes(&labels, &[0.1, 0.7, 0.9, 0.99]), [3, 0, 1]);
    }

    #[test]
    fn long_texts_are_cut_between_signs() {
        let long = "é".repeat(EXCERPT + 1);
        assert!(excerpt(&long).ends_with("é …"));
        assert_eq!(excerpt("short"), "short");
    }
}
