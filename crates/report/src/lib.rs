//! The stage `report`: all figures of all models in one `metrics.json` and one
//! `predictions.parquet`, and one page that shows them with what led to them.
//!
//! Three steps that know nothing of each other's files: [`collect`] reads every artifact of the
//! pipeline into a plain [`ReportData`], [`render`] draws it as `report.html`, and [`merge`] unites
//! what evaluate wrote model by model.

mod baseline;
pub mod card;
pub mod collect;
pub mod data;
pub mod markdown;
pub mod merge;
mod numbers;
mod page;
mod pictures;
mod sections;
mod words;

use std::fs;

use artifact::{Artifact, ArtifactError, Contract, Failure, OutputFile, StageName, format};
use serde::Serialize;
use settings::ReportSettings;
use stage::{Context, Outcome, Stage};

pub use baseline::BaselineOptions;
pub use data::ReportData;
pub use page::render;
pub use pictures::intervals::draw_alone as models_picture;
pub use sections::findings::sentences as findings;

/// The files of a report.
const PAGE: &str = "report.html";
const PICTURE: &str = "models.svg";
const METRICS: &str = "metrics.json";
const PREDICTIONS: &str = "predictions.parquet";
const FOR_PROGRAMS: &str = "report.json";
const MARKDOWN: &str = "report.md";

/// The stage.
pub struct Report;

impl Stage for Report {
    const NAME: StageName = StageName::Report;
    const ABOUT: &'static str = "Put all figures of all models on one page\n\n\
Reads every artifact of the pipeline and writes `report.html` (one file that needs no network), `models.svg` \
(its first picture), `report.md` (for a pull request), `report.json` (for programs), `card-NAME.md` (a model card of \
each model), `metrics.json` (figures of all models, and the paired test of every pair) and \
`predictions.parquet` (the predictions of all models).\n\n\
With `--baseline` it compares with an earlier `metrics.json` and fails on a significant loss of accuracy.";
    type Settings = ReportSettings;
    type Options = BaselineOptions;

    fn run(context: &Context, settings: ReportSettings) -> Result<Outcome, Failure> {
        let mut judged = merge::predictions(context, &context.output().join(PREDICTIONS))?;
        // Repeats are not compared with the models that they repeat.
        let is_repeat = |model: &String| settings.repeats.values().any(|it| it.contains(model));
        judged.probabilities.retain(|model, _| !is_repeat(model));
        let metrics = merge::metrics(context, &judged)?;
        artifact::files::write_json(&context.output().join(METRICS), &metrics)?;
        let data = collect::collect(context, &settings, &judged, &metrics)?;
        let predictions = OutputFile::table(PREDICTIONS, judged.written);
        let mut files = vec![predictions, OutputFile::data(METRICS)];
        let mut write = |name: &str, text: &str| {
            files.push(OutputFile::record(name));
            let path = context.output().join(name);
            fs::write(&path, text).map_err(ArtifactError::io("write", &path))
        };
        write(PAGE, &render(&data))?;
        write(MARKDOWN, &markdown::render(&data))?;
        write(FOR_PROGRAMS, &for_programs(&data))?;
        for model in &data.models {
            let name = format!("card-{}.md", model.name);
            write(&name, &card::render(&data, model))?;
        }
        if let Some(picture) = models_picture(&data) {
            write(PICTURE, &picture)?;
        }
        let models = metrics.models.keys().cloned().collect();
        let contract = Contract::Report { models };
        Ok(Outcome::new(contract, files, summary(&data)))
    }

    fn after(
        context: &Context,
        artifact: &Artifact,
        options: &BaselineOptions,
    ) -> Result<(), Failure> {
        baseline::check(context, artifact, options)
    }
}

fn summary(data: &ReportData) -> String {
    let models = format::plural(data.models.len() as u64, "model", "models");
    let rows = format::plural(data.rows, "test review", "test reviews");
    let best = data.best().map(|(best, accuracy)| {
        let (share, range) = words::share(accuracy);
        format!("; best {} with {share} accuracy ({range})", best.name)
    });
    format!("{models} on {rows}{}", best.unwrap_or_default())
}

/// The text of `report.json`: everything the page shows, and its findings as sentences.
pub fn for_programs(data: &ReportData) -> String {
    #[derive(Serialize)]
    struct View<'a> {
        findings: Vec<String>,
        #[serde(flatten)]
        data: &'a ReportData,
    }
    let findings = findings(data);
    let text = serde_json::to_string_pretty(&View { findings, data });
    text.expect("a report is plain data") + "\n"
}
