//! The format of challenge files: JSON lines, each with a text and the expected result.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use artifact::Sentiment;
use serde::{Deserialize, Serialize};

/// The built-in challenge set.
const BUILT_IN: &str = include_str!("../data/challenge.jsonl");

/// One test of the challenge set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The tested capability, for example `negation`.
    pub capability: String,
    /// `negative` or `positive`; optional for a text of a pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Name of the pair, which both texts of a pair share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pair: Option<String>,
    /// Expected relation of the second text of a pair to the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<Relation>,
    /// The text.
    pub text: String,
}

/// Expected relation of the second text of a pair to the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Relation {
    /// Both texts have the same label.
    Same,
    /// The second text is more positive.
    More,
    /// The second text is less positive.
    Less,
}

/// An error in a challenge file.
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
        let class = classes.find(|class| class.as_str() == label);
        class.map(Sentiment::id)
    }
}

/// The cases of the built-in challenge set.
pub fn built_in() -> Vec<Case> {
    parse(BUILT_IN, Path::new("the built-in set")).expect("checked by a test")
}

/// Parses the cases of a file; empty lines are skipped.
///
/// # Errors
/// A line is not a valid case, a label is neither `negative` nor `positive`, a case has neither a label nor a pair, or
/// a pair does not have exactly two texts, the second one with a relation.
pub fn parse(text: &str, path: &Path) -> Result<Vec<Case>, ChallengeError> {
    let error = |line: usize, problem: String| ChallengeError {
        path: path.to_owned(),
        line,
        problem,
    };
    let mut cases: Vec<Case> = Vec::new();
    // Line numbers of each pair.
    let mut pairs: HashMap<String, Vec<usize>> = HashMap::new();
    let lines = text.lines().zip(1..);
    for (line, number) in lines.filter(|(line, _)| !line.trim().is_empty()) {
        let case: Case = serde_json::from_str(line)
            .map_err(|cause| error(number, format!("is not a valid case: {cause}")))?;
        let lines = case.pair.clone().map(|pair| pairs.entry(pair).or_default());
        if let Some(problem) = find_problem(&case, lines.as_ref().map_or(0, |lines| lines.len())) {
            return Err(error(number, problem));
        }
        if let Some(lines) = lines {
            lines.push(number);
        }
        cases.push(case);
    }
    let incomplete = pairs.iter().filter(|(_, lines)| lines.len() == 1);
    if let Some((pair, lines)) = incomplete.min_by_key(|(_, lines)| lines[0]) {
        let problem = format!("is the only text of the pair `{pair}`");
        return Err(error(lines[0], problem));
    }
    Ok(cases)
}

/// The problem of a case, if any; `previous` texts of its pair are before it.
fn find_problem(case: &Case, previous: usize) -> Option<String> {
    if case.text.trim().is_empty() {
        return Some("has no text".to_owned());
    }
    Some(match (&case.label, &case.pair, case.relation) {
        (Some(label), ..) if case.class().is_none() => {
            format!("has the label `{label}`; allowed labels are `negative` and `positive`")
        }
        (_, None, Some(_)) => "has a `relation` but no `pair`".to_owned(),
        (None, None, None) => "has neither a `label` nor a `pair`".to_owned(),
        (_, Some(pair), _) if previous > 1 => format!("is the third text of the pair `{pair}`"),
        (_, Some(pair), Some(_)) if previous == 0 => {
            format!("has a `relation`, but is the first text of the pair `{pair}`")
        }
        (_, Some(pair), None) if previous == 1 => {
            format!("is the second text of the pair `{pair}`, but has no `relation`")
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_built_in_set_is_large_varied_and_without_duplicates() {
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
    fn invalid_cases_are_rejected_with_their_line() {
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
                "neither a `label` nor a `pair`",
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
                "the only text of the pair `p`",
            ),
            (
                "{\"capability\":\"a\",\"pair\":\"p\",\"text\":\"x\"}\n{\"capability\":\"a\",\"pair\":\"p\",\"text\":\"y\"}",
                "has no `relation`",
            ),
            (
                "{\"capability\":\"a\",\"pair\":\"p\",\"relation\":\"same\",\"text\":\"x\"}",
                "is the first text of the pair `p`",
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
        assert_eq!(
            parse("", Path::new("x")).expect("an empty file is valid"),
            []
        );
    }
}
