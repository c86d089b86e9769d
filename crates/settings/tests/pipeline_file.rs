//! Pipeline files, and the messages about wrong ones.

use std::path::Path;

use artifact::{Failure, StageName};
use settings::{Override, Pipeline};
use testkit::{Project, tiny_pipeline};

/// The error about the tiny pipeline with one passage replaced: the message with its causes, and the hint.
fn error_message(passage: &str, replacement: &str) -> String {
    assert!(tiny_pipeline().contains(passage), "{passage}");
    let project = Project::with_pipeline(&tiny_pipeline().replacen(passage, replacement, 1));
    let loaded = Pipeline::load(&project.pipeline_file(), &[]);
    let checked = loaded.and_then(|it| it.steps().iter().try_for_each(|step| it.check_files(step)));
    let text = format_failure(&checked.expect_err("it is refused"));
    text.replace(&*project.folder().to_string_lossy(), "FOLDER")
}

fn format_failure(error: &Failure) -> String {
    let text = error.chain().join(": ");
    match error.hint() {
        Some(hint) => format!("{text}. {hint}"),
        None => text,
    }
}

#[track_caller]
fn check(passage: &str, replacement: &str, expected: &str) {
    assert_eq!(error_message(passage, replacement), expected);
}

/// Like [`check`], but the message only has to contain the expected text.
#[track_caller]
fn check_contains(passage: &str, replacement: &str, expected: &str) {
    let text = error_message(passage, replacement);
    assert!(text.contains(expected), "{text}");
}

#[test]
fn unknown_references_suggest_the_most_similar_name() {
    check(
        "tokenizer = \"words\"",
        "tokenizer = \"word\"",
        "`embedding.random.tokenizer` names the tokenizer `word`, which is not in the pipeline file. \
         Did you mean `words`? There is `words`",
    );
    check(
        "embedding = \"random\"",
        "embedding = \"glove\"",
        "`model.naive.embedding` names the embedding `glove`, which is not in the pipeline file. There is `random`",
    );
    check(
        "tokenizer = \"words\"\n",
        "",
        "`embedding.random.tokenizer` must name the tokenizer it reads",
    );
}

#[test]
fn a_model_with_another_tokenizer_than_its_embedding_is_refused() {
    check(
        "[model.naive]\n",
        "[tokenizer.pieces]\nkind = \"bpe\"\n\n[model.naive]\ntokenizer = \"pieces\"\n",
        "`model.naive` reads the tokenizer `pieces`, but its embedding `random` is for the tokenizer `words`. \
         Set `model.naive.tokenizer` to `words`, or `model.naive.embedding` to an embedding for `pieces`",
    );
}

#[test]
fn unknown_names_are_shown_with_their_line() {
    check(
        "max_length = 24",
        "max_lenght = 24",
        "Failed to read the pipeline file `FOLDER/pipeline.toml`: \
         line 18: `tokenizer.words.max_lenght` is not a setting. Did you mean `max_length`? \
         There are `kind`, `vocabulary_size`, `min_frequency`, `lowercase`, `source`, `max_length`, `truncation`",
    );
    check_contains(
        "[clean]",
        "[cleaning]",
        "line 11: `cleaning` is not a table of the pipeline file. Did you mean `clean`?",
    );
    check_contains(
        "[model.naive]\n",
        "[model.naive]\ntraining = { epoch = 1 }\n",
        "line 32: `model.naive.training.epoch` is not a setting. Did you mean `epochs`?",
    );
    check_contains(
        "[model.naive]\n",
        "[model.\"na ive\"]\n",
        "`model.na ive` has a name with characters other than",
    );
}

#[test]
fn wrong_values_are_shown_with_what_is_allowed() {
    for (passage, replacement, expected) in [
        (
            "kind = \"lstm\"",
            "kind = \"ltsm\"",
            "line 37: `model.lstm.kind` is \"ltsm\", which is not an allowed value. Did you mean `lstm`? There are `naive`",
        ),
        (
            "device = \"cpu\"",
            "device = \"tpu\"",
            "`run.device` is \"tpu\", which is not an allowed value. Did you mean `cpu`?",
        ),
        (
            "seed = 7",
            "seed = \"seven\"",
            "line 3: `pipeline.seed` is \"seven\" and must be a whole number",
        ),
        (
            "epochs = 2",
            "epochs = -2",
            "`training.epochs` is -2 and must be a whole number from 0 to 4294967295",
        ),
        (
            "hidden = 8",
            "hidden = { size = 8 }",
            "`model.naive.hidden` is a table and must be a whole number",
        ),
        (
            "learning_rate = 0.01",
            "learning_rate = true",
            "`training.learning_rate` is true and must be a number",
        ),
        (
            "source = \"reviews.csv\"",
            "source = 5",
            "`ingest.source` is 5 and must be a text or a list of texts",
        ),
        (
            "source = \"reviews.csv\"",
            "delimiter = \";;\"",
            "`ingest.delimiter` is \";;\" and must be a single character",
        ),
        (
            "[clean]",
            "[clean]\nhtml = 1",
            "`clean.html` is 1 and must be `true` or `false`",
        ),
        (
            "kind = \"word\"\n",
            "",
            "line 14: `tokenizer.words.kind` is missing. Add `kind` to `[tokenizer.words]`: one of `word`, `bpe`",
        ),
        (
            "[evaluation]",
            "[sweep.rate]\nmodel = \"lstm\"\nover = { hidden = { from = 1, too = 9 } }\n[evaluation]",
            "line 43: `sweep.rate.over.hidden.too` is not a setting. Did you mean `to`?",
        ),
    ] {
        check_contains(passage, replacement, expected);
    }
}

#[test]
fn renamed_settings_and_values_name_the_new_one() {
    check_contains(
        "kind = \"lstm\"",
        "kind = \"winner\"",
        "`winner` is now called `best_of_sweep`: write `kind = \"best_of_sweep\"`",
    );
    for (passage, replacement, expected) in [
        (
            "source = \"reviews.csv\"",
            "max_unpacked_bytes = 9",
            "write `max_decompressed_bytes = 9`",
        ),
        (
            "source = \"reviews.csv\"",
            "labels = { none = [\"?\"] }",
            "write `unlabelled = [\"?\"]`",
        ),
        (
            "[clean]",
            "[clean]\nnear_duplicates = { find = false }",
            "write `enabled = false`",
        ),
        (
            "width = 8",
            "adaptation = { masked = 0.2 }",
            "write `mask_probability = 0.2`",
        ),
        (
            "[evaluation]",
            "[sweep.x]\nmodel = \"lstm\"\nrandom = 3\nover = { hidden = [1] }",
            "write `random_trials = 3`",
        ),
        (
            "[evaluation]",
            "[sweep.x]\nmodel = \"lstm\"\nhalving = { first = 2 }\nover = { hidden = [1] }",
            "write `min_epochs = 2`",
        ),
    ] {
        check_contains(passage, replacement, expected);
    }
}

#[test]
fn values_out_of_range_are_refused() {
    check(
        "hidden = 8",
        "hidden = 0",
        "`model.naive.hidden` must be at least 1",
    );
    check(
        "epochs = 2",
        "epochs = 0",
        "`model.naive.training.epochs` must be at least 1",
    );
    check(
        "learning_rate = 0.01",
        "learning_rate = 0.0",
        "`model.naive.training.learning_rate` must be above 0",
    );
    check(
        "learning_rate = 0.01",
        "learning_rate = nan",
        "`model.naive.training.learning_rate` must be above 0",
    );
    check(
        "batch_size = 8",
        "batch_size = 8\nwarm_up = 1.5",
        "`model.naive.training.warm_up` is 1.5 and must be from 0 to 1",
    );
    check(
        "batch_size = 8",
        "batch_size = 8\naccumulation = 9",
        "`model.naive.training.accumulation` cannot be more than `batch_size`",
    );
    check(
        "test = 0.25",
        "test = 1.25",
        "`clean.split.test` is 1.25 and must be from 0 to 0.9",
    );
    check(
        "max_length = 24",
        "max_length = 1",
        "`tokenizer.words.max_length` must be at least 2",
    );
    check(
        "vocabulary_size = 300",
        "vocabulary_size = 10",
        "`tokenizer.words.vocabulary_size` is 10 and must be at least 100 for this kind",
    );
    check(
        "width = 8\n",
        "",
        "`embedding.random.width` must be set, from 1 to 4096",
    );
    check(
        "width = 8",
        "width = 0",
        "`embedding.random.width` must be set, from 1 to 4096",
    );
    check(
        "bootstrap_samples = 50",
        "bootstrap_samples = 0",
        "`evaluation.bootstrap_samples` must be at least 1",
    );
    check(
        "bootstrap_samples = 50",
        "folds = 1\n[model.linear]\nkind = \"linear\"\ntokenizer = \"words\"",
        "`evaluation.folds` must be 0 (no folds), or from 2 to 100",
    );
    check(
        "bootstrap_samples = 50",
        "confidence = 1.0",
        "`evaluation.confidence` is 1 and must be from 0.5 to 0.9999",
    );
    check(
        "kind = \"naive\"",
        "kind = \"cnn\"\nkernel_widths = [3, 50]",
        "`model.naive.kernel_widths` has a kernel of 50 tokens, but its tokenizer keeps at most 24 per review. \
         Raise `max_length` of the tokenizer, or use a narrower kernel",
    );
    check(
        "source = \"reviews.csv\"",
        "download = { url = \"https://example.org/x\", sha256 = \"12\" }",
        "`ingest.download.sha256` must be 64 hexadecimal digits",
    );
    check(
        "source = \"reviews.csv\"",
        "rating = { centre = 5.0, dead_zone = -1.0 }",
        "`ingest.rating` must have a finite `centre` and a `dead_zone` of at least 0",
    );
}

#[test]
fn a_pretrained_tokenizer_allows_no_training_settings() {
    check(
        "kind = \"word\"",
        "kind = \"pretrained\"",
        "`tokenizer.words.vocabulary_size` cannot be set for a pretrained tokenizer, because its file defines it. \
         Remove `vocabulary_size` from `[tokenizer.words]`",
    );
    check(
        "kind = \"word\"\nvocabulary_size = 300\nmin_frequency = 1",
        "kind = \"pretrained\"",
        "`tokenizer.words.source` must name the `tokenizer.json` to use",
    );
    check(
        "min_frequency = 1",
        "source = \"t.json\"",
        "`tokenizer.words.source` is for `kind = \"pretrained\"` only",
    );
}

#[test]
fn vectors_of_another_width_are_refused() {
    check(
        "kind = \"random\"\ntokenizer = \"words\"",
        "kind = \"static\"\nsource = \"none.txt\"\ntokenizer = \"words\"",
        "`embedding.random.source` names the word vectors `FOLDER/none.txt`, but there is no such file. \
         Put the file there, or name another with `--set embedding.random.source=FILE`",
    );
    check(
        "kind = \"random\"",
        "kind = \"random\"\nsource = \"none.txt\"",
        "`embedding.random.source` is for `kind = \"static\"` only",
    );
    let text = tiny_pipeline().replacen(
        "kind = \"random\"",
        "kind = \"static\"\nsource = \"vectors.txt\"",
        1,
    );
    let project = Project::with_pipeline(&text);
    std::fs::write(
        project.folder().join("vectors.txt"),
        "good 1 2 3\nbad 4 5 6\n",
    )
    .expect("written");
    let error = Pipeline::load(&project.pipeline_file(), &[]).expect_err("three is not eight");
    assert!(
        format_failure(&error).starts_with("`embedding.random.width` is 8, but the vectors in `"),
        "{}",
        format_failure(&error)
    );
    let change = "embedding.random.width=3"
        .parse::<Override>()
        .expect("an override");
    Pipeline::load(&project.pipeline_file(), &[change]).expect("three is three");
}

#[test]
fn overrides_are_checked_like_the_file() {
    let project = Project::tiny();
    let refused = |change: &str| {
        let change = change.parse::<Override>().expect("an override");
        format_failure(
            &Pipeline::load(&project.pipeline_file(), &[change]).expect_err("it is refused"),
        )
    };
    let text = refused("model.lstm.hiden=9");
    let expected = "Failed to apply `--set model.lstm.hiden=9`: `model.lstm.hiden` is not a setting. Did you mean `hidden`?";
    assert!(text.starts_with(expected), "{text}");
    assert_eq!(
        refused("model.lstm.hidden=many"),
        "Failed to apply `--set model.lstm.hidden=many`: `model.lstm.hidden` is \"many\" and must be a whole number"
    );
    assert_eq!(
        refused("model.lstm.hidden=0"),
        "`model.lstm.hidden` must be at least 1"
    );
    assert_eq!(
        refused("model.lsmt.hidden=9"),
        "Failed to apply `--set model.lsmt.hidden=9`: `model.lsmt` is not a table of the pipeline file. \
         Did you mean `lstm`? There are `naive`, `lstm`"
    );
    assert_eq!(
        refused("run.device.name=cpu"),
        "Failed to apply `--set run.device.name=cpu`: `device` is a value, not a table"
    );
}

#[test]
fn unreadable_files_are_refused() {
    let error = Pipeline::load(Path::new("no/such.toml"), &[]).expect_err("not there");
    let text = format_failure(&error);
    assert!(
        text.starts_with("Failed to read the pipeline file `no/such.toml`: No such file"),
        "{text}"
    );
    assert!(
        text.ends_with("Name the pipeline file with `--pipeline FILE`"),
        "{text}"
    );
    check_contains("[clean]", "[clean", "TOML parse error at line 11");
    check_contains(
        "[pipeline]\nname = \"Tiny\"\nseed = 7\n",
        "",
        "the table `[pipeline]` is missing. Add it",
    );
}

#[test]
fn a_stage_with_several_variants_needs_a_name() {
    let pipeline = Project::tiny().pipeline(&[]);
    let refused =
        |stage, variant| format_failure(&pipeline.step(stage, variant).expect_err("it is refused"));
    assert_eq!(
        refused(StageName::Train, None),
        "`train` has 2 variants in the pipeline file, and none was named. \
         Name one with `--model`, for example `--model naive`. There are `naive`, `lstm`"
    );
    assert_eq!(
        refused(StageName::Train, Some("ltsm")),
        "The stage `train` has no variant `ltsm`. Did you mean `lstm`? There are `naive`, `lstm`"
    );
    assert_eq!(
        pipeline
            .step(StageName::Embed, None)
            .expect("there is one")
            .id
            .variant,
        "random"
    );
}

#[test]
fn an_open_question_is_refused_until_it_is_answered() {
    let open = "[clean]\nmask_scores = \"? are there scores in the texts?\"\n";
    let pipeline = tiny_pipeline().replacen("[clean]\n", open, 1);
    let line = pipeline
        .lines()
        .position(|line| line.starts_with("mask_scores"));
    let project = Project::with_pipeline(&pipeline);
    let load = |overrides: &[&str]| {
        let overrides = overrides.iter().map(|it| it.parse().expect("an override"));
        Pipeline::load(
            &project.pipeline_file(),
            &overrides.collect::<Vec<Override>>(),
        )
    };
    let error = load(&[]).expect_err("a question is open");
    let line = line.expect("the line") + 1;
    assert_eq!(
        error.chain()[1],
        format!(
            "line {line}: `clean.mask_scores` is an open question: are there scores in the texts?"
        )
    );
    assert!(
        load(&["clean.mask_scores=true"])
            .expect("answered")
            .clean
            .mask_scores
    );
    assert!(load(&["clean.html=true"]).is_err());
}
