//! `ressenti gc`: what nothing names any more, with sizes, deleted when asked for.

use std::io::{self, IsTerminal, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use anstyle::{AnsiColor, Style};
use artifact::{Store, Unnamed, UnnamedKind, format};
use serde_json::{Value, json};

use crate::OrchestratorError;

/// What to do with what is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Show it.
    Show,
    /// Ask, then delete it.
    Ask,
    /// Delete it.
    Delete,
}

/// Finds what nothing names, shows it, and deletes it if that is wished.
///
/// # Errors
/// The store cannot be read, or nobody is there to be asked.
pub(crate) fn collect(store: &Store, wish: Wish, as_json: bool) -> Result<(), OrchestratorError> {
    let found = store.unnamed()?;
    let mut out = anstream::stdout();
    let bytes: u64 = found.iter().map(|unnamed| unnamed.bytes).sum();
    if !as_json {
        let _ = show(&mut out, &found, bytes);
    }
    let wished = match wish {
        Wish::Show => false,
        Wish::Delete => true,
        Wish::Ask if found.is_empty() => false,
        Wish::Ask if !io::stdin().is_terminal() => return Err(OrchestratorError::NobodyToAsk),
        Wish::Ask => ask(&mut out),
    };
    let mut deleted = Vec::new();
    for unnamed in found.iter().filter(|_| wished) {
        if store.delete(unnamed)? {
            deleted.push(unnamed);
        }
    }
    let freed: u64 = deleted.iter().map(|unnamed| unnamed.bytes).sum();
    let _ = if as_json {
        let list: Vec<Value> = found
            .iter()
            .map(|unnamed| entry(unnamed, deleted.contains(&unnamed)))
            .collect();
        let object = json!({"found": list, "bytes": bytes, "freed": freed});
        writeln!(out, "{object:#}")
    } else if wished {
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
    let yellow = AnsiColor::Yellow.on_default();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs());
    writeln!(
        out,
        "{dimmed}{:<9} {:>10}  {:>10}  what{dimmed:#}",
        "stage", "size", "age"
    )?;
    for unnamed in found {
        let size = format::bytes(unnamed.bytes);
        match &unnamed.kind {
            UnnamedKind::Output {
                stage,
                finished,
                summary,
            } => {
                let age = format::seconds(now.saturating_sub(*finished) as f64);
                writeln!(out, "{stage:<9} {size:>10}  {age:>10}  {summary}")?;
            }
            UnnamedKind::Damaged => {
                let what = "an output whose manifest cannot be read";
                writeln!(
                    out,
                    "{yellow}{:<9} {size:>10}  {:>10}  {what}: {}{yellow:#}",
                    "-",
                    "-",
                    unnamed.folder.display()
                )?;
            }
            kind @ (UnnamedKind::Unfinished | UnnamedKind::Resumable) => {
                let what = if *kind == UnnamedKind::Resumable {
                    "an interrupted run goes on from here"
                } else {
                    "left by a run that was killed"
                };
                let folder = unnamed.folder.display();
                writeln!(out, "{:<9} {size:>10}  {:>10}  {what}: {folder}", "-", "-")?;
            }
        }
    }
    let folders = format::plural(found.len() as u64, "folder", "folders");
    writeln!(
        out,
        "\n{folders} that nothing names, {}",
        format::bytes(bytes)
    )
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
    let (kind, stage, finished, summary) = match &unnamed.kind {
        UnnamedKind::Output {
            stage,
            finished,
            summary,
        } => (
            "output",
            Some(stage.as_str()),
            Some(*finished),
            Some(summary.as_str()),
        ),
        UnnamedKind::Damaged => ("damaged", None, None, None),
        UnnamedKind::Unfinished => ("unfinished", None, None, None),
        UnnamedKind::Resumable => ("resumable", None, None, None),
    };
    json!({
        "folder": unnamed.folder, "kind": kind, "stage": stage, "finished": finished, "summary": summary,
        "bytes": unnamed.bytes, "deleted": deleted,
    })
}
