//! The key of a step: names its output before it exists, and depends on everything that can change the output.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Digest, DigestBuilder, StageName};

/// The name of an output. Equal keys mean equal outputs, except for models trained on a GPU without
/// `run.deterministic`.
pub type Key = Digest;

/// An input of a step, identified by its content. If an input is rebuilt with the same content, the key stays the same
/// and the step does not run again (early cut-off).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputReference {
    /// The stage of the input.
    pub stage: StageName,
    /// The variant of the input.
    pub variant: String,
    /// The digest of its content, see [`crate::Manifest::identity`].
    pub identity: Digest,
}

/// A file or folder outside the store that a step reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceReference {
    /// The name of the file or folder, without its parent folders.
    pub name: String,
    /// The digest of its content.
    pub digest: Digest,
}

/// The key of a step: a digest of the stage, its version, the settings, the inputs and the sources. Names of variants
/// and source files are not part of it, because a renamed table or file with the same content gives the same output.
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

/// JSON with sorted keys and without white space: equal values give equal text.
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
    fn the_key_depends_on_values_of_settings_but_not_on_their_order() {
        assert_eq!(
            key(&json!({"a": 1, "b": [true]})),
            key(&json!({"b": [true], "a": 1}))
        );
        assert_ne!(key(&json!({"a": 1})), key(&json!({"a": 2})));
        assert_ne!(key(&json!({"a": 1})), key(&json!({"a": "1"})));
    }

    #[test]
    fn the_key_depends_on_the_content_of_inputs_but_not_on_variant_names() {
        let reference = |variant: &str, content: &[u8]| InputReference {
            stage: StageName::Ingest,
            variant: variant.to_owned(),
            identity: Digest::of_bytes(content),
        };
        let key_with =
            |input: InputReference| step_key(StageName::Clean, &Value::Null, &[input], &[]);
        assert_eq!(
            key_with(reference("a", b"x")),
            key_with(reference("b", b"x"))
        );
        assert_ne!(
            key_with(reference("a", b"x")),
            key_with(reference("a", b"y"))
        );
    }
}
