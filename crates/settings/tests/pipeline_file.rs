//! Pipeline files and what is said about wrong ones, before anything runs.

use std::path::Path;

use artifact::{Failure, Source, StageName};
use settings::{Device, Override, Pipeline};
use testkit::{Project, tiny_pipeline};

/// The tiny pipeline with one passage replaced, and what is said about it: the message with its
/// causes, and the hint.
fn refused(passage: &str, replacement: &str) -> String {
    assert!(tiny_pipeline().contains(passage), "{passage}");
    let project = Project::with_pipeline(&tiny_pipeline().replacen(passage, replacement, 1));
    let error = Pipeline::load(&project.pipeline_file(), &[]).expect_err("it is refused");
    let text = said(&error);
    text.replace(&*project.folder().to_string_lossy(), "FOLDER")
}

fn said(error: &Failure) -> String {
    let text = error.chain().join(": ");
    match error.hint() {
        Some(hint) => format!("{text}. {hint}"),
        None => text,
    }
}

#[track_caller]
fn check(passage: &str, replacement: &str, expected: &str) {
    assert_eq!(refused(passage, replacement), expected);
}

/// As [`check`] where the message quotes the file.
#[track_caller]
fn check_contains(passage: &str, replacement: &str, expected: &str) {
    let text = refused(passage, replacement);
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_reference_to_nothing_is_answered_with_the_nearest_name() {
    check(
        "tokenizer = \"words\"",
        "tokenizer = \"word\"",
        "`embedding.random.tokenizer` names the tokenizer `word`, which is not in the pipeline file. \
         Did you mean `words`? There are `words`",
    );
    check(
        "embedding = \"random\"",
        "embedding = \"glove\"",
        "`model.naive.embedding` names the embedding `glove`, which is not in the pipeline file. There are `random`",
    );
    check(
        "tokenizer = \"words\"\n",
        "",
        "`embedding.random.tokenizer` must name the tokenizer it reads",
    );
}

#[test]
fn a_model_that_counts_on_another_tokenizer_is_refused_on_both_sides() {
    check(
        "[model.naive]\n",
        "[tokenizer.pieces]\nkind = \"bpe\"\n\n[model.naive]\ntokenizer = \"pieces\"\n",
        "`model.naive` reads the tokenizer `pieces`, and its embedding `random` was made for the tokenizer `words`. \
         Set `model.naive.tokenizer` to `words`, or `model.naive.embedding` to an embedding of `pieces`",
    );
}

#[test]
fn unknown_names_are_shown_in_their_line() {
    check_contains(
        "max_length = 24",
        "max_lenght = 24",
        "unknown field `max_lenght`, expected one of `kind`",
    );
    check_contains(
        "max_length = 24",
        "max_lenght = 24",
        "TOML parse error at line 18, column 1",
    );
    check_contains("[clean]", "[cleaning]", "unknown field `cleaning`");
    check_contains(
        "kind = \"lstm\"",
        "kind = \"ltsm\"",
        "unknown variant `ltsm`",
    );
    check_contains(
        "seed = 7",
        "seed = \"seven\"",
        "invalid type: string \"seven\", expected u64",
    );
    check_contains(
        "[model.naive]\n",
        "[model.naive]\ntraining = { epoch = 1 }\n",
        "unknown field `epoch`",
    );
    check_contains(
        "[model.naive]\n",
        "[model.\"na ive\"]\n",
        "`model.na ive` has a name with other signs",
    );
    check_contains(
        "device = \"cpu\"",
        "device = \"tpu\"",
        "unknown variant `tpu`",
    );
}

#[test]
fn values_that_make_no_sense_are_refused() {
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
        "`embedding.random.width` must be given, from 1 to 4096",
    );
    check(
        "width = 8",
        "width = 0",
        "`embedding.random.width` must be given, from 1 to 4096",
    );
    check(
        "bootstrap_samples = 50",
        "bootstrap_samples = 0",
        "`evaluation.bootstrap_samples` must be at least 1",
    );
    check(
        "bootstrap_samples = 50",
        "folds = 1\n[model.linear]\nkind = \"linear\"\ntokenizer = \"words\"",
        "`evaluation.folds` must be 0 for none, or 2 to 100",
    );
    check(
        "bootstrap_samples = 50",
        "confidence = 1.0",
        "`evaluation.confidence` is 1 and must be from 0.5 to 0.9999",
    );
    check(
        "kind = \"naive\"",
        "kind = \"cnn\"\nkernel_widths = [3, 50]",
        "`model.naive.kernel_widths` has a kernel of 50 tokens, and its tokenizer keeps 24 per row. \
         Raise the tokenizer's `max_length`, or take a narrower kernel",
    );
    check(
        "source = \"reviews.csv\"",
        "download = { url = \"https://example.org/x\", sha256 = \"12\" }",
        "`ingest.download.sha256` must be 64 hex digits",
    );
    check(
        "source = \"reviews.csv\"",
        "rating = { centre = 5.0, dead_zone = -1.0 }",
        "`ingest.rating` must have a finite centre and a dead zone of at least 0",
    );
}

#[test]
fn a_pretrained_tokenizer_brings_its_own_settings() {
    check(
        "kind = \"word\"",
        "kind = \"pretrained\"",
        "`tokenizer.words.vocabulary_size` cannot be set for a pretrained tokenizer, which brings its own. \
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
fn vectors_of_another_width_are_refused_while_planning() {
    check(
        "kind = \"random\"\ntokenizer = \"words\"",
        "kind = \"static\"\nsource = \"none.txt\"\ntokenizer = \"words\"",
        "`embedding.random.source` names the word vectors `FOLDER/none.txt`, and there is no such file. \
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
        said(&error).starts_with("`embedding.random.width` is 8, and the vectors in `"),
        "{}",
        said(&error)
    );
    let change = "embedding.random.width=3"
        .parse::<Override>()
        .expect("an override");
    Pipeline::load(&project.pipeline_file(), &[change]).expect("three is three");
}

#[test]
fn an_override_is_checked_like_the_file() {
    let project = Project::tiny();
    let refused = |change: &str| {
        let change = change.parse::<Override>().expect("an override");
        said(&Pipeline::load(&project.pipeline_file(), &[change]).expect_err("it is refused"))
    };
    let text = refused("model.lstm.hiden=9");
    assert!(text.starts_with("The setting `model.lstm.hiden=9` given with `--set` does not fit: unknown field `hiden`"), "{text}");
    let text = refused("model.lstm.hidden=many");
    assert!(
        text.contains("invalid type: string \"many\", expected u32"),
        "{text}"
    );
    assert_eq!(
        refused("model.lstm.hidden=0"),
        "`model.lstm.hidden` must be at least 1"
    );
    let text = refused("model.lsmt.hidden=9");
    let expected = "there is no `[model.lsmt]` in the pipeline file. Did you mean `lstm`? There are `naive`, `lstm`";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_file_that_is_not_there_or_not_toml_is_said_so() {
    let error = Pipeline::load(Path::new("no/such.toml"), &[]).expect_err("not there");
    let text = said(&error);
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
        "missing field `pipeline`",
    );
}

#[test]
fn paths_are_those_of_the_file_and_not_of_whoever_calls() {
    let project = Project::tiny();
    let pipeline = project.pipeline(&["pipeline.artifacts=../elsewhere"]);
    assert_eq!(
        pipeline.ingest.source,
        [project.folder().join("reviews.csv")]
    );
    assert_eq!(pipeline.artifacts, project.folder().join("../elsewhere"));
    let absolute = project.pipeline(&["ingest.source=/data/x.csv"]);
    assert_eq!(absolute.ingest.source, [Path::new("/data/x.csv")]);
    let several = project.pipeline(&["ingest.source=['a.csv', '/data/x.csv']"]);
    assert_eq!(
        several.ingest.source,
        [project.folder().join("a.csv"), "/data/x.csv".into()]
    );
}

#[test]
fn a_models_training_is_the_common_one_with_its_own_laid_over() {
    let project = Project::tiny();
    let pipeline = project.pipeline(&[
        "model.lstm.training.epochs=5",
        "training.batch_size=4",
        "run.device=cuda",
    ]);
    let (naive, lstm) = (&pipeline.models["naive"], &pipeline.models["lstm"]);
    assert_eq!((naive.training.epochs, naive.training.batch_size), (2, 4));
    assert_eq!((lstm.training.epochs, lstm.training.batch_size), (5, 4));
    assert_eq!(lstm.training.learning_rate, 0.01);
    assert_eq!(
        (naive.seed, pipeline.clean.seed, pipeline.run.device),
        (7, Some(7), Device::Cuda)
    );
}

/// The settings of a step: all that enters its key.
fn settings_of(stage: StageName, variant: &str, changes: &[&str]) -> serde_json::Value {
    Project::tiny()
        .pipeline(changes)
        .step(stage, Some(variant))
        .expect("a step")
        .settings
}

#[test]
fn a_step_sees_its_own_settings_and_no_others() {
    use StageName::{Clean, Embed, Evaluate, Ingest, Report, Tokenize, Train};
    let all = [
        (Ingest, "reviews"),
        (Clean, "reviews"),
        (Tokenize, "words"),
        (Embed, "random"),
        (Train, "naive"),
        (Train, "lstm"),
        (Evaluate, "naive"),
        (Evaluate, "lstm"),
        (Report, "reviews"),
    ];
    let check = |change: &str, expected: &[(StageName, &str)]| {
        let changed = |(stage, variant): &(StageName, &str)| {
            settings_of(*stage, variant, &[]) != settings_of(*stage, variant, &[change])
        };
        let found: Vec<_> = all.iter().copied().filter(changed).collect();
        assert_eq!(found, expected, "{change}");
    };
    check("ingest.max_reject_rate=0.5", &[(Ingest, "reviews")]);
    check("ingest.source=other.csv", &[]);
    check("clean.html=false", &[(Clean, "reviews")]);
    check("tokenizer.words.max_length=30", &[(Tokenize, "words")]);
    check("embedding.random.width=9", &[(Embed, "random")]);
    check("model.lstm.hidden=9", &[(Train, "lstm")]);
    check("model.lstm.training.epochs=9", &[(Train, "lstm")]);
    check("training.epochs=9", &[(Train, "naive"), (Train, "lstm")]);
    check(
        "evaluation.batch_size=9",
        &[(Evaluate, "naive"), (Evaluate, "lstm")],
    );
    check("report.title=Other", &[(Report, "reviews")]);
    check("run.device=auto", &[]);
    check("run.threads=1", &[]);
    check("pipeline.artifacts=elsewhere", &[]);
}

#[test]
fn every_step_stands_after_what_it_reads() {
    let steps = Project::tiny().pipeline(&[]).steps();
    for (position, step) in steps.iter().enumerate() {
        for input in &step.inputs {
            assert!(
                steps[..position].iter().any(|earlier| earlier.id == *input),
                "{} reads {input}",
                step.id
            );
        }
    }
    let reads = |stage, variant: &str| {
        let step = steps
            .iter()
            .find(|step| step.id.stage == stage && step.id.variant == variant)
            .expect("a step");
        step.inputs
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    assert_eq!(
        reads(StageName::Train, "lstm"),
        "tokenize words, embed random"
    );
    assert_eq!(
        reads(StageName::Evaluate, "lstm"),
        "clean reviews, tokenize words, train lstm"
    );
    assert_eq!(
        steps.last().expect("a report").inputs.len(),
        steps.len() - 1
    );
}

#[test]
fn a_path_wins_over_a_download() {
    let download = "download = { url = \"https://example.org/x.tar.gz\", sha256 = \"HEX\" }"
        .replace("HEX", &"ab".repeat(32));
    let text = tiny_pipeline().replacen("source = \"reviews.csv\"", &download, 1);
    let project = Project::with_pipeline(&text);
    let sources = |changes: &[&str]| {
        project
            .pipeline(changes)
            .step(StageName::Ingest, None)
            .expect("a step")
            .sources
    };
    assert!(matches!(&sources(&[])[..], [Source::Pinned { .. }]));
    assert!(matches!(
        &sources(&["ingest.source=x.csv"])[..],
        [Source::Path(_)]
    ));
}

#[test]
fn a_variant_is_named_where_there_are_several() {
    let pipeline = Project::tiny().pipeline(&[]);
    let refused = |stage, variant| said(&pipeline.step(stage, variant).expect_err("it is refused"));
    assert_eq!(
        refused(StageName::Train, None),
        "`train` has 2 variants in the pipeline file, and none was named. \
         Name one with `--variant`, for example `--variant naive`; there are `naive`, `lstm`"
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
fn the_pipeline_of_this_repository_is_sound() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../pipeline.toml");
    let pipeline = Pipeline::load(Path::new(file), &[]).expect("it is sound");
    assert!(
        pipeline.models.contains_key("naive")
            && pipeline
                .models
                .values()
                .any(|model| model.kind.is_recurrent())
    );
}
