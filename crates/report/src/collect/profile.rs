//! `profile.json` of clean.

use std::path::Path;

use artifact::Sentiment;
use artifact::files::profile::{
    self, ExampleReview, NearDuplicates, Profile, SplitProfile, Splitting, Texts,
};
use artifact::format::{count, plural};

use super::read_json;
use crate::ReportError;
use crate::data::{AuditLine, ClassWords, LengthBin, NearPair, ReviewsData, SplitCount, Word};

/// Adds the profile to what is known of the reviews.
pub(super) fn read(path: &Path, reviews: ReviewsData) -> Result<ReviewsData, ReportError> {
    let view: Profile = read_json(path)?;
    Ok(ReviewsData {
        splitting: splitting(&view.splitting),
        splits: view.splits.iter().map(split_count).collect(),
        audit: audit(&view),
        near_pairs: view
            .near_duplicates
            .iter()
            .flat_map(|near| &near.examples)
            .map(near_pair)
            .collect(),
        lengths: lengths(&view.splits),
        words: view.telling_words.into_iter().map(class_words).collect(),
        ..reviews
    })
}

fn near_pair(view: &profile::NearPair) -> NearPair {
    let text = |example: &ExampleReview| {
        let end = if example.cut { " ..." } else { "" };
        format!("{}{end}", example.text)
    };
    NearPair {
        similarity: view.similarity,
        texts: [text(&view.one), text(&view.two)],
    }
}

fn splitting(view: &Splitting) -> String {
    let test = if view.test_by == "official" {
        "the split into train and test is the source's own"
    } else {
        "split by a hash of the text"
    };
    if view.grouped {
        format!("{test}; where a hash decides, whole groups stay together")
    } else {
        test.to_owned()
    }
}

fn split_count(view: &SplitProfile) -> SplitCount {
    let class = |wanted| {
        view.classes
            .iter()
            .filter(|found| found.class == wanted)
            .map(|found| found.rows)
            .sum()
    };
    let (negative, positive): (u64, u64) = (class(Sentiment::Negative), class(Sentiment::Positive));
    let unlabelled = view.rows.saturating_sub(negative + positive);
    SplitCount {
        split: view.split,
        negative,
        positive,
        unlabelled,
    }
}

/// The histograms of all splits, whose edges are the same, added up.
fn lengths(splits: &[SplitProfile]) -> Vec<LengthBin> {
    let mut bins: Vec<LengthBin> = Vec::new();
    for bin in splits.iter().flat_map(|split| &split.histogram) {
        match bins
            .iter_mut()
            .find(|known| known.from == u64::from(bin.from))
        {
            Some(known) => known.rows += bin.rows,
            None => bins.push(LengthBin {
                from: u64::from(bin.from),
                to: bin.to.map(u64::from),
                rows: bin.rows,
            }),
        }
    }
    bins
}

/// Duplicates and leaks in words, the leaks first.
fn audit(view: &Profile) -> Vec<AuditLine> {
    let (leaks, copies) = (&view.leaks, &view.duplicates);
    let line = |what: &str, count: u64, remark: String| AuditLine {
        what: what.to_owned(),
        count,
        remark,
    };
    let mut lines = vec![
        line(
            "Test reviews whose text stood in the training data, too",
            leaks.test_rows,
            format!(
                "{} verbatim; {} removed",
                count(leaks.test_rows_verbatim),
                plural(
                    leaks.train_rows_removed,
                    "training review was",
                    "training reviews were"
                )
            ),
        ),
        line(
            "Copies of an earlier review",
            copies.removed_labelled + copies.removed_unlabelled,
            "removed, the first one kept".to_owned(),
        ),
        line(
            "Reviews without a label that repeat a labelled one",
            copies.removed_unlabelled_in_labelled,
            "removed".to_owned(),
        ),
        line(
            "Copies inside the official test split",
            copies.kept_in_test,
            "kept, so that figures compare with everybody else's".to_owned(),
        ),
        line(
            "Texts that have both labels",
            copies.conflicting_texts,
            format!(
                "{}; removed, except from an official test split",
                plural(
                    copies.conflicting_rows,
                    "review has them",
                    "reviews have them"
                )
            ),
        ),
    ];
    if let Some(near) = &view.near_duplicates {
        lines.push(near_line(near));
    }
    lines.extend(text_lines(&view.texts));
    if view.groups.train + view.groups.test > 0 {
        lines.push(line(
            "Groups (films) with reviews in train and in test",
            view.groups.in_train_and_test,
            format!(
                "of {} in test; a model may know them by name",
                count(view.groups.test)
            ),
        ));
    }
    lines
}

fn near_line(near: &NearDuplicates) -> AuditLine {
    let removed = match (near.train_rows_removed, near.unlabelled_rows_removed) {
        (0, 0) => "none of them near a review of an official test split from outside it".to_owned(),
        (train, unlabelled) => format!(
            "{} and {} near a test review were removed",
            plural(train, "training review", "training reviews"),
            plural(unlabelled, "unlabelled one", "unlabelled ones")
        ),
    };
    let what = "Reviews that share most of their wording with another".to_owned();
    if near.rows == 0 {
        let remark = format!(
            "no two have a Jaccard similarity of runs of five words of {} or more",
            near.threshold
        );
        return AuditLine {
            what,
            count: 0,
            remark,
        };
    }
    AuditLine {
        what,
        count: near.rows,
        remark: format!(
            "in {} of at most {}, kept on one side of the split (Jaccard similarity of runs of five words at least {}); {removed}",
            plural(near.clusters, "cluster", "clusters"),
            count(near.largest_cluster),
            near.threshold
        ),
    }
}

/// What was noticed in the texts, where it was.
fn text_lines(texts: &Texts) -> Vec<AuditLine> {
    let masked = if texts.scores_masked {
        "masked"
    } else {
        "left in: `clean.mask_scores` would mask them"
    };
    let languages = texts
        .other_languages
        .iter()
        .map(|entry| format!("{} {}", count(entry.rows), entry.language));
    let others = texts.other_languages.iter().map(|entry| entry.rows).sum();
    [
        (
            "Reviews with wrongly decoded characters",
            texts.repaired,
            "repaired".to_owned(),
        ),
        (
            "Labelled reviews that state their own score",
            texts.state_a_score,
            masked.to_owned(),
        ),
        (
            "Reviews in another language",
            others,
            languages.collect::<Vec<_>>().join(", "),
        ),
    ]
    .into_iter()
    .filter(|(_, found, _)| *found > 0)
    .map(|(what, found, remark)| AuditLine {
        what: what.to_owned(),
        count: found,
        remark,
    })
    .collect()
}

fn class_words(view: profile::ClassWords) -> ClassWords {
    let words = view.words.into_iter().map(|word| Word {
        word: word.word,
        score: word.score,
        reviews: word.reviews,
    });
    ClassWords {
        class: view.class.to_string(),
        words: words.collect(),
    }
}
