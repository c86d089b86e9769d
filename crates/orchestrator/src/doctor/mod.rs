//! `ressenti doctor`: what is there, what is missing, and what to type.
//!
//! The orchestrator links no libtorch, so what concerns it is asked of the train stage's program, as
//! a process with a time limit: a driver that hangs must not hang the doctor.

mod machine;
mod programs;
mod storage;

use std::io::{self, Write};
use std::path::Path;

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use settings::{Pipeline, SettingsError};

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What was looked at.
    pub(crate) what: String,
    /// How it is.
    pub(crate) state: Health,
    /// What was found.
    pub(crate) found: String,
    /// What to do, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Health {
    /// As it should be.
    Ok,
    /// It works without; people may want to know.
    Warning,
    /// Something will not work.
    Failed,
}

impl Finding {
    pub(crate) fn ok(what: &str, found: impl Into<String>) -> Self {
        Self {
            what: what.to_owned(),
            state: Health::Ok,
            found: found.into(),
            hint: None,
        }
    }

    pub(crate) fn warning(what: &str, found: impl Into<String>, hint: &str) -> Self {
        Self {
            state: Health::Warning,
            hint: Some(hint.to_owned()),
            ..Self::ok(what, found)
        }
    }

    pub(crate) fn failed(what: &str, found: impl Into<String>, hint: &str) -> Self {
        Self {
            state: Health::Failed,
            hint: Some(hint.to_owned()),
            ..Self::ok(what, found)
        }
    }
}

/// Looks at everything. A pipeline file that is missing or wrong is no reason not to look at the rest.
pub(crate) fn examine(path: &Path) -> Vec<Finding> {
    let pipeline = Pipeline::load(path, &[]);
    let mut findings = machine::examine();
    findings.extend(programs::examine());
    findings.push(pipeline_file(path, pipeline.as_ref().err()));
    findings.extend(storage::examine(pipeline.as_ref().ok()));
    findings
}

fn pipeline_file(path: &Path, wrong: Option<&SettingsError>) -> Finding {
    const WHAT: &str = "pipeline file";
    match wrong {
        None => Finding::ok(WHAT, path.display().to_string()),
        Some(error) if error.is_unreadable() => Finding::failed(
            WHAT,
            error.to_string(),
            "Go to the folder that has one, or name it with `--pipeline FILE`",
        ),
        Some(error) => Finding::failed(
            WHAT,
            error.to_string(),
            &format!(
                "`ressenti plan --pipeline {}` shows what is wrong with it",
                path.display()
            ),
        ),
    }
}

/// Prints the findings; returns whether something failed.
pub(crate) fn print(out: &mut impl Write, findings: &[Finding], as_json: bool) -> io::Result<bool> {
    let failed = findings
        .iter()
        .any(|finding| finding.state == Health::Failed);
    if as_json {
        let text = serde_json::to_string_pretty(findings).expect("findings are plain data");
        writeln!(out, "{text}")?;
        return Ok(failed);
    }
    let width = findings
        .iter()
        .map(|finding| finding.what.len())
        .max()
        .unwrap_or(0);
    for finding in findings {
        let (word, style) = match finding.state {
            Health::Ok => ("ok", AnsiColor::Green.on_default()),
            Health::Warning => ("warning", AnsiColor::Yellow.on_default()),
            Health::Failed => ("failed", AnsiColor::Red.on_default().bold()),
        };
        writeln!(
            out,
            "{style}{word:<7}{style:#}  {:<width$}  {}",
            finding.what, finding.found
        )?;
        if let Some(hint) = &finding.hint {
            let dimmed = Style::new().dimmed();
            writeln!(out, "{:<7}  {:<width$}  {dimmed}{hint}{dimmed:#}", "", "")?;
        }
    }
    Ok(failed)
}
