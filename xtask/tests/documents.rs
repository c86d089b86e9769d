//! Checks the documents: their length, their links, and that every page is in the book.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask is a folder of the checkout")
        .to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All Markdown files below `folder`.
fn markdown_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
    {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            files.extend(markdown_files(&path));
        } else if path.extension().is_some_and(|found| found == "md") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// All documents: the README, ARCHITECTURE and CHANGELOG, the book and the experiments.
fn documents() -> Vec<PathBuf> {
    let mut files = vec![
        root().join("README.md"),
        root().join("ARCHITECTURE.md"),
        root().join("CHANGELOG.md"),
    ];
    files.extend(markdown_files(&root().join("docs")));
    files.extend(markdown_files(&root().join("experiments")));
    files
}

/// Targets of Markdown links and pictures outside code blocks.
fn links(text: &str) -> Vec<String> {
    let mut is_code = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        if is_code {
            continue;
        }
        let targets = line.split("](").skip(1);
        found.extend(targets.filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())));
    }
    found
}

/// The anchor of a heading, as on GitHub and in mdBook.
fn anchor(heading: &str) -> String {
    let characters = heading.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c.to_ascii_lowercase()),
        _ => None,
    });
    characters.collect()
}

fn has_anchor(file: &Path, wanted: &str) -> bool {
    let text = read(file);
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| anchor(line.trim_start_matches('#').trim()))
        .any(|found| found == wanted)
}

#[test]
fn documents_are_short_enough() {
    for (name, longest) in [("README.md", 900), ("ARCHITECTURE.md", 1_500)] {
        let words = read(&root().join(name)).split_whitespace().count();
        assert!(
            words <= longest,
            "{name} has {words} words, more than {longest}"
        );
    }
    for file in markdown_files(&root().join("experiments")) {
        let lines = read(&file).lines().count();
        assert!(
            lines <= 15,
            "{} has {lines} lines, more than 15",
            file.display()
        );
    }
}

#[test]
fn links_between_documents_are_valid() {
    let mut broken = Vec::new();
    for file in documents() {
        let folder = file.parent().expect("a file has a folder");
        for link in links(&read(&file)) {
            if link.contains("://") {
                continue;
            }
            let (path, fragment) = link.split_once('#').unwrap_or((&link, ""));
            let target = if path.is_empty() {
                file.clone()
            } else {
                folder.join(path)
            };
            let is_valid =
                target.exists() && (fragment.is_empty() || has_anchor(&target, fragment));
            if !is_valid {
                broken.push(format!("{}: {link}", file.display()));
            }
        }
    }
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
}

#[test]
fn every_page_is_in_the_book() {
    let docs = root().join("docs");
    let summary = docs.join("SUMMARY.md");
    let listed: BTreeSet<PathBuf> = links(&read(&summary))
        .into_iter()
        .map(|link| docs.join(link))
        .collect();
    let pages = markdown_files(&docs)
        .into_iter()
        .filter(|page| *page != summary);
    assert_eq!(listed, pages.collect());
}

#[test]
fn every_decision_is_linked_in_the_architecture() {
    let listed = links(&read(&root().join("ARCHITECTURE.md")));
    for page in markdown_files(&root().join("docs/decisions")) {
        let name = page
            .file_name()
            .expect("a file has a name")
            .to_string_lossy();
        let link = format!("docs/decisions/{name}");
        assert!(
            listed.contains(&link),
            "ARCHITECTURE.md does not link to {link}"
        );
    }
}

#[test]
fn data_files_of_experiments_are_linked() {
    let folder = root().join("experiments");
    let linked: BTreeSet<String> = markdown_files(&folder)
        .iter()
        .flat_map(|page| links(&read(page)))
        .collect();
    for entry in fs::read_dir(&folder).expect("the folder of experiments") {
        let name = entry.expect("a readable folder").file_name();
        let name = name.to_string_lossy();
        let is_linked = name.ends_with(".md") || linked.contains(name.as_ref());
        assert!(is_linked, "experiments/{name} is not linked by any page");
    }
}
