//! Open questions: settings of a pipeline file whose value is a text that starts with `? `. `ressenti new` writes
//! them where only a person can decide, and no command reads the file before they are answered.

use artifact::Failure;
use toml::{Table, Value};

use crate::mismatch::Mismatch;

/// How the value of an open question starts.
pub const OPEN_QUESTION: &str = "? ";

/// Dotted path of a setting, and the question.
pub(crate) type Question = (Vec<String>, String);

/// Removes all open questions from a parsed file.
pub(crate) fn take_questions(table: &mut Table) -> Vec<Question> {
    let mut questions = Vec::new();
    table.retain(|name, value| {
        let path = |rest: Vec<String>| [vec![name.to_owned()], rest].concat();
        match value {
            Value::Table(inner) => {
                let inner = take_questions(inner).into_iter();
                questions.extend(inner.map(|(rest, question)| (path(rest), question)));
            }
            Value::String(text) => {
                if let Some(question) = text.strip_prefix(OPEN_QUESTION) {
                    questions.push((path(Vec::new()), question.to_owned()));
                    return false;
                }
            }
            _ => {}
        }
        true
    });
    questions
}

/// Fails with the first question that neither the file nor an override has answered. `text` is the file's content.
pub(crate) fn check_answered(
    questions: Vec<Question>,
    answered: &Table,
    failure: Failure,
    text: &str,
) -> Result<(), Failure> {
    let is_open = |(path, _): &Question| {
        let mut parts = path.iter();
        let first = parts.next().and_then(|name| answered.get(name));
        parts.fold(first, |value, name| value?.get(name)).is_none()
    };
    let open: Vec<Question> = questions.into_iter().filter(is_open).collect();
    let Some((path, question)) = open.first() else {
        return Ok(());
    };
    let more = match open.len() {
        1 => String::new(),
        2 => " (and 1 more question)".to_owned(),
        count => format!(" (and {} more questions)", count - 1),
    };
    let mismatch = Mismatch::new(path, format!("is an open question: {question}{more}"));
    let hint =
        "Replace this line by the answer: the comments below it show possible ones".to_owned();
    Err(mismatch.with_hint(hint).explain(failure, Some(text)))
}
