//! Reads the `config.json` of a Hugging Face folder: the configuration of a pretrained encoder.
//!
//! The families have different names for the same sizes; they are converted to one form here. A file with a property
//! that would be computed differently is refused.

use serde::Deserialize;

use super::family::Family;

/// The activation function of a feed-forward layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Gaussian error linear unit, computed with the error function (Hendrycks and Gimpel 2016).
    Gelu,
    /// Gaussian error linear unit, approximated with tanh.
    GeluTanh,
    /// Rectified linear unit.
    Relu,
}

/// The configuration of an encoder.
#[derive(Clone, Debug, PartialEq)]
pub struct EncoderConfig {
    /// The family.
    pub family: &'static Family,
    /// Number of entries of the vocabulary.
    pub vocabulary_size: i64,
    /// Width of a state.
    pub width: i64,
    /// Number of layers.
    pub layers: usize,
    /// Number of attention heads, a divisor of `width`.
    pub heads: i64,
    /// Width of the hidden layer of a feed-forward block.
    pub intermediate: i64,
    /// Number of rows of the position table.
    pub positions: i64,
    /// The row of the position table for the first token of a text.
    pub first_position: i64,
    /// Number of rows of the token type table; 0 without one.
    pub token_types: i64,
    /// Number of rows of the relative position table; 0 without one.
    pub relative_buckets: i64,
    /// The value that every normalisation adds to the variance.
    pub epsilon: f64,
    /// The activation function of the feed-forward layers.
    pub activation: Activation,
    /// The token id of padding.
    pub pad_id: u32,
}

/// Maximum size: real encoders are smaller, and a larger value would exhaust memory.
const LARGEST: i64 = 1 << 20;

#[derive(Deserialize)]
struct ConfigFile {
    model_type: Option<String>,
    vocab_size: Option<i64>,
    #[serde(alias = "dim")]
    hidden_size: Option<i64>,
    #[serde(alias = "n_layers")]
    num_hidden_layers: Option<i64>,
    #[serde(alias = "n_heads")]
    num_attention_heads: Option<i64>,
    #[serde(alias = "hidden_dim")]
    intermediate_size: Option<i64>,
    max_position_embeddings: Option<i64>,
    type_vocab_size: Option<i64>,
    relative_attention_num_buckets: Option<i64>,
    layer_norm_eps: Option<f64>,
    #[serde(alias = "activation")]
    hidden_act: Option<String>,
    pad_token_id: Option<u32>,
    position_embedding_type: Option<String>,
    #[serde(default)]
    is_decoder: bool,
}

impl EncoderConfig {
    /// Parses a `config.json`.
    ///
    /// # Errors
    /// A message: the file is not JSON, its family is not supported, or a size is missing.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        let file: ConfigFile = serde_json::from_slice(json).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            format!("line {line}, column {column} is not valid")
        })?;
        let family = Family::from_model_type(file.model_type.as_deref())?;
        if file.is_decoder {
            return Err("`is_decoder` is true, but decoders are not supported".to_owned());
        }
        let positions = file.position_embedding_type.as_deref();
        if let Some(kind) = positions.filter(|kind| *kind != "absolute") {
            return Err(format!(
                "`position_embedding_type` is `{kind}`, but only `absolute` is supported"
            ));
        }
        let pad_id = file.pad_token_id.unwrap_or(family.pad_id);
        let buckets = file.relative_attention_num_buckets.unwrap_or(32);
        let or_zero = |is_used: bool, value: i64| if is_used { value } else { 0 };
        let config = Self {
            family,
            vocabulary_size: size("vocab_size", file.vocab_size)?,
            width: size("hidden_size", file.hidden_size)?,
            layers: size("num_hidden_layers", file.num_hidden_layers)? as usize,
            heads: size("num_attention_heads", file.num_attention_heads)?,
            intermediate: size("intermediate_size", file.intermediate_size)?,
            positions: size("max_position_embeddings", file.max_position_embeddings)?,
            first_position: or_zero(family.positions_follow_padding, i64::from(pad_id) + 1),
            token_types: match family.has_token_types {
                true => size("type_vocab_size", file.type_vocab_size)?,
                false => 0,
            },
            relative_buckets: or_zero(family.has_relative_positions, buckets),
            epsilon: file.layer_norm_eps.unwrap_or(1e-12),
            activation: activation(file.hidden_act.as_deref().unwrap_or("gelu"))?,
            pad_id,
        };
        config.check()?;
        Ok(config)
    }

    /// Maximum number of tokens of a text, including special tokens.
    pub fn longest(&self) -> i64 {
        self.positions - self.first_position
    }

    /// Width of one attention head.
    pub fn head_width(&self) -> i64 {
        self.width / self.heads
    }

    fn check(&self) -> Result<(), String> {
        let (width, heads, buckets) = (self.width, self.heads, self.relative_buckets);
        let has_buckets = self.family.has_relative_positions;
        let problem = if width % heads != 0 {
            format!("`hidden_size` is {width}, which is not divisible by {heads} heads")
        } else if self.longest() < 1 {
            let positions = self.positions;
            format!("`max_position_embeddings` is {positions}, which is too small for any text")
        } else if has_buckets && !(4..=LARGEST).contains(&buckets) {
            format!("`relative_attention_num_buckets` is {buckets}, not between 4 and {LARGEST}")
        } else if i64::from(self.pad_id) >= self.vocabulary_size {
            let (pad_id, size) = (self.pad_id, self.vocabulary_size);
            format!("`pad_token_id` is {pad_id}, but the vocabulary has only {size} entries")
        } else if !(self.epsilon > 0.0 && self.epsilon < 1.0) {
            format!("`layer_norm_eps` is {}, not between 0 and 1", self.epsilon)
        } else {
            return Ok(());
        };
        Err(problem)
    }
}

fn activation(name: &str) -> Result<Activation, String> {
    match name {
        "gelu" => Ok(Activation::Gelu),
        "gelu_new" | "gelu_pytorch_tanh" => Ok(Activation::GeluTanh),
        "relu" => Ok(Activation::Relu),
        other => Err(format!(
            "`hidden_act` is `{other}`; supported are gelu, gelu_new, gelu_pytorch_tanh and relu"
        )),
    }
}

fn size(name: &str, value: Option<i64>) -> Result<i64, String> {
    let value = value.ok_or_else(|| format!("it has no `{name}`"))?;
    let problem = || format!("`{name}` is {value}, but must be from 1 to {LARGEST}");
    let is_valid = (1..=LARGEST).contains(&value);
    is_valid.then_some(value).ok_or_else(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERT: &str = r#"{"model_type":"bert","vocab_size":30522,"hidden_size":384,"num_hidden_layers":6,
        "num_attention_heads":12,"intermediate_size":1536,"max_position_embeddings":512,"type_vocab_size":2,
        "hidden_act":"gelu","layer_norm_eps":1e-12,"pad_token_id":0}"#;

    #[test]
    fn every_family_is_converted_to_one_form() {
        let bert = EncoderConfig::parse(BERT.as_bytes()).expect("a config");
        assert_eq!(
            (bert.family, bert.layers, bert.head_width(), bert.longest()),
            (&crate::encoder::family::BERT, 6, 32, 512)
        );
        let roberta = BERT
            .replace("bert", "roberta")
            .replace("512", "514")
            .replace("\"pad_token_id\":0", "\"pad_token_id\":1");
        let roberta = EncoderConfig::parse(roberta.as_bytes()).expect("a config");
        assert_eq!((roberta.first_position, roberta.longest()), (2, 512));
        let distil = r#"{"model_type":"distilbert","vocab_size":30522,"dim":768,"n_layers":6,"n_heads":12,
            "hidden_dim":3072,"max_position_embeddings":512,"activation":"gelu"}"#;
        let distil = EncoderConfig::parse(distil.as_bytes()).expect("a config");
        assert_eq!(
            (distil.width, distil.intermediate, distil.token_types),
            (768, 3072, 0)
        );
    }

    #[test]
    fn unsupported_configurations_are_refused() {
        let check = |from: &str, to: &str, expected: &str| {
            let found = EncoderConfig::parse(BERT.replace(from, to).as_bytes()).expect_err(to);
            assert_eq!(found, expected, "{to}");
        };
        check(
            "\"bert\"",
            "\"gpt2\"",
            "`model_type` is `gpt2`; supported are bert, roberta, xlm-roberta, distilbert and mpnet",
        );
        check("\"model_type\":\"bert\",", "", "it has no `model_type`");
        check(
            "384",
            "385",
            "`hidden_size` is 385, which is not divisible by 12 heads",
        );
        check(
            "384",
            "-384",
            "`hidden_size` is -384, but must be from 1 to 1048576",
        );
        check("\"vocab_size\":30522,", "", "it has no `vocab_size`");
        check(
            "\"gelu\"",
            "\"mish\"",
            "`hidden_act` is `mish`; supported are gelu, gelu_new, gelu_pytorch_tanh and relu",
        );
        check(
            "\"pad_token_id\":0",
            "\"is_decoder\":true",
            "`is_decoder` is true, but decoders are not supported",
        );
        check(
            "\"pad_token_id\":0",
            "\"pad_token_id\":40000",
            "`pad_token_id` is 40000, but the vocabulary has only 30522 entries",
        );
        check("1e-12", "0", "`layer_norm_eps` is 0, not between 0 and 1");
        check(
            "\"pad_token_id\":0",
            "\"position_embedding_type\":\"relative_key\"",
            "`position_embedding_type` is `relative_key`, but only `absolute` is supported",
        );
    }
}
