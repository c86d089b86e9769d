//! The stage `report`: figures and predictions of all models in one place, and a page that shows them.
//!
//! [`predictions`] merges the evaluations of all models, [`collect`] reads every artifact of the pipeline into a
//! plain [`ReportData`], and [`render`] makes `report.html` from it.

mod baseline;
pub mod card;
pub mod collect;
mod csv_downloads;
pub mod data;
mod format;
mod function_words;
pub mod markdown;
mod page;
mod pictures;
pub mod predictions;
mod sections;

use std::fs;

use artifact::{Artifact, ArtifactError, Contract, Failure, OutputFile, StageName};
use serde::Serialize;
use settings::ReportSettings;
use stage::{Context, Outcome, Stage};

pub use baseline::BaselineOptions;
pub use data::ReportData;
pub use page::render;
pub use pictures::intervals::draw_standalone as models_picture;
pub use sections::label_errors::csv as label_errors_csv;
pub use sections::summary::sentences as findings;

/// A result whose error is a [`Failure`].
type Result<T, E = Failure> = std::result::Result<T, E>;

/// The files of a report.
const PAGE: &str = "report.html";
const PICTURE: &str = "models.svg";
const METRICS: &str = "metrics.json";
const PREDICTIONS: &str = "predictions.parquet";
const JSON: &str = "report.json";
const MARKDOWN: &str = "report.md";
const LABEL_ERRORS: &str = "likely_label_errors.csv";

/// The stage.
pub struct Report;

impl Stage for Report {
    const NAME: StageName = StageName::Report;
    const ABOUT: &'static str = "Write the report: figures, comparisons and errors of all models\n\n\
Reads every artifact of the pipeline and writes:\n\n\
- `report.html`: the report as one file that needs no network\n\
- `report.md`: a summary for a pull request\n\
- `report.json`: everything in the report, for programs\n\
- `likely_label_errors.csv`: test reviews whose label the best model contradicts most strongly\n\
- `card-NAME.md`: a model card of each model\n\
- `models.svg`: the accuracies as a picture\n\
- `metrics.json`: the figures of all models and the paired tests of all pairs\n\
- `predictions.parquet`: the predictions of all models\n\n\
With `--baseline` it fails if a model is significantly worse than in an earlier `metrics.json`.";
    type Settings = ReportSettings;
    type Options = BaselineOptions;

    fn run(context: &Context, settings: ReportSettings) -> Result<Outcome> {
        let path = context.output().join(PREDICTIONS);
        let mut predictions = predictions::merge_predictions(context, &path)?;
        // Repeated trainings are not compared with each other.
        let is_repeat = |model: &String| settings.repeats.values().any(|it| it.contains(model));
        let probabilities = &mut predictions.probabilities;
        probabilities.retain(|model, _| !is_repeat(model));
        let metrics = predictions::merge_metrics(context, &predictions)?;
        artifact::files::write_json(&context.output().join(METRICS), &metrics)?;
        let data = collect::collect(context, &settings, &predictions, &metrics)?;
        let table = OutputFile::table(PREDICTIONS, predictions.rows_written);
        let mut files = vec![table, OutputFile::data(METRICS)];
        let mut write = |name: &str, text: &str| {
            files.push(OutputFile::record(name));
            let path = context.output().join(name);
            fs::write(&path, text).map_err(ArtifactError::io("write", &path))
        };
        write(PAGE, &render(&data))?;
        write(MARKDOWN, &markdown::render(&data))?;
        write(JSON, &render_json(&data))?;
        write(LABEL_ERRORS, &label_errors_csv(&data))?;
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

    fn after(context: &Context, artifact: &Artifact, options: &BaselineOptions) -> Result<()> {
        baseline::check(context, artifact, options)
    }
}

fn summary(data: &ReportData) -> String {
    let best = data
        .best()
        .map(|(best, accuracy)| format!("; best model {}: {}", best.name, data.accuracy(accuracy)));
    data.size() + &best.unwrap_or_default()
}

/// The text of `report.json`: the data of the page, and its summary as sentences.
pub fn render_json(data: &ReportData) -> String {
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
