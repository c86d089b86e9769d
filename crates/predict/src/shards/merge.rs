//! One output of all shards, the same to the byte as that of a run without them.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use artifact::{ArtifactError, Failure, format};
use stage::Progress;

use super::numbers;
use super::plan::Plan;
use super::shard::Finished;
use crate::job::{Done, check_places, in_words, publish, unwritten};

/// Merges the shards of a plan in order, puts the output in place and removes the shards. Returns a summary
/// of one line.
///
/// # Errors
/// There is no plan, a shard is missing or damaged, or the disk refuses.
pub(crate) fn merge(output: &Path, progress: &Progress) -> Result<String, Failure> {
    let plan = Plan::of(output)?;
    check_places(&plan.task.input, output)?;
    let _lock = Plan::lock_all(&plan.folder)?;
    let shards = all_of(&plan)?;
    let merged = ["merged", "merged.rejected"].map(|name| plan.folder.join(name));
    {
        let shown = progress.task("merging", Some(plan.rows), "rows");
        let [mut rows, mut rejected] = [create(&merged[0])?, create(&merged[1])?];
        for (number, shard) in shards.iter().enumerate() {
            let [its_rows, its_rejected] = plan.files(number + 1);
            append(&its_rows, &mut rows, &merged[0])?;
            append(&its_rejected, &mut rejected, &merged[1])?;
            shown.advance(shard.done.rows);
        }
    }
    numbers::check(plan.task.form, &merged, plan.rows)?;
    let parts = shards.iter().map(|shard| &shard.done);
    let done = parts.fold(Done::default(), Done::and);
    publish(&merged, &plan.columns, &done, output)?;
    fs::remove_dir_all(&plan.folder).map_err(ArtifactError::io("remove", &plan.folder))?;
    Ok(in_words(&done, output, None))
}

/// All shards, proved whole; none is read before all are known to be there.
fn all_of(plan: &Plan) -> Result<Vec<Finished>, Failure> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for shard in 1..=plan.count() {
        let damaged = |error: ArtifactError| {
            Failure::from_error(error).with_hint(format!(
                "Predict it again: the same command with `--shard {shard}` in place of `--merge`"
            ))
        };
        match plan.proved(shard).map_err(damaged)? {
            Some(shard) => found.push(shard),
            None => missing.push(shard.to_string()),
        }
    }
    if missing.is_empty() {
        return Ok(found);
    }
    let (count, named) = (format::count(missing.len() as u64), shortened(&missing));
    let all = plan.count();
    let failure = Failure::new(format!("{count} of {all} shards are not finished: {named}"));
    let hint = "Predict them: the same command with `--shard K` in place of `--merge`";
    Err(failure.with_hint(hint.to_owned()))
}

/// The first ten names, and how many more there are.
fn shortened(names: &[String]) -> String {
    match names.split_at_checked(10) {
        Some((first, more)) if !more.is_empty() => {
            format!("{} and {} more", first.join(", "), more.len())
        }
        _ => names.join(", "),
    }
}

fn create(path: &Path) -> Result<File, Failure> {
    let created = File::create(path).map_err(ArtifactError::io("create", path));
    created.map_err(unwritten)
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
        assert_eq!(shortened(&names(3)), "1, 2, 3");
        assert_eq!(shortened(&names(10)), "1, 2, 3, 4, 5, 6, 7, 8, 9, 10");
        assert_eq!(
            shortened(&names(13)),
            "1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 3 more"
        );
    }
}
