//! The command lines of the verbs: the command as it was given, with one flag more. Whoever starts
//! shards on other machines starts these.

use std::ffi::{OsStr, OsString};

/// What one process does of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Cuts the input into so many ranges.
    Plan(usize),
    /// Predicts one of them, from 1.
    Shard(usize),
    /// Makes one output of all.
    Merge,
}

/// Options that say what to do with shards, and how to show it.
const OPTIONS: [&str; 5] = ["--shards", "--shard", "--jobs", "--engine", "--progress"];

/// Flags that do.
const FLAGS: [&str; 3] = ["--plan", "--merge", "--detach"];

/// The arguments of a process for a verb, made of those of a whole command, however that was divided.
/// `more` come before the verb, for example `--set run.threads=1`.
pub fn command_of(
    arguments: impl IntoIterator<Item = OsString>,
    more: &[&str],
    verb: Verb,
) -> Vec<OsString> {
    let mut command = without_verbs(arguments);
    command.extend(more.iter().map(OsString::from));
    let verb = match verb {
        Verb::Plan(shards) => vec![
            "--shards".to_owned(),
            shards.to_string(),
            "--plan".to_owned(),
        ],
        Verb::Shard(number) => vec!["--shard".to_owned(), number.to_string()],
        Verb::Merge => vec!["--merge".to_owned()],
    };
    command.extend(verb.into_iter().map(OsString::from));
    command
}

fn without_verbs(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        if OPTIONS.iter().any(|option| argument == *option) {
            arguments.next();
        } else if !FLAGS.iter().any(|flag| argument == *flag) && !is_joined(&argument) {
            kept.push(argument);
        }
    }
    kept
}

/// Whether it is one of the options with its value behind `=`.
fn is_joined(argument: &OsStr) -> bool {
    let name = argument.to_str().and_then(|text| text.split_once('='));
    name.is_some_and(|(name, _)| OPTIONS.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verb_is_the_whole_command_with_one_flag() {
        let check = |given: &str, more: &[&str], verb: Verb, expected: &str| {
            let given = given.split(' ').map(OsString::from);
            let found: Vec<String> = command_of(given, more, verb)
                .into_iter()
                .map(|argument| argument.to_string_lossy().into_owned())
                .collect();
            assert_eq!(found.join(" "), expected);
        };
        let given = "--input a.csv --shards 16 --engine slurm --detach --output b.csv --jobs=2 --progress plain --explain";
        check(
            given,
            &["--set", "run.threads=1"],
            Verb::Shard(7),
            "--input a.csv --output b.csv --explain --set run.threads=1 --shard 7",
        );
        check(
            given,
            &[],
            Verb::Merge,
            "--input a.csv --output b.csv --explain --merge",
        );
        check(
            "--shards=16 --plan --input=a",
            &[],
            Verb::Plan(4),
            "--input=a --shards 4 --plan",
        );
    }
}
