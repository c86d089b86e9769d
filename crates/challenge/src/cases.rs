//! The form of a challenge file: JSON lines, each a text with what is true of it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use artifact::Sentiment;
use serde::{Deserialize, Serialize};

/// The set that comes with Ressenti.
const BUILT_IN: &str = include_str!("../data/challenge.jsonl");

/// One text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it asks of a model, for example `negation`.
    pub capability: String,
    /// `negative` or `positive`; may be left out of a text that is one of a pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// A name that two texts share which belong together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pair: Option<String>,
    /// How the second text of a pair relates to the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<Relation>,
    /// The text.
    pub text: String,
}

/// How the second text of a pair relates to the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Relation {
    /// What was changed does not matter: both get the same label.
    Same,
    /// It is more positive.
    More,
    /// It is less positive.
    Less,
}

/// What can be wrong with a challenge file.
#[derive(Debug, thiserror::Error)]
#[error("Line {line} of the challenge file `{path}` {problem}")]
pub struct ChallengeError {
    path: PathBuf,
    line: usize,
    problem: String,
}

impl Case {
    /// The class id of its label.
    pub fn class(&self) -> Option<u8> {
        let label = self.label.as_deref()?;
        let mut classes = [Sentiment::Negative, Sentiment::Positive].into_iter();
        classes
            .find(|class| class.as_str() == label)
            .map(Sentiment::id)
    }
}

/// The cases that come with Ressenti.
pub fn built_in() -> Vec<Case> {
    parse(BUILT_IN, Path::new("the built-in set")).expect("a test reads it")
}

/// The cases of a file; empty lines are left out.
///
/// # Errors
/// A line is no case, a label is neither `negative` nor `positive`, a case has nothing to be judged by,
/// or a pair is not two texts of which the second has a relation.
pub fn parse(text: &str, path: &Path) -> Result<Vec<Case>, ChallengeError> {
    let refused = |line: usize, problem: String| ChallengeError {
        path: path.to_owned(),
        line,
        problem,
    };
    let mut cases: Vec<Case> = Vec::new();
    // The lines of each pair.
    let mut pairs: HashMap<String, Vec<usize>> = HashMap::new();
    for (line, number) in text
        .lines()
        .zip(1..)
        .filter(|(line, _)| !line.trim().is_empty())
    {
        let case: Case = serde_json::from_str(line)
            .map_err(|error| refused(number, format!("is no case: {error}")))?;
        let lines = case.pair.clone().map(|pair| pairs.entry(pair).or_default());
        if let Some(problem) = problem(&case, lines.as_ref().map_or(0, |lines| lines.len())) {
            return Err(refused(number, problem));
        }
        if let Some(lines) = lines {
            lines.push(number);
        }
        cases.push(case);
    }
    let alone = pairs.iter().filter(|(_, lines)| lines.len() == 1);
    match alone.min_by_key(|(_, lines)| lines[0]) {
        Some((pair, lines)) => Err(refused(lines[0], format!("is alone in the pair `{pair}`"))),
        None => Ok(cases),
    }
}

/// What is wrong with a case before which so many stand of its pair.
fn problem(case: &Case, before: usize) -> Option<String> {
    if case.text.trim().is_empty() {
        return Some("has no text".to_owned());
    }
    Some(match (&case.label, &case.pair, case.relation) {
        (Some(label), ..) if case.class().is_none() => {
            format!("has the label `{label}`; there are `negative` and `positive`")
        }
        (_, None, Some(_)) => "has a relation and no `pair`".to_owned(),
        (None, None, None) => "has neither a label nor a `pair`".to_owned(),
        (_, Some(pair), _) if before > 1 => format!("is the third of `{pair}`"),
        (_, Some(pair), Some(_)) if before == 0 => {
            format!("has a relation, and is the first of `{pair}`")
        }
        (_, Some(pair), None) if before == 1 => {
            format!("is the second of `{pair}` and has no `relation`")
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_built_in_set_is_large_varied_and_without_copies() {
        let cases = built_in();
        let capabilities: HashSet<&str> =
            cases.iter().map(|case| case.capability.as_str()).collect();
        let texts: HashSet<&str> = cases.iter().map(|case| case.text.as_str()).collect();
        assert!(
            cases.len() >= 300 && capabilities.len() >= 10,
            "{} {capabilities:?}",
            cases.len()
        );
        assert_eq!(texts.len(), cases.len());
        let positive = cases.iter().filter(|case| case.class() == Some(1)).count();
        assert!((120..200).contains(&positive), "{positive}");
    }

    #[test]
    fn what_is_no_case_is_refused_by_line() {
        for (text, problem) in [
            (
                "{\"capability\":\"a\",\"label\":\"negative\",\"text\":\"x\"}\n\nnonsense",
                "Line 3",
            ),
            (
                "{\"capability\":\"a\",\"label\":\"bad\",\"text\":\"x\"}",
                "has the label `bad`",
            ),
            (
                "{\"capability\":\"a\",\"text\":\"x\"}",
                "neither a label nor a `pair`",
            ),
            (
                "{\"capability\":\"a\",\"label\":\"negative\",\"text\":\" \"}",
                "has no text",
            ),
            (
                "{\"capability\":\"a\",\"relation\":\"same\",\"label\":\"negative\",\"text\":\"x\"}",
                "no `pair`",
            ),
            (
                "{\"capability\":\"a\",\"pair\":\"p\",\"text\":\"x\"}",
                "alone in the pair `p`",
            ),
            (
                "{\"capability\":\"a\",\"pair\":\"p\",\"text\":\"x\"}\n{\"capability\":\"a\",\"pair\":\"p\",\"text\":\"y\"}",
                "has no `relation`",
            ),
            (
                "{\"capability\":\"a\",\"pair\":\"p\",\"relation\":\"same\",\"text\":\"x\"}",
                "is the first of `p`",
            ),
            (
                "{\"capability\":\"a\",\"colour\":1,\"text\":\"x\"}",
                "unknown field `colour`",
            ),
        ] {
            let error = parse(text, Path::new("mine.jsonl"))
                .expect_err(text)
                .to_string();
            assert!(
                error.contains(problem) && error.contains("`mine.jsonl`"),
                "{error}"
            );
        }
        assert_eq!(parse("", Path::new("x")).expect("nothing is wrong"), []);
    }
}
