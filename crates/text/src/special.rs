//! Finds the ids of padding and of unknown tokens.

use tokenizers::models::ModelWrapper;
use tokenizers::{PaddingDirection, PaddingParams, PaddingStrategy, Tokenizer};

/// Names of the padding token in well-known tokenizers.
const PAD_NAMES: [&str; 4] = ["<pad>", "[PAD]", "<|pad|>", "<|padding|>"];

/// Names of the unknown token in well-known tokenizers.
const UNKNOWN_NAMES: [&str; 4] = ["<unk>", "[UNK]", "<|unk|>", "<|unknown|>"];

/// The padding section of our tokenizer files. It states which id is padding, and does not change the ids of a
/// single text: rows are padded on the right, up to the longest row of a batch.
pub fn padding_params(pad_id: u32, pad_token: &str) -> PaddingParams {
    PaddingParams {
        strategy: PaddingStrategy::BatchLongest,
        direction: PaddingDirection::Right,
        pad_to_multiple_of: None,
        pad_id,
        pad_type_id: 0,
        pad_token: pad_token.to_owned(),
    }
}

/// Finds the padding token and its id, in the padding section of the file or by a well-known name.
pub(crate) fn find_pad(tokenizer: &Tokenizer) -> Result<(u32, String), String> {
    if let Some(padding) = tokenizer.get_padding() {
        let (pad_token, pad_id) = (&padding.pad_token, padding.pad_id);
        return match tokenizer.token_to_id(pad_token) {
            Some(id) if id == pad_id => Ok((id, pad_token.clone())),
            Some(id) => Err(format!(
                "pads with `{pad_token}` as id {pad_id}, but its vocabulary has that token as id {id}"
            )),
            None => Err(format!(
                "pads with `{pad_token}`, which is not in its vocabulary"
            )),
        };
    }
    let known = |name: &&str| Some((tokenizer.token_to_id(name)?, (*name).to_owned()));
    PAD_NAMES.iter().find_map(known).ok_or_else(|| {
        let names = PAD_NAMES.join("`, `");
        format!("has no padding token: neither a padding section nor one of `{names}`")
    })
}

/// Finds the id of unknown tokens, in the model or by a well-known name. Byte-level tokenizers have none, because
/// they encode all text as bytes.
pub(crate) fn find_unknown(tokenizer: &Tokenizer) -> Option<u32> {
    let declared = match tokenizer.get_model() {
        ModelWrapper::WordLevel(model) => Some(model.unk_token.as_str()),
        ModelWrapper::WordPiece(model) => Some(model.unk_token.as_str()),
        ModelWrapper::BPE(model) => model.unk_token.as_deref(),
        // The library does not expose the id, but the token has one of the usual names.
        ModelWrapper::Unigram(_) => None,
    };
    let mut names = declared.into_iter().chain(UNKNOWN_NAMES);
    names.find_map(|name| tokenizer.token_to_id(name))
}
