//! A run as described by the files of its report: metrics, predictions and steps.

use std::path::{Path, PathBuf};

use artifact::Failure;
use artifact::files::read_json;
use serde::{Deserialize, Serialize};

use crate::EvaluationResults;

/// The folder of the report in an artifacts folder.
const REPORT: &str = "report/reviews";

/// Name of the file with the metrics of a run.
const METRICS: &str = "metrics.json";

/// A run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The folder of its report, or the `metrics.json` that was given alone.
    pub path: PathBuf,
    /// Metrics and test predictions of its models.
    pub results: EvaluationResults,
    /// The steps of the run; empty if there is no `report.json`.
    pub steps: Vec<Step>,
}

/// A step, as listed in `report.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The stage.
    pub stage: String,
    /// The variant.
    pub variant: String,
    /// The last line that the step printed.
    #[serde(default)]
    pub summary: String,
    /// The key: a digest of stage, settings and inputs.
    #[serde(default)]
    pub key: String,
    /// The identity: a digest of the content of the output.
    pub identity: String,
    /// The version of the stage.
    pub stage_version: u32,
    /// Settings as dotted names and values.
    pub settings: Vec<(String, String)>,
    /// Source files: name and digest.
    pub sources: Vec<(String, String)>,
    /// Steps whose output it reads: stage and variant.
    #[serde(default)]
    pub inputs: Vec<(String, String)>,
    /// Start, in seconds since 1970.
    pub started: u64,
    /// Duration in seconds.
    #[serde(default)]
    pub seconds: f64,
    /// Peak memory in bytes.
    #[serde(default)]
    pub peak_memory: u64,
    /// Maximum number of cores used.
    pub cores: usize,
    /// The device of the tensors, with the reason for the choice.
    pub device: Option<String>,
    /// Names and versions of the software used.
    pub versions: Vec<(String, String)>,
}

impl Run {
    /// Opens a run: an artifacts folder, the folder of a report, or a `metrics.json` without a report.
    ///
    /// # Errors
    /// There is no `metrics.json`, or a file cannot be read.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let report = path.join(REPORT);
        let candidates = [report.join(METRICS), path.join(METRICS), path.to_owned()];
        let Some(metrics) = candidates.iter().find(|file| file.is_file()) else {
            let message = format!(
                "Failed to open the run `{}`: it contains neither `{METRICS}` nor `{REPORT}/{METRICS}`",
                path.display()
            );
            let hint = "Name an artifacts folder in which `ressenti run` wrote a report, or a copy of such a report's folder";
            return Err(Failure::new(message).with_hint(hint.to_owned()));
        };
        let report = metrics.with_file_name("report.json");
        Ok(Self {
            path: match metrics.parent() {
                Some(folder) if metrics != path => folder.to_owned(),
                _ => path.to_owned(),
            },
            results: EvaluationResults::read(metrics)?,
            steps: match report.is_file() {
                true => read_steps(&report)?,
                false => Vec::new(),
            },
        })
    }
}

fn read_steps(report: &Path) -> Result<Vec<Step>, Failure> {
    #[derive(Deserialize)]
    struct ReportView {
        steps: Vec<Step>,
    }
    let hint = "Another version of Ressenti may have written it; write it again with `ressenti run --only report --force`";
    let view: ReportView = read_json(report, "is not a valid report", Some(hint))?;
    Ok(view.steps)
}
