//! `ressenti gc`: what nothing names any more, with sizes, deleted when asked for.

use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use artifact::{Failure, Store, Unnamed, UnnamedKind, format};
use serde_json::{Value, json};

use crate::seconds_since_1970;

/// What to do with what is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GcMode {
    /// Show it.
    Show,
    /// Ask, then delete it.
    Ask,
    /// Delete it.
    Delete,
}

/// Finds what nothing names, shows it, and deletes it in the modes that do.
///
/// # Errors
/// The store cannot be read, or nobody is there to be asked.
pub(crate) fn collect(store: &Store, mode: GcMode, as_json: bool) -> Result<(), Failure> {
    let found = store.unnamed()?;
    let mut out = anstream::stdout();
    let bytes: u64 = found.iter().map(|unnamed| unnamed.bytes).sum();
    if !as_json {
        let _ = show(&mut out, &found, bytes);
    }
    let deletes = match mode {
        GcMode::Show => false,
        GcMode::Delete => true,
        GcMode::Ask if found.is_empty() => false,
        GcMode::Ask if !io::stdin().is_terminal() => {
            let hint = "Say so beforehand with `ressenti gc --yes`, or only look with `ressenti gc --dry-run`";
            return Err(Failure::new(
                "There is no terminal to ask whether to delete what was found",
            )
            .with_hint(hint.to_owned()));
        }
        GcMode::Ask => ask(&mut out),
    };
    let mut deleted = Vec::new();
    for unnamed in found.iter().filter(|_| deletes) {
        if store.delete(unnamed)? {
            deleted.push(unnamed);
        }
    }
    let freed: u64 = deleted.iter().map(|unnamed| unnamed.bytes).sum();
    let _ = if as_json {
        let entry = |unnamed| entry(unnamed, deleted.contains(&unnamed));
        let list: Vec<Value> = found.iter().map(entry).collect();
        let object = json!({"found": list, "bytes": bytes, "freed": freed});
        writeln!(out, "{object:#}")
    } else if deletes {
        let folders = format::plural(deleted.len() as u64, "folder", "folders");
        writeln!(out, "\ndeleted {folders}, {} freed", format::bytes(freed))
    } else {
        Ok(())
    };
    Ok(())
}

fn show(out: &mut impl Write, found: &[Unnamed], bytes: u64) -> io::Result<()> {
    if found.is_empty() {
        return writeln!(
            out,
            "Everything in the artifacts folder is named by a variant, or was made for one"
        );
    }
    let dimmed = Style::new().dimmed();
    writeln!(
        out,
        "{dimmed}{:<9} {:>10}  {:>10}  what{dimmed:#}",
        "stage", "size", "age"
    )?;
    for unnamed in found {
        let (mut style, mut stage, mut age) = (Style::new(), "-", "-".to_owned());
        let folder = unnamed.folder.display();
        let what = match &unnamed.kind {
            UnnamedKind::Output {
                stage: of,
                finished,
                summary,
            } => {
                stage = of.as_str();
                age = format::seconds((seconds_since_1970() - *finished as f64).max(0.0));
                summary.clone()
            }
            UnnamedKind::Damaged => {
                style = AnsiColor::Yellow.on_default();
                format!("an output whose manifest cannot be read: {folder}")
            }
            UnnamedKind::Resumable => format!("an interrupted run goes on from here: {folder}"),
            UnnamedKind::Unfinished => format!("left by a run that was killed: {folder}"),
        };
        let size = format::bytes(unnamed.bytes);
        writeln!(
            out,
            "{style}{stage:<9} {size:>10}  {age:>10}  {what}{style:#}"
        )?;
    }
    let folders = format::plural(found.len() as u64, "folder", "folders");
    let size = format::bytes(bytes);
    writeln!(out, "\n{folders} that nothing names, {size}")
}

fn ask(out: &mut impl Write) -> bool {
    let _ = write!(
        out,
        "Delete them? All of it can be made again, which takes its time. [y/N] "
    );
    let _ = out.flush();
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

fn entry(unnamed: &Unnamed, deleted: bool) -> Value {
    let mut entry = json!({
        "folder": unnamed.folder, "kind": "output", "stage": null, "finished": null, "summary": null,
        "bytes": unnamed.bytes, "deleted": deleted,
    });
    match &unnamed.kind {
        UnnamedKind::Output {
            stage,
            finished,
            summary,
        } => {
            entry["stage"] = json!(stage);
            entry["finished"] = json!(finished);
            entry["summary"] = json!(summary);
        }
        UnnamedKind::Damaged => entry["kind"] = json!("damaged"),
        UnnamedKind::Unfinished => entry["kind"] = json!("unfinished"),
        UnnamedKind::Resumable => entry["kind"] = json!("resumable"),
    }
    entry
}
