//! Joining all shards into one output, byte for byte the output of a run without shards.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use artifact::{ArtifactError, Failure, format};
use settings::IngestSettings;
use stage::Progress;

use super::plan::Plan;
use super::row_numbers;
use super::shard::FinishedShard;
use crate::file::{RowCounts, check_paths, check_rejected, describe, output_failure, publish};
use crate::warn_of_languages;

/// Merges the shards of a plan in order, writes the output and deletes the shards. Returns a one-line summary.
///
/// # Errors
/// There is no plan, a shard is missing or damaged, or a file cannot be written.
pub(crate) fn merge(output: &Path, progress: &Progress) -> Result<String, Failure> {
    let plan = Plan::load(output)?;
    check_paths(&plan.task.input, output)?;
    let _lock = Plan::lock(&plan.folder)?;
    let shards = verify_all(&plan)?;
    let merged = ["merged", "merged.rejected"].map(|name| plan.folder.join(name));
    {
        let task = progress.task("merging", Some(plan.rows), "rows");
        let [mut rows, mut rejected] = [create(&merged[0])?, create(&merged[1])?];
        for (index, shard) in shards.iter().enumerate() {
            let [shard_rows, shard_rejected] = plan.files(index + 1);
            append(&shard_rows, &mut rows, &merged[0])?;
            append(&shard_rejected, &mut rejected, &merged[1])?;
            task.advance(shard.counts.rows);
        }
    }
    row_numbers::check(plan.task.format, &merged, plan.rows)?;
    let counts = shards.iter().map(|shard| &shard.counts);
    let counts = counts.fold(RowCounts::default(), RowCounts::add);
    publish(&merged, &plan.columns, &counts, output)?;
    warn_of_languages(&counts.languages, progress);
    fs::remove_dir_all(&plan.folder).map_err(ArtifactError::io("remove", &plan.folder))?;
    let ingest: IngestSettings =
        serde_json::from_value(plan.task.ingest).map_err(Failure::from_error)?;
    check_rejected(&counts, &plan.task.input, output, ingest.max_reject_rate)?;
    Ok(describe(&counts, output, None))
}

/// All shards, verified. No shard is merged before all are known to be complete.
fn verify_all(plan: &Plan) -> Result<Vec<FinishedShard>, Failure> {
    let (mut finished, mut missing) = (Vec::new(), Vec::new());
    for shard in 1..=plan.count() {
        let damaged = |error: ArtifactError| {
            Failure::from_error(error).with_hint(format!(
                "Predict it again: run the same command with `--shard {shard}` instead of `--merge`"
            ))
        };
        match plan.verify(shard).map_err(damaged)? {
            Some(shard) => finished.push(shard),
            None => missing.push(shard.to_string()),
        }
    }
    if missing.is_empty() {
        return Ok(finished);
    }
    let verb = if missing.len() == 1 { "is" } else { "are" };
    let (count, list) = (format::count(missing.len() as u64), shorten_list(&missing));
    let all = format::plural(plan.count() as u64, "shard", "shards");
    let failure = Failure::new(format!("{count} of {all} {verb} not finished: {list}"));
    let hint =
        "Run the same command with `--shard K` instead of `--merge`, for each of these numbers";
    Err(failure.with_hint(hint.to_owned()))
}

/// The first ten names, and the number of further names.
fn shorten_list(names: &[String]) -> String {
    let (first, more) = names.split_at(names.len().min(10));
    match more.len() {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

fn create(path: &Path) -> Result<File, Failure> {
    let created = File::create(path).map_err(ArtifactError::io("create", path));
    created.map_err(output_failure)
}

fn append(from: &Path, to: &mut File, target: &Path) -> Result<(), ArtifactError> {
    let mut file = File::open(from).map_err(ArtifactError::io("read", from))?;
    io::copy(&mut file, to).map_err(ArtifactError::io("write", target))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_of_shards_is_shortened() {
        let names = |count: usize| (1..=count).map(|n| n.to_string()).collect::<Vec<_>>();
        assert_eq!(shorten_list(&names(3)), "1, 2, 3");
        assert_eq!(shorten_list(&names(10)), "1, 2, 3, 4, 5, 6, 7, 8, 9, 10");
        assert_eq!(
            shorten_list(&names(13)),
            "1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 3 more"
        );
    }
}
