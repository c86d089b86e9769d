//! `ressenti trend` with a mix of topics that changes, with gaps, and with too few periods for a forecast.

use std::fs;

use serde_json::Value;

use crate::common::succeed;
use crate::trend::{check_in_browser, number, text, trained_project};

/// 20% of the reviews of kettles are positive, and 80% of those of toasters, which become more common.
#[test]
fn another_mix_of_topics_is_no_change_of_opinion() {
    let project = trained_project();
    let mut rows = "date,product,review,label\n".to_owned();
    // Three months have no reviews.
    for month in (0..14_u64).filter(|month| !(5..8).contains(month)) {
        let date = format!("{}-{:02}-15", 2020 + month / 12, month % 12 + 1);
        for (product, count, positives) in [
            ("Kettle", 210 - 12 * month, 2),
            ("Toaster", 30 + 12 * month, 8),
        ] {
            for number in 0..count {
                let is_positive = number % 10 < positives;
                let text = text(20_000 + 1000 * month + number, is_positive, "");
                let label = ["negative", "positive"][usize::from(is_positive)];
                rows += &format!("{date},{product},{text},{label}\n");
            }
        }
    }
    fs::write(project.folder().join("mix.csv"), rows).expect("written");
    let all = "trend mix.csv --model linear --period month --calibrate-on 800 --out out";
    let table = succeed(&project, &all.split(' ').collect::<Vec<_>>());
    for part in [
        "This does not show a change of opinion: at a constant mix of topics, it did not change significantly",
        "2020-06 to 2020-08: no reviews in 3 months",
        "There is no forecast: testing one on the past takes at least 20 months with reviews, without gaps, and 11 months have reviews.",
    ] {
        assert!(table.stdout.contains(part), "{part}: {}", table.stdout);
    }
    // Groups matter for training only.
    assert!(!table.stderr.contains("group"), "{}", table.stderr);
    let read = |name: &str| fs::read_to_string(project.folder().join("out").join(name));
    let trend: Value = serde_json::from_str(&read("trend.json").expect("written")).expect("JSON");
    assert_eq!(trend["files"][0], "mix.csv");
    assert_eq!(trend["forecast"].as_array().map(Vec::len), Some(0));
    assert!(
        number(&trend["model"]["rise"]["low"]) > 0.1,
        "{}",
        trend["model"]
    );
    let rise = &trend["topic_mix"]["constant_mix"]["rise"];
    assert!(
        number(&rise["low"]) < 0.0 && number(&rise["high"]) > 0.0,
        "{rise}"
    );
    assert!(number(&rise["value"]).abs() < 0.1, "{rise}");
    for topic in trend["topic_mix"]["topics"].as_array().expect("topics") {
        let levels = topic["levels"].as_array().expect("levels");
        let expected = if topic["topic"] == "Kettle" { 0.2 } else { 0.8 };
        assert!(
            (number(&levels[0]["value"]) - expected).abs() < 0.1,
            "{topic}"
        );
        assert!(levels[6].is_null(), "{topic}");
    }
    let page = read("trend.html").expect("written");
    for part in [
        "<title>mix.csv: trend</title>",
        "Toaster (",
        "Gaps are months without reviews.",
    ] {
        assert!(page.contains(part), "{part}");
    }
    check_in_browser(&page);
}
