//! The page as a whole: complete, self-contained, safe, and telling the truth in its order.

mod made_up;

use std::fs;
use std::path::Path;

use report::data::{ModelData, ReportData};
use report::{findings, models_picture, render};

/// The page of a made-up run, also left in the target folder for a look.
fn page() -> String {
    let data = made_up::run(4000);
    let html = render(&data);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::write(folder.join("report.html"), &html).expect("the target folder can be written");
    let picture = models_picture(&data).expect("there are accuracies");
    fs::write(folder.join("models.svg"), picture).expect("the target folder can be written");
    html
}

#[test]
fn the_page_has_every_part_and_fetches_nothing() {
    let html = page();
    for part in [
        "findings", "data", "models", "reading", "training", "settings", "mistakes", "tokens",
        "run",
    ] {
        assert!(html.contains(&format!("<section id=\"{part}\">")), "{part}");
        assert!(html.contains(&format!("href=\"#{part}\"")), "{part}");
    }
    for outside in [
        "http://", "https://", "<script", "url(", "@import", "<img", "<link", "<iframe",
    ] {
        assert!(!html.contains(outside), "{outside}");
    }
    assert!(html.len() < 600_000, "{} bytes", html.len());
}

#[test]
fn every_picture_brings_its_numbers() {
    let html = page();
    for name in [
        "figures",
        "costs",
        "splits",
        "lengths",
        "words",
        "training",
        "decisions",
        "reliability",
        "roc",
        "sweep-learning-rate",
        "range-lstm-rates",
        "tricks",
        "kinds",
    ] {
        assert_eq!(
            html.matches(&format!("download=\"{name}.csv\"")).count(),
            1,
            "{name}"
        );
    }
    let figures = html
        .split("data:text/csv;charset=utf-8,model,figure,value,low,high%0D%0A")
        .nth(1)
        .expect("it is there");
    let accuracy = made_up::run(4000).models[0].figures["accuracy"]
        .estimate()
        .expect("it has an interval");
    let row = format!(
        "naive,accuracy,{},{},{}%0D%0A",
        accuracy.value, accuracy.low, accuracy.high
    );
    assert!(figures.starts_with(&row), "{row}\n{}", &figures[..200]);
}

#[test]
fn worth_is_told_from_quick_to_good() {
    let mut data = made_up::run(4000);
    assert!(render(&data).contains("The quickest of the best, naive, took 41 s and reaches "));
    // A model that is quickest and best leaves nothing to weigh.
    data.models[2].total_seconds = 1.0;
    let html = render(&data);
    assert!(html.contains("The quickest of the best, lstm, took 1.0 s and reaches "));
    assert!(!html.contains(" points for "));
}

#[test]
fn programs_and_pull_requests_get_the_same_findings() {
    let data = made_up::run(4000);
    let value: serde_json::Value =
        serde_json::from_str(&report::for_programs(&data)).expect("it is JSON");
    let findings = findings(&data);
    assert_eq!(value["findings"], serde_json::json!(findings));
    assert_eq!(
        value["models"][0]["figures"]["accuracy"]["value"],
        data.models[0].figures["accuracy"].value()
    );
    let markdown = report::markdown::render(&data);
    assert!(
        markdown.contains(&format!("- {}", findings[1])),
        "{markdown}"
    );
    assert!(markdown.contains("| **lstm** | "), "{markdown}");
    assert!(!markdown.contains("<script"));
    for model in &data.models {
        let card = report::card::render(&data, model);
        assert!(card.contains(&format!("# {}\n", model.name)), "{card}");
        let is_asked = matches!(model.name.as_str(), "naive" | "lstm");
        assert_eq!(
            card.contains("| double negation | 24 | "),
            is_asked,
            "{card}"
        );
        assert!(card.contains("| with a contrast | 400 | "), "{card}");
    }
}

#[test]
fn the_best_setting_is_named_with_its_spread() {
    let html = page();
    let best = "Of 4 combinations in 8 trainings, training.learning_rate = 0.01 does best on validation: loss 0.3100, \
                accuracy 84.0\u{a0}%, the mean of 2 seeds (83.0 to 85.0\u{a0}%).";
    assert!(html.contains(best), "{html}");
    assert!(html.contains("learning_rate: accuracy by training.learning_rate"));
}

#[test]
fn tricks_and_kinds_come_with_the_worst_first() {
    let html = page();
    for part in [
        "Of 60 texts written to trick a model, lstm fails 33.3\u{a0}%, the fewest, and naive 38.3\u{a0}%, the most.",
        "2 of them stand in the training reviews; without those fail: naive 37.9\u{a0}%, lstm 32.8\u{a0}%.",
        "17 of 4,000 test reviews are probably labelled wrong",
    ] {
        assert!(html.contains(part), "{part}");
    }
    let place = |text: &str| html.find(text).unwrap_or_else(|| panic!("{text}"));
    assert!(place(">with a contrast<") < place(">without a contrast<"));
}

#[test]
fn what_another_part_of_a_review_gains_is_paired_and_signed() {
    let mut data = made_up::run(4000);
    // The second model is the first one's network on another part of the reviews.
    data.models[1].architecture = data.models[0].architecture.clone();
    data.readings[1].way = "the first and last 400 tokens".to_owned();
    let pair = &data.comparisons[0];
    assert_eq!(
        [&pair.first, &pair.second],
        [&data.models[0].name, &data.models[1].name]
    );
    let gain = format!("{:+.1}", -100.0 * pair.difference.value).replace('-', "−");
    let html = render(&data);
    let section = html
        .split("<section id=\"reading\">")
        .nth(1)
        .expect("it is there");
    let section = section.split("</section>").next().expect("it ends");
    assert!(
        section.contains(&format!("<span>{gain}</span>")),
        "{gain}\n{section}"
    );
    assert_eq!(
        section.matches("class=\"range\">naive,").count(),
        1,
        "{section}"
    );

    // Where all is read there is nothing to say.
    for reading in &mut data.readings {
        reading.cut = Some(0.002);
    }
    assert!(!render(&data).contains("<section id=\"reading\">"));
}

#[test]
fn text_of_reviews_cannot_leave_its_place() {
    let html = page();
    assert!(html.contains("&lt;script&gt;alert('x')&lt;/script&gt;"));
    assert!(!html.contains('\u{0}'));
    let mut data = made_up::run(200);
    data.title = made_up::HARMFUL.to_owned();
    data.models[0].name = made_up::HARMFUL.to_owned();
    data.reviews.words[0].words[0].word = made_up::HARMFUL.to_owned();
    data.steps[0].summary = made_up::HARMFUL.to_owned();
    for text in [
        render(&data),
        models_picture(&data).expect("there are accuracies"),
    ] {
        assert!(!text.contains("<script") && !text.contains("<img"));
    }
}

#[test]
fn every_element_is_closed_and_every_id_stands_once() {
    for data in [made_up::run(200), ReportData::default()] {
        let html = render(&data);
        check_nesting(&html);
        let mut ids: Vec<&str> = html
            .split(" id=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        let number = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), number);
        assert_eq!(
            html.matches("<svg ").count(),
            html.matches(" role=\"img\" ").count()
        );
    }
    check_nesting(&models_picture(&made_up::run(200)).expect("there are accuracies"));
}

/// Tags open and close like brackets. Text is escaped, so every `<` begins a tag.
fn check_nesting(html: &str) {
    let mut open: Vec<&str> = Vec::new();
    for tag in html
        .split('<')
        .skip(1)
        .filter_map(|rest| rest.split('>').next())
    {
        let name = tag.split_whitespace().next().unwrap_or_default();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if matches!(name, "!DOCTYPE" | "meta" | "br" | "hr") => {}
            None => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn the_audit_comes_before_any_accuracy() {
    let html = page();
    let audit = html
        .find("Test reviews that also stand in train")
        .expect("it is reported");
    let accuracy = html.find("test reviews right").expect("it is reported");
    assert!(audit < accuracy);
    assert!(html.find("id=\"data\"") < html.find("id=\"models\""));
}

#[test]
fn findings_say_what_the_figures_say() {
    let data = made_up::run(4000);
    let found = findings(&data);
    let best = &found[1];
    assert!(
        best.starts_with("The best model is lstm: ")
            && best.contains(" of 4,000 test reviews right (95 % interval "),
        "{best}"
    );
    assert!(
        found[2].starts_with("lstm beats ")
            && found[2].contains("lstm cannot be told apart from gru"),
        "{}",
        found[2]
    );
    assert!(
        found
            .iter()
            .any(|line| line == "Always answering “positive” would be right on 50.0 %."),
        "{found:?}"
    );
    let none = findings(&ReportData {
        models: vec![ModelData::default()],
        ..ReportData::default()
    });
    assert_eq!(
        none,
        ["No model has an accuracy: there were no test reviews."]
    );
}

#[test]
fn few_reviews_are_told_to_be_few_and_no_interval_of_theirs_has_a_width_of_nothing() {
    for rows in [1, 20, 41] {
        let mut data = made_up::run(rows);
        data.models.truncate(1);
        data.comparisons.clear();
        let few = format!("Figures of {rows} test review");
        let markdown = report::markdown::render(&data);
        let card = report::card::render(&data, &data.models[0]);
        let page = render(&data);
        let told = [&markdown, &card, &page, &report::for_programs(&data)];
        assert!(told.iter().all(|text| text.contains(&few)), "{rows}");
        for text in [&markdown, &card, &page] {
            assert!(text.contains("no interval"), "{rows}");
            assert!(text.contains("where fewer than 10 test reviews"), "{rows}");
        }
        let found = findings(&data);
        assert!(
            found
                .iter()
                .any(|line| line.ends_with("(no interval: too few reviews or mistakes).")),
            "{found:?}"
        );
        for words in markdown.split(['(', ')']).filter(|it| it.contains('–')) {
            let ends: Vec<&str> = words.split('–').collect();
            assert_ne!(ends[0], ends[1], "{rows}: {words}");
        }
    }
    let many = made_up::run(4000);
    for text in [report::markdown::render(&many), render(&many)] {
        assert!(!text.contains("no interval") && !text.contains("say little"));
    }
}

#[test]
fn little_or_strange_data_makes_a_page_without_a_number_that_is_none() {
    let mut data = made_up::run(200);
    data.models[0].figures.clear();
    data.models[1].epochs.truncate(1);
    data.models[2]
        .epochs
        .iter_mut()
        .for_each(|epoch| epoch.train_loss = None);
    data.models[3].epochs.clear();
    data.models[4].roc.clear();
    data.models[4].parameters = None;
    for data in [
        data,
        made_up::run(1),
        ReportData::default(),
        ReportData {
            models: vec![ModelData::default()],
            ..ReportData::default()
        },
    ] {
        let html = render(&data);
        for wrong in ["NaN", "inf%", ">inf<", "\"inf", "-0.0 "] {
            assert!(!html.contains(wrong), "{wrong}");
        }
    }
}
