//! The model card (Mitchell et al. 2019) of a judged model: what it is for, what it was made from, how
//! well it does and where not, all of it from the manifests and figures of the run.

use std::fmt::Write as _;

use artifact::format;
use metrics::Metric;

use crate::data::{ModelData, ReportData};
use crate::markdown::{estimate, safe, table, worst_kinds};
use crate::sections::findings::few;
use crate::sections::models::{lacks_intervals, no_interval};
use crate::words;

/// Kinds of reviews and tricks that are shown: the worst.
const WORST: usize = 6;

/// The text of `card-NAME.md`. The head is the metadata that model hubs read.
pub fn render(data: &ReportData, model: &ModelData) -> String {
    let mut out = String::new();
    let name = safe(&model.name);
    let _ = write!(
        out,
        "---\nlibrary_name: ressenti\npipeline_tag: text-classification\ntags: [sentiment-analysis]\n---\n\n# {name}\n\n"
    );
    let _ = writeln!(
        out,
        "{}. It takes a review and gives the probability that its author is positive.\n",
        capital(&safe(&model.architecture))
    );
    let _ = writeln!(out, "## What it is for\n\n{}\n", purpose(data, model));
    let _ = writeln!(out, "## What it learned from\n\n{}\n", origin(data));
    let _ = writeln!(out, "## How well it does\n\n{}", figures(data, model));
    let _ = writeln!(out, "## Where not to trust it\n\n{}", limits(data, model));
    let _ = writeln!(out, "## How it was made\n\n{}", making(data, model));
    out
}

fn capital(text: &str) -> String {
    let mut signs = text.chars();
    signs.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(signs).collect()
    })
}

fn purpose(data: &ReportData, model: &ModelData) -> String {
    let reading = data.readings.iter().find(|it| it.model == model.name);
    let reads = reading
        .filter(|reading| !reading.way.is_empty())
        .map(|reading| format!(" It reads {} of a review.", safe(&reading.way)))
        .unwrap_or_default();
    format!(
        "Judging whole reviews like those it learned from, one by one or many at once for the share that is positive. Not for \
         other languages or subjects without a check on labelled texts of those, and not for decisions about a person.{reads}"
    )
}

fn origin(data: &ReportData) -> String {
    let mut out = String::new();
    let steps = data.steps.iter().filter(|step| !step.sources.is_empty());
    for (source, digest) in steps.flat_map(|step| &step.sources) {
        let _ = writeln!(out, "- {} (blake3 {digest})", safe(source));
    }
    for count in &data.reviews.splits {
        let _ = writeln!(
            out,
            "- {}: {} negative, {} positive, {} without a label",
            count.split,
            format::count(count.negative),
            format::count(count.positive),
            format::count(count.unlabelled)
        );
    }
    if !data.reviews.splitting.is_empty() {
        let _ = writeln!(out, "- split: {}", safe(&data.reviews.splitting));
    }
    for line in data.reviews.audit.iter().filter(|line| line.count > 0) {
        let _ = writeln!(
            out,
            "- {}: {}. {}",
            safe(&line.what),
            format::count(line.count),
            safe(&line.remark)
        );
    }
    out
}

fn figures(data: &ReportData, model: &ModelData) -> String {
    let rows = Metric::ALL
        .map(|metric| vec![metric.title().to_owned(), estimate(model, metric)])
        .into_iter();
    let mut out = format!(
        "On {}, looked at once, with {} intervals:\n\n{}",
        format::plural(data.rows, "test review", "test reviews"),
        words::confidence(data.confidence),
        table(&["figure", "value"], rows)
    );
    for remark in few(data.rows)
        .into_iter()
        .map(|sentence| sentence + ".")
        .chain(lacks_intervals(model).then(no_interval))
    {
        let _ = writeln!(out, "\n{remark}");
    }
    out
}

fn limits(data: &ReportData, model: &ModelData) -> String {
    let kinds = worst_kinds(data, &model.name, WORST);
    let rows = kinds.iter().map(|(slice, share)| {
        vec![
            safe(&slice.name),
            format::count(slice.rows),
            format::percent(*share),
        ]
    });
    let mut out = String::new();
    if !kinds.is_empty() {
        let _ = writeln!(
            out,
            "{}",
            table(&["test reviews", "how many", "right"], rows)
        );
    }
    let set = &data.challenge;
    let asked = set.models.iter().find(|asked| asked.name == model.name);
    if let Some(asked) = asked {
        let share = |place: usize| {
            let cases = set.capabilities[place].1.max(1);
            asked.failed.get(place).copied().unwrap_or(0) as f64 / cases as f64
        };
        // The first is the whole.
        let mut order: Vec<usize> = (1..set.capabilities.len()).collect();
        order.sort_by(|one, two| share(*two).total_cmp(&share(*one)));
        order.truncate(WORST);
        let whole = if set.capabilities.is_empty() {
            Vec::new()
        } else {
            vec![0]
        };
        let rows = whole.into_iter().chain(order).map(|place| {
            let (capability, cases) = &set.capabilities[place];
            vec![
                safe(&capability.replace('_', " ")),
                format::count(*cases),
                format::percent(share(place)),
            ]
        });
        let _ = writeln!(
            out,
            "{}",
            table(
                &["texts written to trick a model", "how many", "fails"],
                rows
            )
        );
    }
    out
}

fn making(data: &ReportData, model: &ModelData) -> String {
    let mut out = String::new();
    if let Some(parameters) = model.parameters {
        let _ = writeln!(out, "- {} parameters", format::count(parameters));
    }
    if let Some(bytes) = model.bytes {
        let _ = writeln!(out, "- {} on the disk", format::bytes(bytes));
    }
    let _ = writeln!(
        out,
        "- {} of computing, {} of memory at most",
        format::seconds(model.total_seconds),
        format::bytes(model.peak_memory)
    );
    let made = data.steps.iter().filter(|step| {
        matches!(step.stage.as_str(), "ingest" | "clean") || step.variant == model.name
    });
    for step in made {
        let versions: Vec<String> = step
            .versions
            .iter()
            .map(|(name, version)| format!("{name} {version}"))
            .collect();
        let _ = writeln!(
            out,
            "- {} {}: key {}, {}{}",
            step.stage,
            safe(&step.variant),
            step.key,
            words::date(step.started),
            if versions.is_empty() {
                String::new()
            } else {
                format!(", {}", safe(&versions.join(", ")))
            }
        );
    }
    out
}
