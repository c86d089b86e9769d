//! The model card (Mitchell et al. 2019) of a judged model: what it is for, what it was made from, how
//! well it does and where not, all of it from the manifests and figures of the run.

use artifact::format;
use metrics::Metric;

use crate::data::{ChallengedModel, ModelData, ReportData, Step};
use crate::markdown::{blocks, estimate, list, safe, table, worst_kinds};
use crate::sections::findings::few;
use crate::sections::models::{lacks_intervals, no_interval};
use crate::words;

/// Kinds of reviews and tricks that are shown: the worst.
const WORST: usize = 6;

/// The metadata that model hubs read.
const HEAD: &str = "---\nlibrary_name: ressenti\npipeline_tag: text-classification\ntags: [sentiment-analysis]\n---";

/// The text of `card-NAME.md`.
pub fn render(data: &ReportData, model: &ModelData) -> String {
    let heading = |text: &str| Some(format!("## {text}"));
    let mut asked = data.challenge.models.iter();
    let asked = asked.find(|asked| asked.name == model.name);
    blocks([
        Some(HEAD.to_owned()),
        Some(format!("# {}", safe(&model.name))),
        Some(format!(
            "{}. It takes a review and gives the probability that its author is positive.",
            capital(&safe(&model.architecture))
        )),
        heading("What it is for"),
        Some(purpose(data, model)),
        heading("What it learned from"),
        Some(list(origin(data))),
        heading("How well it does"),
        Some(figures(data, model)),
        few(data.rows).map(|sentence| sentence + "."),
        lacks_intervals(model).then(no_interval),
        heading("Where not to trust it"),
        kinds(data, model),
        asked.map(|asked| tricks(data, asked)),
        heading("How it was made"),
        Some(list(making(data, model))),
    ])
}

fn capital(text: &str) -> String {
    let mut signs = text.chars();
    let first = signs.next().into_iter().flat_map(char::to_uppercase);
    first.chain(signs).collect()
}

fn purpose(data: &ReportData, model: &ModelData) -> String {
    let reading = data.readings.iter().find(|it| it.model == model.name);
    let way = reading.filter(|reading| !reading.way.is_empty());
    let reads = way.map(|it| format!(" It reads {} of a review.", safe(&it.way)));
    let reads = reads.unwrap_or_default();
    format!(
        "Judging whole reviews like those it learned from, one by one or many at once for the share that is positive. Not for \
         other languages or subjects without a check on labelled texts of those, and not for decisions about a person.{reads}"
    )
}

fn origin(data: &ReportData) -> Vec<String> {
    let reviews = &data.reviews;
    let sources = data.steps.iter().flat_map(|step| &step.sources);
    let sources = sources.map(|(source, digest)| format!("{source} (blake3 {digest})"));
    let splits = reviews.splits.iter().map(|count| {
        let classes = [count.negative, count.positive, count.unlabelled].map(format::count);
        let [negative, positive, none] = classes;
        let split = count.split;
        format!("{split}: {negative} negative, {positive} positive, {none} without a label")
    });
    let splitting =
        (!reviews.splitting.is_empty()).then(|| format!("split: {}", reviews.splitting));
    let audit = reviews.audit.iter().filter(|line| line.count > 0);
    let audit = audit.map(|it| format!("{}: {}. {}", it.what, format::count(it.count), it.remark));
    let all = sources.chain(splits).chain(splitting).chain(audit);
    all.collect()
}

fn figures(data: &ReportData, model: &ModelData) -> String {
    let rows = Metric::ALL.map(|metric| vec![metric.title().to_owned(), estimate(model, metric)]);
    format!(
        "On {}, looked at once, with {} intervals:\n\n{}",
        format::plural(data.rows, "test review", "test reviews"),
        words::confidence(data.confidence),
        table(&["figure", "value"], rows)
    )
}

/// The kinds of reviews that it does worst on.
fn kinds(data: &ReportData, model: &ModelData) -> Option<String> {
    let kinds = worst_kinds(data, &model.name);
    let rows = kinds.iter().take(WORST).map(|kind| kind.to_vec());
    let headings = ["test reviews", "how many", "right"];
    (!kinds.is_empty()).then(|| table(&headings, rows))
}

/// All tricks as one, and those that it fails most.
fn tricks(data: &ReportData, asked: &ChallengedModel) -> String {
    let set = &data.challenge;
    let mut order: Vec<usize> = (0..set.capabilities.len()).collect();
    // The first is the whole.
    if let Some((_, parts)) = order.split_first_mut() {
        parts.sort_by(|one, two| set.share(asked, *two).total_cmp(&set.share(asked, *one)));
    }
    let rows = order.into_iter().take(1 + WORST).map(|place| {
        let (capability, cases) = &set.capabilities[place];
        let share = format::percent(set.share(asked, place));
        let name = safe(&capability.replace('_', " "));
        vec![name, format::count(*cases), share]
    });
    let headings = ["texts written to trick a model", "how many", "fails"];
    table(&headings, rows)
}

fn making(data: &ReportData, model: &ModelData) -> Vec<String> {
    let parameters = model.parameters.map(format::count);
    let parameters = parameters.map(|count| format!("{count} parameters"));
    let bytes = model.bytes.map(format::bytes);
    let bytes = bytes.map(|size| format!("{size} on the disk"));
    let time = format::seconds(model.total_seconds);
    let memory = format::bytes(model.peak_memory);
    let cost = format!("{time} of computing, {memory} of memory at most");
    let is_of_all = |step: &Step| matches!(step.stage.as_str(), "ingest" | "clean");
    let steps = data.steps.iter();
    let steps = steps.filter(|step| is_of_all(step) || step.variant == model.name);
    let steps = steps.map(|step| {
        let versions = step.versions.iter();
        let versions = versions.map(|(name, version)| format!(", {name} {version}"));
        let versions: String = versions.collect();
        let (stage, variant, key) = (&step.stage, &step.variant, &step.key);
        let date = words::date(step.started);
        format!("{stage} {variant}: key {key}, {date}{versions}")
    });
    let facts = parameters.into_iter().chain(bytes).chain([cost]);
    facts.chain(steps).collect()
}
