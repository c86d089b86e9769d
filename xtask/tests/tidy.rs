//! Rules of this repository that the compiler does not check.

#[path = "../src/phrases.rs"]
mod phrases;

use std::fs;
use std::path::{Path, PathBuf};

/// The largest number of lines of a source file.
const LONGEST_FILE: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask is in the checkout")
        .to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files under version control, and new files that git does not ignore.
fn files() -> Vec<PathBuf> {
    phrases::repository_files(&root())
}

fn has_extension(file: &Path, extension: &str) -> bool {
    file.extension().is_some_and(|found| found == extension)
}

/// Fails and lists all problems at once.
fn assert_none(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// Folders of `crates/`, by name.
fn crates() -> Vec<String> {
    let folder = root().join("crates");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .expect("the workspace has crates")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.join("Cargo.toml").is_file())
        .filter_map(|path| path.file_name()?.to_str().map(str::to_owned))
        .collect();
    names.sort();
    assert!(!names.is_empty());
    names
}

#[test]
fn every_crate_uses_the_lints_of_the_workspace() {
    let manifests = crates().into_iter().map(|name| format!("crates/{name}"));
    let manifests = manifests.chain(["tests".to_owned(), "xtask".to_owned()]);
    assert_none(
        manifests
            .filter(|name| {
                let manifest: toml::Table = read(&root().join(name).join("Cargo.toml"))
                    .parse()
                    .unwrap_or_else(|error| panic!("{name}: {error}"));
                let lints = manifest
                    .get("lints")
                    .and_then(|lints| lints.get("workspace"));
                lints.and_then(toml::Value::as_bool) != Some(true)
            })
            .map(|name| format!("{name}/Cargo.toml lacks `[lints] workspace = true`"))
            .collect(),
    );
}

#[test]
fn no_source_file_is_too_long() {
    assert_none(
        files()
            .into_iter()
            .filter(|file| has_extension(file, "rs"))
            .map(|file| (read(&root().join(&file)).lines().count(), file))
            .filter(|(lines, _)| *lines > LONGEST_FILE)
            .map(|(lines, file)| {
                format!(
                    "{} has {lines} lines, more than {LONGEST_FILE}",
                    file.display()
                )
            })
            .collect(),
    );
}

#[test]
fn every_crate_is_in_the_architecture() {
    let text = read(&root().join("ARCHITECTURE.md"));
    let missing = crates()
        .into_iter()
        .filter(|name| !names_folder(&text, name));
    assert_none(
        missing
            .map(|name| format!("ARCHITECTURE.md does not name crates/{name}"))
            .collect(),
    );
}

/// Whether `text` names the folder as `name/` or as code. The word alone does not count.
fn names_folder(text: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    let ends = |rest: &str| !rest.starts_with(is_word);
    text.match_indices(name).any(|(start, _)| {
        let (before, rest) = (&text[..start], &text[start + name.len()..]);
        !before.ends_with(is_word)
            && ends(rest)
            && (rest.starts_with('/')
                || before.ends_with("crates/")
                || (before.ends_with('`') && rest.starts_with('`')))
    })
}

#[test]
fn no_path_of_a_developers_machine_is_in_the_repository() {
    assert_none(
        files()
            .into_iter()
            .filter_map(|file| Some((fs::read_to_string(root().join(&file)).ok()?, file)))
            .flat_map(|(text, file)| {
                let problems = text.lines().enumerate().filter_map(|(index, line)| {
                    let found = developers_path(line)?;
                    Some(format!("{}:{} names `{found}`", file.display(), index + 1))
                });
                problems.collect::<Vec<_>>()
            })
            .collect(),
    );
}

/// The start of a path into a home or work folder.
fn developers_path(line: &str) -> Option<&'static str> {
    // Each is split in two, so that this file does not match.
    const FOLDERS: [&str; 5] = [
        concat!("/ho", "me/"),
        concat!("/ro", "ot/"),
        concat!("/Us", "ers/"),
        concat!("/wo", "rk/"),
        concat!("C:\\Us", "ers\\"),
    ];
    // `artifacts/work/` and `example.org/home/` do not count.
    let begins = |before: &str| {
        before.ends_with("file://")
            || !before.ends_with(|c: char| c.is_alphanumeric() || "._-~/})>*".contains(c))
    };
    FOLDERS.into_iter().find(|folder| {
        line.match_indices(folder)
            .any(|(at, _)| begins(&line[..at]))
    })
}

#[test]
fn no_banned_phrase_is_used() {
    assert_none(phrases::find_banned_phrases(&root()));
}

#[test]
fn no_unfinished_code_is_left() {
    // Each is split in two, so that this file does not match.
    let words = [
        concat!("to", "do!("),
        concat!("unimpl", "emented!("),
        concat!("#[ign", "ore"),
    ];
    let mut problems = Vec::new();
    for file in files().into_iter().filter(|file| has_extension(file, "rs")) {
        for (index, line) in read(&root().join(&file)).lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(*word)) {
                problems.push(format!("{}:{} has `{word}`", file.display(), index + 1));
            }
        }
    }
    assert_none(problems);
}

#[test]
fn only_a_path_or_code_names_a_folder() {
    let check =
        |text: &str, expected: bool| assert_eq!(names_folder(text, "train"), expected, "{text}");
    check("train/ the networks learn", true);
    check("crates/train", true);
    check("ingest/ clean/ train/", true);
    check("the crate `train` does it", true);
    check("we train networks", false);
    check("ressenti-train/ is another name", false);
    check("`trainer`", false);
    check("", false);
}

#[test]
fn paths_of_developers_machines_are_recognised() {
    let check = |line: &str, expected: bool| {
        let line = line.replace('%', "/");
        assert_eq!(developers_path(&line).is_some(), expected, "{line}");
    };
    check("LIBTORCH = \"%home%ada%libtorch\"", true);
    check("cd %work%main", true);
    check("(%Users%ada)", true);
    check("file:%%%root%x", true);
    check("artifacts%work%train", false);
    check("https:%%example.org%home%index.html", false);
    check("$HOME%work%train", false);
    check("~%work%", false);
}
