//! Finds phrases of `xtask/banned_phrases.txt` in the repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::{Regex, RegexSet};

/// The list of phrases, with its format in its first lines.
const LIST: &str = "xtask/banned_phrases.txt";

/// Extensions of the files that are searched.
const EXTENSIONS: [&str; 8] = ["rs", "md", "toml", "html", "css", "js", "py", "snap"];

/// Files and folders that quote banned phrases, or that record history.
const EXEMPT: [&str; 3] = ["CHANGELOG.md", "docs/decisions/", "experiments/"];

/// All files that git does not ignore, relative to `root`.
pub(crate) fn repository_files(root: &Path) -> Vec<PathBuf> {
    let output = Command::new("git")
        // The clone of a CI job often belongs to another user.
        .args(["-c", "safe.directory=*", "ls-files", "-z", "--cached"])
        .args(["--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .expect("git is installed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let names = String::from_utf8(output.stdout).expect("file names are UTF-8");
    let files = names.split_terminator('\0').map(PathBuf::from);
    // A deleted file is listed until the deletion is committed.
    files.filter(|file| root.join(file).is_file()).collect()
}

/// Searches all files below `root`. Returns a line for each match: `file:line: phrase -> plain term`.
pub(crate) fn find_banned_phrases(root: &Path) -> Vec<String> {
    let list = fs::read_to_string(root.join(LIST)).expect("the list of phrases exists");
    let (patterns, terms) = parse_list(&list);
    let set = RegexSet::new(&patterns).expect("every phrase is a regular expression");
    let expressions: Vec<Regex> = patterns.iter().flat_map(|it| Regex::new(it)).collect();
    let mut found = Vec::new();
    for file in repository_files(root) {
        let (extension, name) = (file.extension().unwrap_or_default(), file.to_string_lossy());
        let has_text = EXTENSIONS.iter().any(|known| extension == *known);
        if !has_text || EXEMPT.iter().any(|prefix| name.starts_with(prefix)) {
            continue;
        }
        let text = fs::read_to_string(root.join(&file)).unwrap_or_default();
        for (line, number) in text.lines().zip(1..) {
            for index in set.matches(line) {
                let phrase = expressions[index].find(line).map_or("", |it| it.as_str());
                let (name, term) = (file.display(), terms[index]);
                found.push(format!("{name}:{number}: {phrase} -> {term}"));
            }
        }
    }
    found
}

/// Regular expressions and plain terms of a list, see the comment at the start of [`LIST`].
fn parse_list(list: &str) -> (Vec<String>, Vec<&str>) {
    let lines = list.lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let entries = lines.map(|line| {
        let (phrase, term) = line.split_once(" -> ").expect("a phrase has a plain term");
        let (flags, phrase) = match phrase.strip_prefix('=') {
            Some(phrase) => ("", phrase),
            None => ("(?i)", phrase),
        };
        let pattern = format!(r"{flags}(?-u:\b{{start-half}})(?:{phrase})(?-u:\b{{end-half}})");
        (pattern, term)
    });
    entries.unzip()
}
