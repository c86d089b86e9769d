//! The command of a job: the user's command, in which other options replace the cluster options.

use std::ffi::OsString;

/// Options with a value that the command of a job omits.
const OMITTED_OPTIONS: [&str; 3] = ["--shards", "--engine", "--progress"];

/// The arguments of a job: the user's arguments without the cluster options, and `more`, for example `--shard 7`.
pub(super) fn job_arguments(
    arguments: impl IntoIterator<Item = OsString>,
    more: &[&str],
) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy();
        let name = text.split_once('=').map_or(&*text, |(name, _)| name);
        if OMITTED_OPTIONS.contains(&name) {
            // In `--name value` the value is the next argument.
            if name == text {
                arguments.next();
            }
        } else if text != "--detach" {
            kept.push(argument);
        }
    }
    kept.extend(more.iter().map(OsString::from));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_has_the_options_of_the_user_without_the_cluster_options() {
        let check = |given: &str, more: &[&str], expected: &str| {
            let given = given.split(' ').map(OsString::from);
            let found: Vec<String> = job_arguments(given, more)
                .into_iter()
                .map(|argument| argument.to_string_lossy().into_owned())
                .collect();
            assert_eq!(found.join(" "), expected);
        };
        check(
            "--input a.csv --shards 16 --engine slurm --detach --output b.csv --progress plain --explain",
            &["--set", "run.threads=1", "--shard", "7"],
            "--input a.csv --output b.csv --explain --set run.threads=1 --shard 7",
        );
        check(
            "--shards=16 --engine=slurm --input=a --output b.csv",
            &["--merge"],
            "--input=a --output b.csv --merge",
        );
    }
}
