//! A run as its report tells it: figures, rows, and the steps that led to them.

use std::path::{Path, PathBuf};

use artifact::Failure;
use artifact::files::read_json;
use serde::{Deserialize, Serialize};

use crate::EvaluationResults;

/// Where a report stands in a folder of artifacts.
const REPORT: &str = "report/reviews";

/// A run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The folder of its report.
    pub folder: PathBuf,
    /// What its models made of the test reviews.
    pub judged: EvaluationResults,
    /// The steps that led there; none where only figures were kept.
    pub steps: Vec<Step>,
}

/// A step, as `report.json` tells it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The stage.
    pub stage: String,
    /// The variant.
    pub variant: String,
    /// The line it ended with.
    #[serde(default)]
    pub summary: String,
    /// Names the output, by what produced it.
    #[serde(default)]
    pub key: String,
    /// Names the output, by what it holds.
    pub identity: String,
    /// The version of the stage that made it.
    pub stage_version: u32,
    /// Settings as dotted names and values.
    pub settings: Vec<(String, String)>,
    /// Files from outside: name and digest.
    pub sources: Vec<(String, String)>,
    /// Start, in seconds since 1970.
    pub started: u64,
    /// Duration.
    #[serde(default)]
    pub seconds: f64,
    /// Peak memory in bytes.
    #[serde(default)]
    pub peak_memory: u64,
    /// Cores used at most.
    pub cores: usize,
    /// Where tensors lived, with the reason.
    pub device: Option<String>,
    /// Versions of what did the work.
    pub versions: Vec<(String, String)>,
}

impl Run {
    /// Opens a run: a folder of artifacts, the folder of a report, or a `metrics.json`, which alone
    /// says nothing of what led to it.
    ///
    /// # Errors
    /// There is no report, or it cannot be read.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let in_folder = |folder: PathBuf| folder.join("metrics.json");
        let candidates = [
            in_folder(path.join(REPORT)),
            in_folder(path.to_owned()),
            path.to_owned(),
        ];
        let Some(metrics) = candidates.iter().find(|file| file.is_file()) else {
            return Err(Failure::new(format!(
                "`{}` is no run: there is no `metrics.json` in it or in its `{REPORT}`",
                path.display()
            ))
            .with_hint(
                "A run is a folder of artifacts with a report in it, as `ressenti run` leaves it, or a copy of \
                 its report's folder"
                    .to_owned(),
            ));
        };
        let report = metrics.with_file_name("report.json");
        Ok(Self {
            folder: metrics.parent().unwrap_or(Path::new("")).to_owned(),
            judged: EvaluationResults::read(metrics)?,
            steps: match report.is_file() {
                true => steps_of(&report)?,
                false => Vec::new(),
            },
        })
    }
}

fn steps_of(report: &Path) -> Result<Vec<Step>, Failure> {
    #[derive(Deserialize)]
    struct ReportView {
        steps: Vec<Step>,
    }
    let hint = "It may be of another version of Ressenti; make it again with `ressenti run --only report --force`";
    let view: ReportView = read_json(report, "is no report", Some(hint))?;
    Ok(view.steps)
}
