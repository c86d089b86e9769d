//! Model cards (Mitchell et al. 2019): purpose, training data, results, limitations and provenance of a model.

use std::collections::BTreeSet;

use artifact::Split;
use metrics::{Metric, ValidationResult};

use crate::data::{ChallengeResult, ModelData, ReportData, Step};
use crate::format::{self, capitalized};
use crate::markdown::{escape, estimate, join_blocks, list, table, worst_slices};
use crate::sections::models::{lacks_intervals, members, no_interval};
use crate::sections::summary::few_rows;

/// Number of slices and capabilities with the worst results.
const WORST: usize = 6;

/// Metadata for model hubs.
const HEAD: &str = "---\nlibrary_name: ressenti\npipeline_tag: text-classification\ntags: [sentiment-analysis]\n---";

/// The text of `card-NAME.md`.
pub fn render(data: &ReportData, model: &ModelData) -> String {
    let heading = |text: &str| Some(format!("## {text}"));
    let mut results = data.challenge.models.iter();
    let result = results.find(|result| result.name == model.name);
    let steps = data.steps_of(&model.name);
    let pretrained = sources(&steps, &["tokenize", "embed"]);
    let kind = capitalized(&escape(&model.architecture));
    let about = format!("{kind}. It predicts the probability that a review is positive.");
    join_blocks([
        Some(HEAD.to_owned()),
        Some(format!("# {}", escape(&model.name))),
        Some(about),
        heading("Intended use"),
        Some(purpose(data, model)),
        heading("Training data"),
        Some(list(training_data(data, &steps))),
        (!pretrained.is_empty()).then(|| format!("## Pretrained files\n\n{}", list(pretrained))),
        heading("Results"),
        Some(figures(data, model)),
        validation(data, model),
        few_rows(data.rows),
        (!data.warnings.is_empty()).then(|| list(data.warnings.iter().map(|it| format!("{it}.")))),
        lacks_intervals(model).then(no_interval),
        heading("Limitations"),
        lowest_slices(data, model),
        result.map(|result| challenge(data, result)),
        heading("Provenance"),
        Some(list(provenance(model, &steps))),
    ])
}

fn purpose(data: &ReportData, model: &ModelData) -> String {
    let length = data.input_lengths.iter().find(|it| it.model == model.name);
    let part = length.filter(|length| !length.part.is_empty());
    let reads = part.map(|it| format!(" It reads {} of a review.", escape(&it.part)));
    let reads = reads.unwrap_or_default();
    format!(
        "Predicting the sentiment of reviews that are similar to its training data, and the share of positive reviews among \
         many. Test it on labelled texts before you use it for another language or subject. Do not use it for decisions about \
         a person.{reads}"
    )
}

/// The result on validation, and whether the model is the best one.
fn validation(data: &ReportData, model: &ModelData) -> Option<String> {
    let ValidationResult { rows, accuracy, .. } = model.validation?;
    let rows = format::plural(rows, "validation review", "validation reviews");
    let share = format::percent(accuracy);
    let best = match data.models.len() > 1 && data.best.as_ref() == Some(&model.name) {
        true => ", the highest accuracy of all models of the pipeline",
        false => "",
    };
    Some(format!("On {rows}: {share} accuracy{best}."))
}

fn training_data(data: &ReportData, steps: &[&Step]) -> Vec<String> {
    let reviews = &data.reviews;
    let sources = sources(steps, &["ingest"]).into_iter();
    let is_set = |it: &(String, String)| it.0.ends_with(".unlabelled") && it.1 == "true";
    let mut embeddings = steps.iter().filter(|step| step.stage == "embed");
    let uses_unlabelled = embeddings.any(|step| step.settings.iter().any(is_set));
    let splits = reviews.splits.iter().filter(|count| count.rows() > 0);
    let splits = splits.filter(|it| uses_unlabelled || it.split != Split::Unlabelled);
    let splits = splits.map(|it| {
        let [negative, positive, none] =
            [it.negative, it.positive, it.unlabelled].map(format::count);
        match it.split {
            Split::Unlabelled => format!("unlabelled: {none}"),
            Split::Test => {
                format!("test: {negative} negative, {positive} positive; not used for training")
            }
            split => format!("{split}: {negative} negative, {positive} positive"),
        }
    });
    let splitting = Some(&reviews.splitting).filter(|it| !it.is_empty());
    let splitting = splitting.map(|it| format!("split: {it}"));
    let checks = reviews.checks.iter().map(|it| it.result.clone());
    let checks = checks.filter(|result| !result.is_empty());
    let all = sources.chain(splits).chain(splitting).chain(checks);
    all.collect()
}

/// The source files of some stages. Several steps can read the same file.
fn sources(steps: &[&Step], stages: &[&str]) -> BTreeSet<String> {
    let steps = steps.iter().filter(|it| stages.contains(&&*it.stage));
    let files = steps.flat_map(|step| &step.sources);
    let files = files.map(|(name, digest)| format!("{name} (blake3 {digest})"));
    files.collect()
}

fn figures(data: &ReportData, model: &ModelData) -> String {
    let rows = Metric::ALL.map(|metric| vec![metric.title().to_owned(), estimate(model, metric)]);
    let (reviews, ci) = (data.test_reviews(), data.ci());
    let figures = table(&["Figure", "Value"], rows);
    format!(
        "On {reviews} with {ci}; precision, recall and F1 are for the positive class:\n\n{figures}"
    )
}

/// The slices with the lowest accuracy.
fn lowest_slices(data: &ReportData, model: &ModelData) -> Option<String> {
    let slices = worst_slices(data, &model.name);
    let rows = slices.iter().take(WORST).map(|slice| slice.to_vec());
    let all = slices.len();
    let heading = format!("The {} worst of {all} slices", all.min(WORST));
    (!slices.is_empty()).then(|| table(&[&heading, "Reviews", "Accuracy"], rows))
}

/// The failure rate in the whole challenge set, and the capabilities with the highest rates.
fn challenge(data: &ReportData, result: &ChallengeResult) -> String {
    let set = &data.challenge;
    let mut order: Vec<usize> = (0..set.capabilities.len()).collect();
    let rate = |capability: usize| set.failure_rate(result, capability);
    // The first entry is the whole set.
    if let Some((_, parts)) = order.split_first_mut() {
        parts.sort_by(|one, two| rate(*two).total_cmp(&rate(*one)));
    }
    let rows = order.into_iter().take(1 + WORST).map(|index| {
        let (capability, cases) = &set.capabilities[index];
        let name = escape(&capability.replace('_', " "));
        vec![name, format::count(*cases), format::percent(rate(index))]
    });
    let all = set.capabilities.len().saturating_sub(1);
    let heading = format!("Challenge: {} worst of {all} capabilities", all.min(WORST));
    table(&[&heading, "Tests", "Failure rate"], rows)
}

fn provenance(model: &ModelData, steps: &[&Step]) -> Vec<String> {
    let parameters = model.parameters.map(format::count);
    let parameters = parameters.map(|count| format!("{count} parameters"));
    let bytes = model.bytes.map(format::bytes);
    let bytes = bytes.map(|size| match model.members.is_empty() {
        true => format!("bundle of {size}"),
        false => format!("bundles of its members: {size} in total"),
    });
    let time = format::seconds(model.total_seconds);
    let memory = format::bytes(model.peak_memory);
    let cost = format!("trained in {time} with features and members; memory of training: {memory}");
    let steps = steps.iter().map(|step| {
        let versions = step.versions.iter();
        let versions = versions.map(|(name, version)| format!(", {name} {version}"));
        let versions: String = versions.collect();
        let (stage, variant, key) = (&step.stage, &step.variant, &step.key);
        let date = format::date(step.started);
        format!("{stage} {variant}: key {key}, {date}{versions}")
    });
    let members = members(model).map(|members| format!("members and weights: {members}"));
    let facts = parameters.into_iter().chain(bytes).chain(members);
    facts.chain([cost]).chain(steps).collect()
}
