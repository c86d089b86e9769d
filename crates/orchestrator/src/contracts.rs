//! Do a step's inputs fit together? Found while planning, in milliseconds, and not by a network
//! whose first matrix product fails an hour later.

use artifact::{Contract, Digest};
use settings::StepId;

use crate::OrchestratorError;
use crate::error::Misfit;

/// What a contract says about ids, whichever side of them it is on.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Ids {
    tokenizer: Digest,
    /// `None` for an encoder, whose table may have rows that its tokenizer never uses.
    vocabulary_size: Option<u32>,
}

fn ids(contract: &Contract) -> Option<Ids> {
    match contract {
        Contract::Tokens {
            tokenizer,
            vocabulary_size,
            ..
        }
        | Contract::Embedding {
            tokenizer,
            vocabulary_size,
            ..
        }
        | Contract::Model {
            tokenizer,
            vocabulary_size,
            ..
        } => Some(Ids {
            tokenizer: *tokenizer,
            vocabulary_size: Some(*vocabulary_size),
        }),
        Contract::Encoder { tokenizer, .. } | Contract::Features { tokenizer, .. } => Some(Ids {
            tokenizer: *tokenizer,
            vocabulary_size: None,
        }),
        _ => None,
    }
}

fn width(contract: &Contract) -> Option<u32> {
    match contract {
        Contract::Embedding { width, .. }
        | Contract::Encoder { width, .. }
        | Contract::Model { width, .. } => Some(*width),
        _ => None,
    }
}

fn classes(contract: &Contract) -> Option<&[String]> {
    match contract {
        Contract::Tokens { classes, .. }
        | Contract::Features { classes, .. }
        | Contract::Model { classes, .. } => Some(classes),
        _ => None,
    }
}

/// Compares the contracts that meet in one step: those of its inputs and, where it is there
/// already, of its output. All of the same tokenizer, vocabulary, width and classes.
///
/// # Errors
/// The first two that do not fit, with the setting to change.
pub(crate) fn check(
    step: &StepId,
    contracts: &[(&StepId, &Contract)],
) -> Result<(), OrchestratorError> {
    for (index, (id, contract)) in contracts.iter().enumerate() {
        for (earlier_id, earlier) in &contracts[..index] {
            if let Some((one, two)) = difference(earlier, contract) {
                return Err(OrchestratorError::Misfit(Box::new(Misfit {
                    step: step.clone(),
                    one: (*earlier_id).clone(),
                    one_has: one,
                    two: (*id).clone(),
                    two_has: two,
                })));
            }
        }
    }
    Ok(())
}

/// What each of two contracts says where they contradict each other.
fn difference(one: &Contract, two: &Contract) -> Option<(String, String)> {
    if let (Some(one), Some(two)) = (ids(one), ids(two)) {
        if let (Some(one), Some(two)) = (one.vocabulary_size, two.vocabulary_size)
            && one != two
        {
            let words = |size: u32| format!("a vocabulary of {}", artifact::format::count(size));
            return Some((words(one), words(two)));
        }
        if one.tokenizer != two.tokenizer {
            let words = |ids: Ids| format!("the tokenizer {}", ids.tokenizer);
            return Some((words(one), words(two)));
        }
    }
    if let (Some(one), Some(two)) = (width(one), width(two))
        && one != two
    {
        return Some((
            format!("vectors of {one} components"),
            format!("vectors of {two} components"),
        ));
    }
    if let (Some(one), Some(two)) = (classes(one), classes(two))
        && one != two
    {
        return Some((
            format!("the classes {}", one.join(", ")),
            format!("the classes {}", two.join(", ")),
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use artifact::StageName::{Embed, Tokenize, Train};

    use super::*;

    fn tokens(tokenizer: &str, vocabulary_size: u32) -> Contract {
        Contract::Tokens {
            tokenizer: Digest::of_bytes(tokenizer.as_bytes()),
            vocabulary_size,
            pad_id: 0,
            unknown_id: Some(1),
            max_length: 64,
            classes: artifact::Sentiment::class_names(),
            normalization: None,
        }
    }

    fn embedding(tokenizer: &str, vocabulary_size: u32, width: u32) -> Contract {
        let tokenizer = Digest::of_bytes(tokenizer.as_bytes());
        Contract::Embedding {
            tokenizer,
            vocabulary_size,
            width,
            pad_id: 0,
        }
    }

    fn model(tokenizer: &str, width: u32, classes: &[&str]) -> Contract {
        Contract::Model {
            tokenizer: Digest::of_bytes(tokenizer.as_bytes()),
            vocabulary_size: 500,
            width,
            max_length: 64,
            classes: classes.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    #[track_caller]
    fn check_fit(one: Contract, two: Contract, expected: Option<&str>) {
        let step = StepId::new(Train, "lstm");
        let (tokenize, embed) = (StepId::new(Tokenize, "words"), StepId::new(Embed, "glove"));
        let found =
            check(&step, &[(&tokenize, &one), (&embed, &two)]).map_err(|error| error.to_string());
        assert_eq!(found.err().as_deref(), expected);
    }

    #[test]
    fn what_does_not_fit_is_named_on_both_sides() {
        check_fit(tokens("a", 500), embedding("a", 500, 8), None);
        check_fit(
            tokens("a", 500),
            embedding("a", 600, 8),
            Some(
                "`train lstm` cannot put `tokenize words` and `embed glove` together: \
                 the former has a vocabulary of 500, the latter a vocabulary of 600",
            ),
        );
        check_fit(
            tokens("a", 500),
            embedding("b", 500, 8),
            Some(
                "`train lstm` cannot put `tokenize words` and `embed glove` together: \
                 the former has the tokenizer 17762fddd969, the latter the tokenizer 10e5cf3d3c8a",
            ),
        );
        check_fit(
            embedding("a", 500, 8),
            model("a", 16, &["negative", "positive"]),
            Some(
                "`train lstm` cannot put `tokenize words` and `embed glove` together: \
                 the former has vectors of 8 components, the latter vectors of 16 components",
            ),
        );
        check_fit(
            tokens("a", 500),
            model("a", 16, &["bad", "good"]),
            Some(
                "`train lstm` cannot put `tokenize words` and `embed glove` together: \
                 the former has the classes negative, positive, the latter the classes bad, good",
            ),
        );
    }
}
