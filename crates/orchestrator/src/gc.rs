//! `ressenti gc`: lists and deletes artifacts that no step of the pipeline uses.

use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use artifact::{Failure, Store, UnusedFolder, UnusedKind, format};
use serde_json::{Value, json};

use crate::arguments::GcArguments;

/// Lists unused folders and deletes them after a confirmation, or as the arguments say.
///
/// # Errors
/// The pipeline file or the store cannot be read, or there is no terminal for the confirmation.
pub(crate) fn collect(arguments: &GcArguments) -> Result<u8, Failure> {
    let store = Store::new(&arguments.pipeline.load()?.artifacts);
    let found = store.unused_folders()?;
    let mut out = anstream::stdout();
    let bytes: u64 = found.iter().map(|unused| unused.bytes).sum();
    if !arguments.json {
        let _ = print_table(&mut out, &found, bytes);
    }
    let deletes = if arguments.dry_run || arguments.yes || found.is_empty() {
        arguments.yes
    } else if io::stdin().is_terminal() {
        confirm(&mut out)
    } else {
        let hint = "Delete without confirmation with `ressenti gc --yes`, or only list with `ressenti gc --dry-run`";
        let message = "Failed to ask for confirmation: standard input is not a terminal";
        return Err(Failure::new(message).with_hint(hint.to_owned()));
    };
    let mut deleted = Vec::new();
    for unused in found.iter().filter(|_| deletes) {
        if store.delete(unused)? {
            deleted.push(unused);
        }
    }
    let freed: u64 = deleted.iter().map(|unused| unused.bytes).sum();
    let _ = if arguments.json {
        let entry = |unused| to_json(unused, deleted.contains(&unused));
        let list: Vec<Value> = found.iter().map(entry).collect();
        let object = json!({"found": list, "bytes": bytes, "freed": freed});
        writeln!(out, "{object:#}")
    } else if deletes {
        let folders = format::plural(deleted.len() as u64, "folder", "folders");
        writeln!(out, "\ndeleted {folders}, {} freed", format::bytes(freed))
    } else {
        Ok(())
    };
    Ok(0)
}

fn print_table(out: &mut impl Write, found: &[UnusedFolder], bytes: u64) -> io::Result<()> {
    if found.is_empty() {
        let text =
            "Nothing to delete: every artifact is the last output of a variant, or an input of one";
        return writeln!(out, "{text}");
    }
    let dimmed = Style::new().dimmed();
    let (stage, size, age) = ("stage", "size", "age");
    let line = format!("{stage:<9} {size:>10}  {age:>10}  content");
    writeln!(out, "{dimmed}{line}{dimmed:#}")?;
    for unused in found {
        let (mut style, mut stage, mut age) = (Style::new(), "-", "-".to_owned());
        let folder = unused.folder.display();
        let what = match &unused.kind {
            UnusedKind::Output(manifest) => {
                stage = manifest.stage.as_str();
                age = crate::age(manifest.run.finished());
                manifest.run.summary.clone()
            }
            UnusedKind::Damaged => {
                style = AnsiColor::Yellow.on_default();
                format!("damaged output, its manifest cannot be read: {folder}")
            }
            UnusedKind::Resumable => {
                format!("state from which an interrupted run can resume: {folder}")
            }
            UnusedKind::Unfinished => format!("unfinished output of a killed run: {folder}"),
        };
        let size = format::bytes(unused.bytes);
        let line = format!("{stage:<9} {size:>10}  {age:>10}  {what}");
        writeln!(out, "{style}{line}{style:#}")?;
    }
    let folders = format::plural(found.len() as u64, "folder", "folders");
    let size = format::bytes(bytes);
    writeln!(out, "\n{folders} can be deleted, {size}")
}

fn confirm(out: &mut impl Write) -> bool {
    let question = "Delete them? Outputs can be rebuilt, which takes time. [y/N] ";
    let _ = write!(out, "{question}").and_then(|()| out.flush());
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

fn to_json(unused: &UnusedFolder, deleted: bool) -> Value {
    let (kind, output) = match &unused.kind {
        UnusedKind::Output(manifest) => ("output", Some(manifest)),
        UnusedKind::Damaged => ("damaged", None),
        UnusedKind::Unfinished => ("unfinished", None),
        UnusedKind::Resumable => ("resumable", None),
    };
    json!({
        "folder": unused.folder, "kind": kind, "stage": output.map(|it| it.stage),
        "finished": output.map(|it| it.run.finished()), "summary": output.map(|it| &it.run.summary),
        "bytes": unused.bytes, "deleted": deleted,
    })
}
