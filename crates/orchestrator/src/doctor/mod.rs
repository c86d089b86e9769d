//! `ressenti doctor`: what is there, what is missing, and what to type.
//!
//! The orchestrator links no libtorch, so what concerns it is asked of the train stage's program, as
//! a process with a time limit: a driver that hangs must not hang the doctor.

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

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What was looked at.
    what: String,
    /// How it is.
    state: Health,
    /// What was found.
    found: String,
    /// What to do, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Health {
    /// As it should be.
    Ok,
    /// It works without; people may want to know.
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

    /// The same as a warning, where it is one.
    fn warn_if(mut self, is_worth_it: bool, hint: &str) -> Self {
        if is_worth_it {
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

/// Examines everything and prints the findings; the exit code says whether something failed.
pub(crate) fn run(arguments: &DoctorArguments) -> u8 {
    let findings = examine(&arguments.pipeline);
    // A closed pipe is a reader who has seen enough: not an error of ours.
    let _ = print(&mut anstream::stdout(), &findings, arguments.json);
    u8::from(findings.iter().any(|it| it.state == Health::Failed))
}

/// Looks at everything. A pipeline file that is missing or wrong is no reason not to look at the rest.
fn examine(path: &Path) -> Vec<Finding> {
    let pipeline = Pipeline::load(path, &[]);
    let mut findings = machine::examine();
    findings.push(programs::programs());
    match programs::libtorch() {
        Ok(found) => findings.extend(found),
        Err(finding) => findings.push(finding),
    }
    findings.push(pipeline_file(path, pipeline.as_ref().err()));
    let artifacts = pipeline.map_or_else(|_| "artifacts".into(), |pipeline| pipeline.artifacts);
    findings.extend(storage::examine(&artifacts));
    findings
}

fn pipeline_file(path: &Path, wrong: Option<&Failure>) -> Finding {
    const WHAT: &str = "pipeline file";
    let is_unreadable = fs::read_to_string(path).is_err();
    let path = path.display();
    let Some(error) = wrong else {
        return Finding::ok(WHAT, path.to_string());
    };
    let hint = match is_unreadable {
        true => "Go to the folder that has one, or name it with `--pipeline FILE`".to_owned(),
        false => format!("`ressenti plan --pipeline {path}` shows what is wrong with it"),
    };
    Finding::failed(WHAT, error.to_string(), &hint)
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
