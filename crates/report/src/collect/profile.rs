//! The data checks and counts of `profile.json`, which clean writes.

use artifact::files::profile::{
    Duplicates, ExampleReview, Groups, Leaks, NearDuplicates, Profile, SplitProfile, Splitting,
    Texts,
};
use artifact::format::{count, plural};
use artifact::{Artifact, Failure, Sentiment};

use super::read;
use crate::data::{DataCheck, LengthBin, NearPair, ReviewsData, SplitCount};
use crate::formatting;

/// Adds the profile to the report's data about the reviews.
pub(super) fn add(clean: &Artifact, reviews: &mut ReviewsData) -> Result<(), Failure> {
    let profile: Profile = read(clean, "profile.json")?;
    reviews.splitting = splitting(&profile.splitting);
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

fn splitting(view: &Splitting) -> String {
    let test = match view.test_by.as_str() {
        "official" => "training and test split of the source",
        _ => "split by a hash of the text",
    };
    let groups = match view.grouped {
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

/// Every check, duplicates and leaks first.
fn checks(profile: &Profile) -> Vec<DataCheck> {
    let mut checks = vec![
        duplicates(&profile.duplicates),
        leaks(&profile.leaks),
        unlabelled_copies(&profile.duplicates),
        test_duplicates(&profile.duplicates),
        conflicting_labels(&profile.duplicates),
    ];
    checks.extend(profile.near_duplicates.as_ref().map(near_duplicates));
    checks.extend(text_checks(&profile.texts));
    checks.extend(shared_groups(&profile.groups));
    checks
}

/// A check of which only findings are printed.
fn check(what: &str, count: u64, remark: String, result: String) -> DataCheck {
    DataCheck {
        what: what.to_owned(),
        count,
        remark,
        result: if count > 0 { result } else { String::new() },
        is_warning: false,
    }
}

fn duplicates(copies: &Duplicates) -> DataCheck {
    let removed = copies.removed_labelled + copies.removed_unlabelled;
    let result = match removed {
        0 => "no duplicate reviews".to_owned(),
        _ => format!(
            "{} removed",
            plural(removed, "duplicate review", "duplicate reviews")
        ),
    };
    let remark = "removed; the first review of each text is used".to_owned();
    DataCheck {
        result,
        ..check("Duplicate reviews", removed, remark, String::new())
    }
}

fn leaks(leaks: &Leaks) -> DataCheck {
    let removed = plural(
        leaks.train_rows_removed,
        "training review",
        "training reviews",
    );
    let verbatim = count(leaks.test_rows_verbatim);
    let result = match leaks.test_rows {
        0 => "no overlap between training and test".to_owned(),
        _ => format!("{removed} removed that also occurred in the test split"),
    };
    let remark = format!("{verbatim} of them verbatim; {removed} removed");
    let what = "Test reviews that also occurred in training";
    DataCheck {
        result,
        ..check(what, leaks.test_rows, remark, String::new())
    }
}

fn unlabelled_copies(copies: &Duplicates) -> DataCheck {
    let found = copies.removed_unlabelled_in_labelled;
    let one = "unlabelled copy of a labelled review";
    let removed = plural(found, one, "unlabelled copies of labelled reviews");
    let what = "Unlabelled copies of labelled reviews";
    check(
        what,
        found,
        "removed".to_owned(),
        format!("{removed} removed"),
    )
}

fn test_duplicates(copies: &Duplicates) -> DataCheck {
    let found = plural(copies.kept_in_test, "duplicate", "duplicates");
    let reason = "not removed, so that figures compare with published ones";
    let what = "Duplicates within the official test split";
    let result = format!("{found} within the official test split, {reason}");
    check(what, copies.kept_in_test, reason.to_owned(), result)
}

fn conflicting_labels(copies: &Duplicates) -> DataCheck {
    let texts = plural(copies.conflicting_texts, "text", "texts");
    let reviews = plural(copies.conflicting_rows, "review", "reviews");
    let removed = "removed, except from an official test split";
    DataCheck {
        is_warning: copies.conflicting_texts > 0,
        ..check(
            "Texts with both labels",
            copies.conflicting_texts,
            format!("{reviews}, {removed}"),
            format!("{texts} with both labels ({reviews}): {removed}"),
        )
    }
}

fn near_duplicates(near: &NearDuplicates) -> DataCheck {
    let threshold = near.threshold;
    let similar = format!("Jaccard similarity of at least {threshold} over five-word shingles");
    let clusters = plural(near.clusters, "cluster", "clusters");
    let largest = count(near.largest_cluster);
    let removed = match near.train_rows_removed + near.unlabelled_rows_removed {
        0 => String::new(),
        rows => format!(
            "; {} similar to an official test review removed",
            plural(rows, "review", "reviews")
        ),
    };
    let kept = format!("each cluster is in one split{removed}");
    let rows = plural(near.rows, "near-duplicate", "near-duplicates");
    check(
        "Near-duplicates",
        near.rows,
        format!("{similar}; {clusters} of at most {largest}; {kept}"),
        format!("{rows} ({similar}) in {clusters}: {kept}"),
    )
}

/// Findings in the texts.
fn text_checks(texts: &Texts) -> impl Iterator<Item = DataCheck> {
    let repaired = texts.repaired;
    let reviews = plural(repaired, "review", "reviews");
    let encoding = check(
        "Reviews with wrongly decoded characters",
        repaired,
        "repaired".to_owned(),
        format!("wrongly decoded characters repaired in {reviews}"),
    );
    let masked = match texts.scores_masked {
        true => "masked",
        false => "not masked; `clean.mask_scores = true` masks them",
    };
    let rated = texts.state_a_score;
    let reviews = plural(rated, "review states its", "reviews state their");
    let ratings = DataCheck {
        is_warning: rated > 0 && !texts.scores_masked,
        ..check(
            "Labelled reviews that state their own rating",
            rated,
            masked.to_owned(),
            format!("{reviews} own rating in the text: {masked}"),
        )
    };
    let languages = texts.other_languages.iter();
    let other = languages.clone().map(|entry| entry.rows).sum();
    let languages = languages.map(|entry| format!("{} {}", count(entry.rows), entry.language));
    let languages = formatting::join(languages, ", ");
    let reviews = plural(other, "review", "reviews");
    let language = DataCheck {
        is_warning: other > 0,
        ..check(
            "Reviews in another language",
            other,
            languages.clone(),
            format!("{reviews} in another language: {languages}"),
        )
    };
    let found = [encoding, ratings, language].into_iter();
    found.filter(|check| check.count > 0)
}

/// Groups on both sides of the split, where the reviews have groups.
fn shared_groups(groups: &Groups) -> Option<DataCheck> {
    let shared = groups.in_train_and_test;
    let in_test = count(groups.test);
    let result = format!(
        "{} (of {in_test} in test) with reviews in training and test: a model may recognise them by name",
        plural(shared, "group", "groups")
    );
    let remark = format!("of {in_test} in test; a model may recognise them by name");
    (groups.train + groups.test > 0).then(|| DataCheck {
        is_warning: shared > 0,
        ..check("Groups in training and test", shared, remark, result)
    })
}
