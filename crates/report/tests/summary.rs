//! What the summary, the captions and the model cards state about a run.

mod sample_run;

use report::{findings, render};

#[test]
fn few_reviews_of_a_class_are_stated_next_to_every_figure() {
    let mut data = sample_run::run(4000);
    let all = render(&data).matches("4,000 test reviews").count();
    data.classes = [("negative".to_owned(), 1), ("positive".to_owned(), 3999)].into();
    data.warnings = vec!["The test split has only 1 negative review".to_owned()];
    let html = render(&data);
    let few = "4,000 test reviews (only 1 negative)";
    let captions = html.matches(few).count();
    assert!(captions >= 10 && captions + 2 >= all, "{captions} of {all}");
    let card = report::card::render(&data, &data.models[0]);
    let markdown = report::markdown::render(&data);
    for text in [&html, &card, &markdown] {
        assert!(text.contains("The test split has only 1 negative review."));
        assert!(text.contains(few), "{text}");
    }
    assert!(markdown.contains("Label more negative reviews, so that every split has 20 or more"));
}

#[test]
fn the_length_that_the_summary_recommends_is_possible() {
    let summary = |limit: Option<u64>, max_length: u64| {
        let mut data = sample_run::run(200);
        data.input_lengths[2].longest_input = limit;
        data.tokenizers[0].max_length = max_length;
        findings(&data).join("\n")
    };
    for (limit, max_length, expected) in [
        (
            None,
            400,
            "To keep 95% of the reviews whole, set `max_length = 648` in `[tokenizer.words]`.",
        ),
        (
            Some(1024),
            400,
            "set `max_length = 648` in `[tokenizer.words]`.",
        ),
        (
            Some(512),
            400,
            "The encoder reads at most 512 tokens: set `max_length = 512` in `[tokenizer.words]`; to keep 95% of the reviews \
             whole, set `max_length = 648` in `[tokenizer.words]` and read them in `windows`",
        ),
        (
            Some(512),
            512,
            "The encoder reads at most 512 tokens: to keep 95% of the reviews whole, set `max_length = 648`",
        ),
    ] {
        let found = summary(limit, max_length);
        assert!(found.contains(expected), "{found}");
    }
    // A longer limit would not help.
    assert!(!summary(None, 700).contains("`max_length"));
}

#[test]
fn a_card_names_only_what_its_model_used() {
    let data = sample_run::run(200);
    let card = |name: &str| {
        let mut models = data.models.iter();
        let model = models.find(|model| model.name == name);
        report::card::render(&data, model.expect("it is in the run"))
    };
    assert!(card("lstm").contains("## Pretrained files\n\n- glove.txt (blake3 02ba870d29dc)"));
    assert!(card("lstm").contains("- embed glove: key "));
    let naive = card("naive");
    for other in ["glove", "Pretrained", "unlabelled", "epoch"] {
        assert!(!naive.contains(other), "{other}: {naive}");
    }
    assert!(naive.contains("aclImdb"), "{naive}");
    // The page lists only the settings that a kind uses.
    let html = render(&data);
    assert!(html.contains("pooling = ") && html.contains("training.epochs = "));
    let mut data = data;
    for step in &mut data.steps {
        step.settings[0].1 = "linear".to_owned();
    }
    let html = render(&data);
    let trained = html.split("train lstm</h3>").nth(1).expect("the step");
    let trained = trained.split("</article>").next().expect("it ends");
    assert!(
        trained.contains("kind = ") && !trained.contains("pooling"),
        "{trained}"
    );
}
