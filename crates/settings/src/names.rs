//! Hints that list the known names, the most similar one first.

use std::fmt::Display;

use artifact::{Failure, StageName};

/// The error about a variant that a stage does not have.
pub fn unknown_variant(stage: StageName, name: &str, known: &[String]) -> Failure {
    Failure::new(format!("The stage `{stage}` has no variant `{name}`"))
        .with_hint(suggest(name, known))
}

/// A hint for a misspelled name: the most similar known name, then all known names.
pub fn suggest(name: &str, known: &[String]) -> String {
    let all = list_known(known);
    match nearest(name, known) {
        Some(similar) => format!("Did you mean `{similar}`? {all}"),
        None => all,
    }
}

/// A sentence that lists all known names.
pub(crate) fn list_known<T: Display>(known: &[T]) -> String {
    match known.len() {
        0 => "There are none".to_owned(),
        1 => format!("There is {}", list(known)),
        _ => format!("There are {}", list(known)),
    }
}

/// Names in backticks, separated by commas.
pub(crate) fn list<T: Display>(names: &[T]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// The known name that is most similar to a misspelled one, if any is similar enough.
pub fn nearest<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    let known = known.iter().map(|it| (strsim::jaro_winkler(name, it), it));
    let similar = known.filter(|(similarity, _)| *similarity > 0.75);
    let best = similar.max_by(|one, two| one.0.total_cmp(&two.0));
    best.map(|(_, name)| name.as_str())
}
