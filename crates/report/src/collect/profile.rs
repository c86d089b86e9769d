//! The data checks and counts of `profile.json`, which clean writes.

use std::iter;

use artifact::files::profile::{
    ExampleReview, NearDuplicates, Profile, SplitProfile, Splitting, Texts,
};
use artifact::files::{LanguageCounts, PredictedLanguages};
use artifact::{Artifact, Sentiment, Split};

use super::{Result, read};
use crate::data::{DataCheck, LengthBin, NearPair, ReviewsData, SplitCount};
use crate::format::{self, count, plural};

/// The longer names of checks.
const LEAKS: &str = "Test reviews that also occurred in training";
const COPIES: &str = "Unlabelled copies of labelled reviews";
const TEST_DUPLICATES: &str = "Duplicates within the official test split";
const RATINGS: &str = "Labelled reviews whose text contains the rating";
const DECODING: &str = "Reviews with wrongly decoded characters";

/// Adds the profile to the report's data about the reviews.
pub(super) fn add(clean: &Artifact, reviews: &mut ReviewsData) -> Result<()> {
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
    let duplicates = plural(removed, "duplicate review", "duplicate reviews");
    let duplicates = match removed {
        0 => "no duplicate reviews".to_owned(),
        _ => format!("{duplicates} removed"),
    };
    let (rows, review) = (leaks.train_rows_removed, "training review");
    let overlap = plural(rows, review, "training reviews");
    let overlap = match leaks.test_rows {
        0 => "no overlap between training and test".to_owned(),
        _ => format!("{overlap} removed that also occurred in the test split"),
    };
    let (unlabelled, in_test) = (copies.removed_unlabelled_in_labelled, copies.kept_in_test);
    let compare = ", not removed, so that figures compare with published ones";
    let conflicting = plural(copies.conflicting_rows, "review", "reviews");
    let conflicting = format!(" ({conflicting}), removed except from an official test split");
    let texts = copies.conflicting_texts;
    let mut checks = vec![
        DataCheck::new("Duplicate reviews", removed, duplicates),
        DataCheck::new(LEAKS, leaks.test_rows, overlap),
        DataCheck::counted(COPIES, unlabelled, " removed"),
        DataCheck::counted(TEST_DUPLICATES, in_test, compare),
        DataCheck::counted("Texts with both labels", texts, &conflicting).warning(),
    ];
    let is_official = profile.splitting.test_by == "official";
    checks.retain(|check| is_official || !check.what.ends_with("official test split"));
    checks.extend(profile.near_duplicates.as_ref().map(near_duplicates));
    let texts = text_checks(&profile.texts).into_iter();
    checks.extend(texts.filter(|check| check.count > 0));
    checks.extend(languages(&profile.splits));
    if groups.train + groups.test > 0 {
        let (shared, all) = (groups.in_train_and_test, count(groups.test));
        let found = count(shared);
        let result = format!(
            "groups with reviews in training and test: {found} of {all} in test; a model may recognise them by name"
        );
        checks.push(DataCheck::found("Groups in training and test", shared, result).warning());
    }
    checks
}

/// The languages of all reviews, and a warning about test reviews in languages that the training split lacks.
fn languages(splits: &[SplitProfile]) -> Vec<DataCheck> {
    let of = |wanted: Split| {
        let split = splits.iter().find(|found| found.split == wanted);
        split.map_or_else(LanguageCounts::default, |split| split.languages.clone())
    };
    let mut all = LanguageCounts::default();
    splits.iter().for_each(|split| all.extend(&split.languages));
    let (examined, total) = (all.total(), splits.iter().map(|split| split.rows).sum());
    let (listed, rare): (Vec<_>, Vec<_>) =
        (all.sorted().into_iter()).partition(|(_, rows)| 1000 * rows >= examined);
    let rare: u64 = rare.iter().map(|(_, rows)| rows).sum();
    let other = (rare > 0).then_some(("other", rare));
    let listed = listed.into_iter().chain(other);
    let shares = listed.map(|(language, rows)| {
        let share = 100.0 * rows as f64 / examined as f64;
        format!("{language} {share:.1}%")
    });
    let sample = match examined < total {
        true => format!(" (a sample of {})", plural(examined, "review", "reviews")),
        false => String::new(),
    };
    let shares = format!("languages: {}{sample}", format::join(shares, ", "));
    let (reviews, learned) = (of(Split::Test), of(Split::Train).learned());
    let test = PredictedLanguages { reviews, learned };
    let unlearned = test.warning().map(|warning| {
        let result = format!("test split: {warning}");
        DataCheck::new("Test reviews in other languages", 1, result).warning()
    });
    let shares = DataCheck::found("Languages", examined, shares);
    iter::once(shares).chain(unlearned).collect()
}

fn near_duplicates(near: &NearDuplicates) -> DataCheck {
    let (threshold, clusters) = (near.threshold, plural(near.clusters, "cluster", "clusters"));
    let removed = match near.train_rows_removed + near.unlabelled_rows_removed {
        0 => String::new(),
        rows => {
            let rows = count(rows);
            format!(", and {rows} similar to an official test review removed")
        }
    };
    let found = count(near.rows);
    let result = format!(
        "near-duplicates (Jaccard similarity of at least {threshold} over five-word shingles): {found} in {clusters}, each \
         cluster in one split{removed}"
    );
    DataCheck::found("Near-duplicates", near.rows, result)
}

/// Findings in the texts.
fn text_checks(texts: &Texts) -> [DataCheck; 3] {
    let other = texts.other_languages.total();
    let languages = texts.other_languages.sorted().into_iter();
    let languages = languages.map(|(language, rows)| format!("{} {language}", count(rows)));
    let languages = format::join(languages, ", ");
    let ratings = |note| DataCheck::counted(RATINGS, texts.state_a_score, note);
    let in_languages = format!("reviews in another language: {languages}");
    [
        DataCheck::counted(DECODING, texts.repaired, " repaired"),
        match texts.scores_masked {
            true => ratings(", masked"),
            false => ratings(", not masked; `clean.mask_scores = true` masks them").warning(),
        },
        DataCheck::found("Reviews in another language", other, in_languages).warning(),
    ]
}
