//! `profile.json` of clean.

use artifact::files::profile::{
    ExampleReview, NearDuplicates, Profile, SplitProfile, Splitting, Texts,
};
use artifact::format::{count, plural};
use artifact::{Artifact, Failure, Sentiment};

use super::read;
use crate::data::{AuditLine, LengthBin, NearPair, ReviewsData, SplitCount};
use crate::words;

/// Adds the profile to what is known of the reviews.
pub(super) fn add(clean: &Artifact, reviews: &mut ReviewsData) -> Result<(), Failure> {
    let profile: Profile = read(clean, "profile.json")?;
    reviews.splitting = splitting(&profile.splitting);
    reviews.splits = profile.splits.iter().map(split_count).collect();
    reviews.audit = audit(&profile);
    reviews.lengths = lengths(&profile.splits);
    reviews.words = profile.telling_words;
    let text = |example: ExampleReview| example.text + if example.cut { " ..." } else { "" };
    let near = profile.near_duplicates.into_iter();
    let near = near.flat_map(|near| near.examples);
    let near = near.map(|pair| NearPair {
        similarity: pair.similarity,
        texts: [text(pair.one), text(pair.two)],
    });
    reviews.near_pairs = near.collect();
    Ok(())
}

fn splitting(view: &Splitting) -> String {
    let test = match view.test_by.as_str() {
        "official" => "the split into train and test is the source's own",
        _ => "split by a hash of the text",
    };
    let groups = match view.grouped {
        true => "; where a hash decides, whole groups stay together",
        false => "",
    };
    format!("{test}{groups}")
}

fn split_count(view: &SplitProfile) -> SplitCount {
    let class = |wanted| {
        let found = view.classes.iter().filter(|found| found.class == wanted);
        found.map(|found| found.rows).sum()
    };
    let (negative, positive): (u64, u64) = (class(Sentiment::Negative), class(Sentiment::Positive));
    SplitCount {
        split: view.split,
        negative,
        positive,
        unlabelled: view.rows.saturating_sub(negative + positive),
    }
}

/// The histograms of all splits, whose edges are the same, added up.
fn lengths(splits: &[SplitProfile]) -> Vec<LengthBin> {
    let mut bins: Vec<LengthBin> = Vec::new();
    for bin in splits.iter().flat_map(|split| &split.histogram) {
        match bins.iter_mut().find(|known| known.from == bin.from) {
            Some(known) => known.rows += bin.rows,
            None => bins.push(*bin),
        }
    }
    bins
}

/// Duplicates and leaks in words, the leaks first.
fn audit(profile: &Profile) -> Vec<AuditLine> {
    let (leaks, copies, groups) = (&profile.leaks, &profile.duplicates, &profile.groups);
    let verbatim = count(leaks.test_rows_verbatim);
    let removed = leaks.train_rows_removed;
    let removed = plural(removed, "training review was", "training reviews were");
    let conflicting = copies.conflicting_rows;
    let conflicting = plural(conflicting, "review has them", "reviews have them");
    let mut lines = vec![
        AuditLine::new(
            "Test reviews whose text stood in the training data, too",
            leaks.test_rows,
            format!("{verbatim} verbatim; {removed} removed"),
        ),
        AuditLine::new(
            "Copies of an earlier review",
            copies.removed_labelled + copies.removed_unlabelled,
            "removed, the first one kept",
        ),
        AuditLine::new(
            "Reviews without a label that repeat a labelled one",
            copies.removed_unlabelled_in_labelled,
            "removed",
        ),
        AuditLine::new(
            "Copies inside the official test split",
            copies.kept_in_test,
            "kept, so that figures compare with everybody else's",
        ),
        AuditLine::new(
            "Texts that have both labels",
            copies.conflicting_texts,
            format!("{conflicting}; removed, except from an official test split"),
        ),
    ];
    lines.extend(profile.near_duplicates.as_ref().map(near_line));
    lines.extend(text_lines(&profile.texts));
    if groups.train + groups.test > 0 {
        let what = "Groups (films) with reviews in train and in test";
        let in_test = count(groups.test);
        let remark = format!("of {in_test} in test; a model may know them by name");
        lines.push(AuditLine::new(what, groups.in_train_and_test, remark));
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
    let threshold = near.threshold;
    let clusters = plural(near.clusters, "cluster", "clusters");
    let largest = count(near.largest_cluster);
    let remark = match near.rows {
        0 => {
            format!("no two have a Jaccard similarity of runs of five words of {threshold} or more")
        }
        _ => format!(
            "in {clusters} of at most {largest}, kept on one side of the split (Jaccard similarity of runs of five words at \
             least {threshold}); {removed}"
        ),
    };
    let what = "Reviews that share most of their wording with another";
    AuditLine::new(what, near.rows, remark)
}

/// What was noticed in the texts, where it was.
fn text_lines(texts: &Texts) -> impl Iterator<Item = AuditLine> {
    let masked = match texts.scores_masked {
        true => "masked",
        false => "left in: `clean.mask_scores` would mask them",
    };
    let languages = texts.other_languages.iter();
    let languages = languages.map(|entry| format!("{} {}", count(entry.rows), entry.language));
    let lines = [
        AuditLine::new(
            "Reviews with wrongly decoded characters",
            texts.repaired,
            "repaired",
        ),
        AuditLine::new(
            "Labelled reviews that state their own score",
            texts.state_a_score,
            masked,
        ),
        AuditLine::new(
            "Reviews in another language",
            texts.other_languages.iter().map(|entry| entry.rows).sum(),
            words::join(languages, ", "),
        ),
    ];
    lines.into_iter().filter(|line| line.count > 0)
}
