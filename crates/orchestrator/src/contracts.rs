//! Checks while planning that the inputs of a step fit together, for example that an embedding was made for
//! the same tokenizer.

use artifact::{Contract, Failure, StageName, format};
use settings::StepId;

/// Properties that must be equal in all contracts that have them.
const PROPERTIES: [fn(&Contract) -> Option<String>; 4] = [vocabulary, tokenizer, width, classes];

/// Not of an encoder, whose table may have rows that its tokenizer never uses.
fn vocabulary(contract: &Contract) -> Option<String> {
    let size = match contract {
        Contract::Tokens {
            vocabulary_size, ..
        }
        | Contract::Embedding {
            vocabulary_size, ..
        }
        | Contract::Model {
            vocabulary_size, ..
        } => *vocabulary_size,
        _ => return None,
    };
    Some(format!("a vocabulary of {}", format::count(size)))
}

fn tokenizer(contract: &Contract) -> Option<String> {
    match contract {
        Contract::Tokens { tokenizer, .. }
        | Contract::Embedding { tokenizer, .. }
        | Contract::Encoder { tokenizer, .. }
        | Contract::Features { tokenizer, .. }
        | Contract::Model { tokenizer, .. } => Some(format!("the tokenizer {tokenizer}")),
        _ => None,
    }
}

fn width(contract: &Contract) -> Option<String> {
    match contract {
        Contract::Embedding { width, .. }
        | Contract::Encoder { width, .. }
        | Contract::Model { width, .. } => Some(format!("vectors of {width} components")),
        _ => None,
    }
}

fn classes(contract: &Contract) -> Option<String> {
    match contract {
        Contract::Tokens { classes, .. }
        | Contract::Features { classes, .. }
        | Contract::Model { classes, .. } => Some(format!("the classes {}", classes.join(", "))),
        _ => None,
    }
}

/// Compares the contracts of a step's inputs and of its output if it exists. Tokenizer, vocabulary, width
/// and classes must be equal.
///
/// # Errors
/// The first two artifacts that do not fit, with the setting to change.
pub(crate) fn check(step: &StepId, contracts: &[(&StepId, &Contract)]) -> Result<(), Failure> {
    let reference = match step.stage {
        StageName::Embed => format!("embedding.{}.tokenizer", step.variant),
        _ => format!("model.{}.embedding", step.variant),
    };
    for (index, (two, contract)) in contracts.iter().enumerate() {
        for (one, earlier) in &contracts[..index] {
            let Some((one_has, two_has)) = difference(earlier, contract) else {
                continue;
            };
            let message =
                format!("`{step}` cannot combine `{one}` ({one_has}) with `{two}` ({two_has})");
            let (stage, model) = (two.stage, two.model_argument());
            return Err(Failure::new(message).with_hint(format!(
                "Set `{reference}` to a name that fits, or rebuild `{two}` with `ressenti run --only {stage}{model} --force`"
            )));
        }
    }
    Ok(())
}

/// The first property that differs, with both values.
fn difference(one: &Contract, two: &Contract) -> Option<(String, String)> {
    PROPERTIES.iter().find_map(|property| {
        let (one, two) = (property(one)?, property(two)?);
        (one != two).then_some((one, two))
    })
}

#[cfg(test)]
mod tests {
    use artifact::Digest;
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
        let found = check(&step, &[(&tokenize, &one), (&embed, &two)])
            .map_err(|error| error.chain().remove(0));
        assert_eq!(found.err().as_deref(), expected);
    }

    #[test]
    fn a_mismatch_names_both_inputs_and_values() {
        check_fit(tokens("a", 500), embedding("a", 500, 8), None);
        check_fit(
            tokens("a", 500),
            embedding("a", 600, 8),
            Some(
                "`train lstm` cannot combine `tokenize words` (a vocabulary of 500) \
                 with `embed glove` (a vocabulary of 600)",
            ),
        );
        check_fit(
            tokens("a", 500),
            embedding("b", 500, 8),
            Some(
                "`train lstm` cannot combine `tokenize words` (the tokenizer 17762fddd969) \
                 with `embed glove` (the tokenizer 10e5cf3d3c8a)",
            ),
        );
        check_fit(
            embedding("a", 500, 8),
            model("a", 16, &["negative", "positive"]),
            Some(
                "`train lstm` cannot combine `tokenize words` (vectors of 8 components) \
                 with `embed glove` (vectors of 16 components)",
            ),
        );
        check_fit(
            tokens("a", 500),
            model("a", 16, &["bad", "good"]),
            Some(
                "`train lstm` cannot combine `tokenize words` (the classes negative, positive) \
                 with `embed glove` (the classes bad, good)",
            ),
        );
    }
}
