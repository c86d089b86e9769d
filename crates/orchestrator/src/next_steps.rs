//! Commands that the user may want next: after a run, and for a file that the pipeline was not made for.

use std::io::Write;
use std::path::Path;

use serde_json::json;
use settings::Pipeline;
use slurm::shell_quoted;
use stage::{PipelineArguments, ProgressMode};

/// Commands that use the models of a pipeline, each with what it is for.
pub(crate) fn commands(
    pipeline: &Pipeline,
    arguments: &PipelineArguments,
) -> Vec<(&'static str, String)> {
    let file = quote(&arguments.pipeline);
    let mut options = match file.as_str() {
        "pipeline.toml" => String::new(),
        file => format!(" --pipeline {file}"),
    };
    if let Some(artifacts) = &arguments.artifacts {
        options += &format!(" --artifacts {}", quote(artifacts));
    }
    let mut commands = vec![("predict", format!("ressenti predict{options} 'TEXT'"))];
    let ingest = &pipeline.ingest;
    if let ([source], Some(_)) = (&ingest.source[..], &ingest.columns.timestamp) {
        let source = quote(source);
        let trend = format!("ressenti trend {source}{options} --out trend");
        commands.push(("trend", trend));
    }
    commands.push(("serve", format!("ressenti serve{options}")));
    commands
}

/// Prints how to get a pipeline for the file of `--source`, if the pipeline file names another one.
pub(crate) fn print_source_note(arguments: &PipelineArguments) {
    let Some(source) = arguments.source.as_ref().filter(|source| source.exists()) else {
        return;
    };
    let mut own = arguments.clone();
    own.source = None;
    let of_file = own.load().map(|pipeline| pipeline.ingest.source);
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let first = of_file.iter().flatten().next();
    let Some(first) = first.filter(|first| whole(first) != whole(source)) else {
        return;
    };
    let (pipeline, first, shown) = (arguments.pipeline.display(), first.display(), quote(source));
    let name = source.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.split('.').next().unwrap_or_default().to_owned() + ".toml";
    let out = quote(Path::new(&stem));
    let text = format!(
        "`{pipeline}` was made for `{first}`; its columns, lengths and models may not fit `{}`. To write a pipeline for this \
         file: `ressenti new {shown} --out {out}`",
        source.display(),
    );
    let line = match arguments.progress {
        ProgressMode::Json => json!({"event": "note", "text": text}).to_string(),
        _ => format!("  note: {text}"),
    };
    // If standard error is closed, there is no other place to print.
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// A path as an argument of a shell.
fn quote(path: &Path) -> String {
    shell_quoted(&path.to_string_lossy())
}
