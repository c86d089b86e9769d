//! Names that are known, in a sentence about one that is not.

use std::fmt::Display;

use artifact::{Failure, StageName};

/// Something was asked of a variant that is not there.
pub fn unknown_variant(stage: StageName, name: &str, known: &[String]) -> Failure {
    Failure::new(format!("The stage `{stage}` has no variant `{name}`"))
        .with_hint(suggest(name, known))
}

/// A sentence that names the known name nearest to a misspelled one, and all that are known.
pub fn suggest(name: &str, known: &[String]) -> String {
    let list = list(known);
    match nearest(name, known) {
        Some(close) => format!("Did you mean `{close}`? There are {list}"),
        None if known.is_empty() => "There are none".to_owned(),
        None => format!("There are {list}"),
    }
}

/// Names as they stand in a sentence.
pub(crate) fn list<T: Display>(names: &[T]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// The known name that a misspelled one was probably meant to be.
pub fn nearest<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate.as_str()))
        .filter(|(similarity, _)| *similarity > 0.75)
        .max_by(|one, two| one.0.total_cmp(&two.0))
        .map(|(_, candidate)| candidate)
}
