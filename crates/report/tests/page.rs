//! The page as a whole: complete, self-contained, escaped, and in the right order.

mod sample_run;

use std::fs;
use std::path::Path;

use report::data::{ModelData, ReportData};
use report::{findings, models_picture, render};

/// The page of the sample run, which is also written into the target folder.
fn page() -> String {
    let data = sample_run::run(4000);
    let html = render(&data);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::write(folder.join("report.html"), &html).expect("the target folder can be written");
    let picture = models_picture(&data).expect("there are accuracies");
    fs::write(folder.join("models.svg"), picture).expect("the target folder can be written");
    html
}

#[test]
fn the_page_has_every_section_and_loads_nothing() {
    let html = page();
    for section in [
        "summary",
        "data-checks",
        "models",
        "likely-label-errors",
        "most-confident-errors",
        "per-class-results",
        "confusion-matrix",
        "thresholds",
        "accuracy-and-coverage",
        "calibration",
        "roc-curves",
        "slices",
        "challenge-set",
        "long-reviews",
        "hyperparameter-sweeps",
        "learning-curves",
        "reviews",
        "tokens-and-embeddings",
        "what-was-run",
    ] {
        assert!(html.contains(&format!(" id=\"{section}\">")), "{section}");
        assert!(html.contains(&format!("href=\"#{section}\"")), "{section}");
    }
    // Three sections are open; of the others only headings are visible.
    assert_eq!(html.matches("<section id=").count(), 3);
    assert_eq!(html.matches("<section class=\"collapsed\">").count(), 16);
    assert!(!html.contains("<details open"));
    for outside in [
        "http://", "https://", "<script", "url(", "@import", "<img", "<link", "<iframe",
    ] {
        assert!(!html.contains(outside), "{outside}");
    }
    assert!(html.len() < 700_000, "{} bytes", html.len());
}

#[test]
fn every_picture_has_a_csv_download() {
    let html = page();
    for name in [
        "figures",
        "costs",
        "splits",
        "lengths",
        "words",
        "training",
        "confusion",
        "coverage",
        "reliability",
        "roc",
        "sweep-learning-rate",
        "range-lstm-rates",
        "challenge",
        "slices",
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
        .expect("it exists");
    let accuracy = sample_run::run(4000).models[0].figures["accuracy"]
        .estimate()
        .expect("it has an interval");
    let row = format!(
        "naive,accuracy,{},{},{}%0D%0A",
        accuracy.value, accuracy.low, accuracy.high
    );
    assert!(figures.starts_with(&row), "{row}\n{}", &figures[..200]);
}

#[test]
fn the_pareto_front_is_described_from_fast_to_accurate() {
    let mut data = sample_run::run(4000);
    assert!(
        render(&data)
            .contains("The fastest model to train, <code>naive</code>, took 41 s and reached ")
    );
    // The fastest model is also the best one.
    data.models[2].total_seconds = 1.0;
    let html = render(&data);
    assert!(
        html.contains("The fastest model to train, <code>lstm</code>, took 1.0 s and reached ")
    );
    assert!(!html.contains(" points more accurate than the one before"));
}

#[test]
fn json_and_markdown_have_the_summary_of_the_page() {
    let data = sample_run::run(4000);
    let value: serde_json::Value =
        serde_json::from_str(&report::render_json(&data)).expect("it is JSON");
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
        let is_tested = matches!(model.name.as_str(), "naive" | "lstm");
        assert_eq!(
            card.contains("| double negation | 24 | "),
            is_tested,
            "{card}"
        );
        assert!(card.contains("| with a contrast | 400 | "), "{card}");
    }
}

#[test]
fn the_best_combination_of_a_sweep_is_named_with_its_range() {
    let html = page();
    let best = "The best of 4 candidates (8 trials) is training.learning_rate = 0.01: validation loss 0.3100, accuracy \
                84.0%, the mean of 2 seeds (83.0–85.0). The lowest accuracy is ";
    assert!(html.contains(best), "{html}");
    assert!(html.contains("learning_rate: accuracy by training.learning_rate"));
}

#[test]
fn challenge_set_slices_and_label_errors_are_described() {
    let html = page();
    for part in [
        "<code>lstm</code> fails the fewest of 60 tests: 33.3%.",
        "2 texts are also training reviews; failure rates without them: <code>naive</code> 37.9%, <code>lstm</code> 32.8%.",
        "17 likely label errors among 4,000 test reviews",
        "Review the 17 likely label errors of the test split in <code>likely_label_errors.csv</code> without looking at the prediction; often the model is wrong.",
    ] {
        assert!(html.contains(part), "{part}");
    }
    let position = |text: &str| html.find(text).unwrap_or_else(|| panic!("{text}"));
    assert!(position(">with a contrast<") < position(">without a contrast<"));
}

#[test]
fn the_gain_of_reading_another_part_of_a_review_is_paired_and_signed() {
    let mut data = sample_run::run(4000);
    // The second model has the architecture of the first one and reads another part.
    data.models[1].architecture = data.models[0].architecture.clone();
    data.input_lengths[1].part = "the first and last 400 tokens".to_owned();
    let pair = &data.comparisons[0];
    assert_eq!(
        [&pair.first, &pair.second],
        [&data.models[0].name, &data.models[1].name]
    );
    let gain = format!("{:+.1}", -100.0 * pair.difference.value).replace('-', "−");
    let html = render(&data);
    let section = html
        .split(" id=\"long-reviews\">")
        .nth(1)
        .expect("it exists");
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

    // Without truncated reviews there is no section.
    for length in &mut data.input_lengths {
        length.truncated = Some(0.002);
    }
    assert!(!render(&data).contains("id=\"long-reviews\""));
}

#[test]
fn text_of_reviews_is_escaped() {
    let html = page();
    assert!(html.contains("&lt;script&gt;alert('x')&lt;/script&gt;"));
    assert!(!html.contains('\u{0}'));
    let mut data = sample_run::run(200);
    data.title = sample_run::HARMFUL.to_owned();
    data.models[0].name = sample_run::HARMFUL.to_owned();
    data.reviews.words[0].words[0].word = sample_run::HARMFUL.to_owned();
    data.steps[0].summary = sample_run::HARMFUL.to_owned();
    for text in [
        render(&data),
        models_picture(&data).expect("there are accuracies"),
    ] {
        assert!(!text.contains("<script") && !text.contains("<img"));
    }
}

#[test]
fn every_element_is_closed_and_every_id_is_unique() {
    for data in [sample_run::run(200), ReportData::default()] {
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
    check_nesting(&models_picture(&sample_run::run(200)).expect("there are accuracies"));
}

/// Checks that elements are properly nested. Text is escaped, so every `<` begins a tag.
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
fn data_checks_come_before_the_models() {
    let html = page();
    let checks = "418 duplicate reviews removed; 123 training reviews removed that also occurred in the test split.";
    assert!(html.contains(checks));
    assert!(html.contains("Also checked, none found: near-duplicates."));
    assert!(html.find("id=\"data-checks\"") < html.find("id=\"models\""));
}

#[test]
fn the_summary_states_what_the_figures_show() {
    let data = sample_run::run(4000);
    let found = findings(&data);
    let (headline, comparison) = (&found[0], &found[3]);
    assert!(
        headline.starts_with("Best model: `lstm`, ")
            && headline.contains("% accuracy (95% CI ")
            && headline.ends_with(" on 4,000 test reviews."),
        "{headline}"
    );
    assert!(
        comparison.starts_with("`lstm` is significantly more accurate than ")
            && comparison.contains(" points above `gru` (95% CI "),
        "{comparison}"
    );
    let has = |line: &str| found.iter().any(|found| found.contains(line));
    assert!(
        has("Always predicting “positive” would reach 50.0%."),
        "{found:?}"
    );
    assert!(
        has("ressenti predict --model lstm --input reviews.csv --output predictions.csv"),
        "{found:?}"
    );
    let none = findings(&ReportData {
        models: vec![ModelData::default()],
        ..ReportData::default()
    });
    assert_eq!(
        none,
        ["No model has an accuracy, because there are no labelled test reviews."]
    );
}

#[test]
fn no_model_is_recommended_that_guesses() {
    let mut data = sample_run::run(4000);
    data.models.truncate(1);
    data.best = Some(data.models[0].name.clone());
    data.comparisons.clear();
    for figure in data.models[0].figures.values_mut() {
        *figure = metrics::Figure::Estimate(metrics::Estimate {
            value: 0.51,
            low: 0.49,
            high: 0.53,
        });
    }
    let found = findings(&data).join("\n");
    assert!(
        found.contains("Do not use these models yet: `naive` is not significantly better"),
        "{found}"
    );
    assert!(!found.contains("ressenti predict"), "{found}");
}

#[test]
fn calibration_that_makes_probabilities_worse_is_stated() {
    let mut data = sample_run::run(4000);
    let better = "Calibration made neither ECE nor log loss worse for any model.";
    assert!(render(&data).contains(better));
    let file = data.models[2]
        .calibration
        .as_mut()
        .expect("it is calibrated");
    std::mem::swap(&mut file.before, &mut file.after);
    let html = render(&data);
    assert!(
        html.contains("Calibration made the ECE worse for <code>lstm</code> ("),
        "{html}"
    );
    assert!(html.contains("Calibration made the log loss worse for <code>lstm</code> ("));
}

#[test]
fn function_words_are_not_listed_and_not_marked() {
    let mut data = sample_run::run(4000);
    data.reviews.words[0].words[0].word = "the".to_owned();
    let error = &mut data.confident_errors[0];
    error.text = "the awful film".to_owned();
    error.words = vec![
        report::data::WordWeight {
            bytes: 0..3,
            weight: 1.0,
            strength: 1.0,
        },
        report::data::WordWeight {
            bytes: 4..9,
            weight: -1.0,
            strength: -1.0,
        },
    ];
    let html = render(&data);
    assert!(html.contains("the <mark class=\"against-3\" title=\"-1.00\">awful</mark> film"));
    assert!(!html.contains(">the</text>") && html.contains(">worst</text>"));
}

#[test]
fn all_likely_label_errors_are_in_the_csv_file() {
    let mut data = sample_run::run(4000);
    data.label_error_rows[0].text = "=1+1, \"so\" it says".to_owned();
    let csv = report::label_errors_csv(&data);
    let head = "row_id,text,label,prediction,confidence\r\n7,\"'=1+1, \"\"so\"\" it says\",negative,positive,0.9980\r\n";
    assert!(csv.starts_with(head), "{csv}");
    assert_eq!(csv.matches("\r\n").count(), 18);
}

#[test]
fn few_test_reviews_are_a_warning_and_no_interval_has_width_zero() {
    for rows in [1, 20, 41] {
        let mut data = sample_run::run(rows);
        data.models.truncate(1);
        data.best = Some(data.models[0].name.clone());
        data.comparisons.clear();
        let few = format!("only {rows} test review");
        let markdown = report::markdown::render(&data);
        let card = report::card::render(&data, &data.models[0]);
        let page = render(&data);
        let json = report::render_json(&data);
        for text in [&markdown, &card, &page, &json] {
            assert!(text.contains(&few), "{rows}");
        }
        for text in [&markdown, &card, &page] {
            assert!(text.contains("no interval"), "{rows}");
            assert!(text.contains("fewer than 10 "), "{rows}");
        }
        for words in markdown.split(['(', ')']).filter(|it| it.contains('–')) {
            let ends: Vec<&str> = words.split('–').collect();
            assert_ne!(ends[0], ends[1], "{rows}: {words}");
        }
    }
    let many = sample_run::run(4000);
    for text in [report::markdown::render(&many), render(&many)] {
        assert!(!text.contains("no interval") && !text.contains("figures are uncertain"));
    }
}

#[test]
fn missing_data_gives_a_page_without_non_finite_numbers() {
    let mut data = sample_run::run(200);
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
        sample_run::run(1),
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
