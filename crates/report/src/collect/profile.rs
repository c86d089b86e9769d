//! The data checks and counts of `profile.json`, which clean writes.

use artifact::files::profile::{
    ExampleReview, NearDuplicates, Profile, SplitProfile, Splitting, Texts,
};
use artifact::format::{count, plural};
use artifact::{Artifact, Failure, Sentiment};

use super::read;
use crate::data::{DataCheck, LengthBin, NearPair, ReviewsData, SplitCount};
use crate::formatting;

/// Adds the profile to the report's data about the reviews.
pub(super) fn add(clean: &Artifact, reviews: &mut ReviewsData) -> Result<(), Failure> {
    let profile: Profile = read(clean, "profile.json")?;
    let has_groups = profile.groups.train + profile.groups.test > 0;
    reviews.splitting = splitting(&profile.splitting, has_groups);
    reviews.splits = profile.splits.iter().map(split_count).collect();
    reviews.checks = checks(&profile);
    reviews.lengths = lengths(&profile.splits);
    reviews.words = profile.telling_words;
    let text = |example: ExampleReview| example.text + if example.cut { " …" } else { "" };
    let near = profile.near_duplicates.into_iter();
    let near = near.flat_map(|near| near.examples);
    let near = near.map(|pair| NearPair {
        similarity: pair.similarity,
        texts: [text(pair.one), text(pair.two)],
    });
    reviews.near_pairs = near.collect();
    Ok(())
}

fn splitting(view: &Splitting, has_groups: bool) -> String {
    let test = match view.test_by.as_str() {
        "official" => "official training and test split of the source",
        _ => "by a hash of the text",
    };
    let groups = match view.grouped && has_groups {
        true => "; reviews of a group are in the same split",
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

/// The sum of the histograms of all splits, which have the same bins.
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

/// Every check, duplicates and leaks first. The others have a result only if something was found.
fn checks(profile: &Profile) -> Vec<DataCheck> {
    let (copies, leaks, groups) = (&profile.duplicates, &profile.leaks, &profile.groups);
    let removed = copies.removed_labelled + copies.removed_unlabelled;
    let duplicates = match removed {
        0 => "no duplicate reviews".to_owned(),
        _ => format!(
            "{} removed",
            plural(removed, "duplicate review", "duplicate reviews")
        ),
    };
    let overlap = match leaks.test_rows {
        0 => "no overlap between training and test".to_owned(),
        _ => format!(
            "{} removed that also occurred in the test split",
            plural(
                leaks.train_rows_removed,
                "training review",
                "training reviews"
            )
        ),
    };
    let (unlabelled, in_test) = (copies.removed_unlabelled_in_labelled, copies.kept_in_test);
    let (texts, shared) = (copies.conflicting_texts, groups.in_train_and_test);
    let all_groups = count(groups.test);
    let mut checks = vec![
        DataCheck::new("Duplicate reviews", removed, duplicates),
        DataCheck::new("Test reviews that also occurred in training", leaks.test_rows, overlap),
        DataCheck::found("Unlabelled copies of labelled reviews", unlabelled, |found| {
            format!("unlabelled copies of labelled reviews: {found} removed")
        }),
        DataCheck::found("Duplicates within the official test split", in_test, |found| {
            format!("duplicates within the official test split: {found}, not removed, so that figures compare with published ones")
        }),
        DataCheck::found("Texts with both labels", texts, |found| {
            let reviews = plural(copies.conflicting_rows, "review", "reviews");
            format!("texts with both labels: {found} ({reviews}), removed except from an official test split")
        })
        .warning(),
    ];
    let is_official = profile.splitting.test_by == "official";
    checks.retain(|check| is_official || !check.what.ends_with("official test split"));
    checks.extend(profile.near_duplicates.as_ref().map(near_duplicates));
    checks.extend(
        text_checks(&profile.texts)
            .into_iter()
            .filter(|check| check.count > 0),
    );
    let shared = DataCheck::found("Groups in training and test", shared, |found| {
        format!(
            "groups with reviews in training and test: {found} of {all_groups} in test; a model may recognise them by name"
        )
    });
    checks.extend((groups.train + groups.test > 0).then(|| shared.warning()));
    checks
}

fn near_duplicates(near: &NearDuplicates) -> DataCheck {
    DataCheck::found("Near-duplicates", near.rows, |found| {
        let (threshold, clusters) = (near.threshold, plural(near.clusters, "cluster", "clusters"));
        let removed = match near.train_rows_removed + near.unlabelled_rows_removed {
            0 => String::new(),
            rows => format!(
                ", and {} similar to an official test review removed",
                count(rows)
            ),
        };
        format!(
            "near-duplicates (Jaccard similarity of at least {threshold} over five-word shingles): {found} in {clusters}, each \
             cluster in one split{removed}"
        )
    })
}

/// Findings in the texts.
fn text_checks(texts: &Texts) -> [DataCheck; 3] {
    let languages = texts.other_languages.iter();
    let other = languages.clone().map(|entry| entry.rows).sum();
    let languages = languages.map(|entry| format!("{} {}", count(entry.rows), entry.language));
    let languages = formatting::join(languages, ", ");
    let rating = match texts.scores_masked {
        true => "masked",
        false => "not masked; `clean.mask_scores = true` masks them",
    };
    let ratings = DataCheck::found(
        "Labelled reviews that state their own rating",
        texts.state_a_score,
        |found| format!("labelled reviews that state their own rating: {found}, {rating}"),
    );
    [
        DataCheck::found(
            "Reviews with wrongly decoded characters",
            texts.repaired,
            |found| format!("reviews with wrongly decoded characters: {found} repaired"),
        ),
        if texts.scores_masked {
            ratings
        } else {
            ratings.warning()
        },
        DataCheck::found("Reviews in another language", other, |_| {
            format!("reviews in another language: {languages}")
        })
        .warning(),
    ]
}
