//! `ressenti doctor`: checks the installation and prints how to fix each problem.
//!
//! The orchestrator links no libtorch, so libtorch is checked by `ressenti-train self-test`. A time limit
//! protects against a driver that hangs.

mod machine;
mod programs;
mod storage;

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anstyle::{AnsiColor, Style};
use artifact::Failure;
use serde::Serialize;
use settings::Pipeline;

use crate::arguments::DoctorArguments;

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What was checked.
    what: String,
    /// Whether it works.
    state: Health,
    /// Details.
    found: String,
    /// How to fix a problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// Whether something works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Health {
    /// It works.
    Ok,
    /// It works, with a limitation.
    Warning,
    /// Something will not work.
    Failed,
}

impl Finding {
    fn ok(what: &str, found: impl Into<String>) -> Self {
        Self {
            what: what.to_owned(),
            state: Health::Ok,
            found: found.into(),
            hint: None,
        }
    }

    /// Turns the finding into a warning if `is_warning` is true.
    fn warn_if(mut self, is_warning: bool, hint: &str) -> Self {
        if is_warning {
            self.state = Health::Warning;
            self.hint = Some(hint.to_owned());
        }
        self
    }

    fn failed(what: &str, found: impl Into<String>, hint: &str) -> Self {
        Self {
            state: Health::Failed,
            hint: Some(hint.to_owned()),
            ..Self::ok(what, found)
        }
    }
}

/// Runs all checks and prints the findings. The exit code is 1 if a check failed.
pub(crate) fn run(arguments: &DoctorArguments) -> u8 {
    let findings = examine(&arguments.pipeline);
    // The reader may close the pipe early, for example `head`. That is not an error.
    let _ = print(&mut anstream::stdout(), &findings, arguments.json);
    u8::from(findings.iter().any(|it| it.state == Health::Failed))
}

/// Runs all checks. An invalid pipeline file does not stop the other checks.
fn examine(path: &Path) -> Vec<Finding> {
    let pipeline = Pipeline::load(path, &[]);
    let mut findings = machine::examine();
    findings.push(programs::programs());
    findings.extend(programs::libtorch().unwrap_or_else(|finding| vec![finding]));
    let missing = pipeline.as_ref().ok().and_then(|pipeline| {
        let mut steps = pipeline.steps().into_iter();
        steps.find_map(|step| pipeline.check_files(&step).err())
    });
    let error = pipeline.as_ref().err().or(missing.as_ref());
    findings.push(pipeline_file(path, error));
    let artifacts = pipeline.map_or_else(|_| "artifacts".into(), |pipeline| pipeline.artifacts);
    findings.extend(storage::examine(&artifacts));
    findings
}

fn pipeline_file(path: &Path, error: Option<&Failure>) -> Finding {
    const NAME: &str = "pipeline file";
    let is_unreadable = fs::read_to_string(path).is_err();
    let path = path.display();
    let Some(error) = error else {
        return Finding::ok(NAME, path.to_string());
    };
    let change = "Change to the folder of a pipeline file, or name it with `--pipeline FILE`";
    let hint = match is_unreadable {
        true => change.to_owned(),
        false => format!("`ressenti plan --pipeline {path}` shows the error and how to fix it"),
    };
    Finding::failed(NAME, error.to_string(), &hint)
}

fn print(out: &mut impl Write, findings: &[Finding], as_json: bool) -> io::Result<()> {
    if as_json {
        let text = serde_json::to_string_pretty(findings).expect("findings are plain data");
        return writeln!(out, "{text}");
    }
    let width = findings.iter().map(|it| it.what.len()).max().unwrap_or(0);
    let dimmed = Style::new().dimmed();
    for finding in findings {
        let (word, style) = match finding.state {
            Health::Ok => ("ok", AnsiColor::Green.on_default()),
            Health::Warning => ("warning", AnsiColor::Yellow.on_default()),
            Health::Failed => ("failed", AnsiColor::Red.on_default().bold()),
        };
        let (what, found) = (&finding.what, &finding.found);
        writeln!(out, "{style}{word:<7}{style:#}  {what:<width$}  {found}")?;
        if let Some(hint) = &finding.hint {
            writeln!(out, "{:<7}  {:<width$}  {dimmed}{hint}{dimmed:#}", "", "")?;
        }
    }
    Ok(())
}
