//! What names a step's output before it exists: everything that could change it, and nothing else.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Digest, DigestBuilder, StageName};

/// The name of an output by what produces it. Equal keys mean equal outputs.
pub type Key = Digest;

/// An input of a step, named by what it holds and not by how it came about: a rebuilt input with
/// the same content leaves the key alone, and nothing after it runs (early cut-off).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputReference {
    /// The stage that made it.
    pub stage: StageName,
    /// The variant it was read as.
    pub variant: String,
    /// Its content, see [`crate::Manifest::identity`].
    pub identity: Digest,
}

/// A file from outside the store that a step reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceReference {
    /// The file's or folder's name, without the folders above it.
    pub name: String,
    /// Its content.
    pub digest: Digest,
}

/// The key of a step: its stage and the stage's version, its own settings, its inputs, its sources.
/// An input's variant and a source's name are left out, because a renamed table or file with the
/// same content gives the same output.
pub fn step_key(
    stage: StageName,
    settings: &Value,
    inputs: &[InputReference],
    sources: &[SourceReference],
) -> Key {
    let mut builder = DigestBuilder::new()
        .field("stage", stage.as_str().as_bytes())
        .field("version", &stage.version().to_le_bytes())
        .field("settings", canonical_json(settings).as_bytes());
    for input in inputs {
        builder = builder.field(input.stage.as_str(), input.identity.to_hex().as_bytes());
    }
    for source in sources {
        builder = builder.field("source", source.digest.to_hex().as_bytes());
    }
    builder.finish()
}

/// JSON with sorted keys and no white space: equal values give equal text.
pub fn canonical_json(value: &Value) -> String {
    let mut sorted = value.clone();
    sorted.sort_all_objects();
    sorted.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(settings: &Value) -> Key {
        step_key(StageName::Clean, settings, &[], &[])
    }

    #[test]
    fn order_of_settings_does_not_matter_and_values_do() {
        assert_eq!(
            key(&json!({"a": 1, "b": [true]})),
            key(&json!({"b": [true], "a": 1}))
        );
        assert_ne!(key(&json!({"a": 1})), key(&json!({"a": 2})));
        assert_ne!(key(&json!({"a": 1})), key(&json!({"a": "1"})));
    }

    #[test]
    fn a_renamed_variant_keeps_the_key_and_a_changed_input_does_not() {
        let reference = |variant: &str, content: &[u8]| InputReference {
            stage: StageName::Ingest,
            variant: variant.to_owned(),
            identity: Digest::of_bytes(content),
        };
        let with = |input: InputReference| step_key(StageName::Clean, &Value::Null, &[input], &[]);
        assert_eq!(with(reference("a", b"x")), with(reference("b", b"x")));
        assert_ne!(with(reference("a", b"x")), with(reference("a", b"y")));
    }
}
