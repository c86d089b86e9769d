//! Which ids stand for padding and for what the vocabulary lacks.

use tokenizers::models::ModelWrapper;
use tokenizers::{PaddingDirection, PaddingParams, PaddingStrategy, Tokenizer};

/// Names under which well-known tokenizers keep their padding token.
const PAD_NAMES: [&str; 4] = ["<pad>", "[PAD]", "<|pad|>", "<|padding|>"];

/// Names under which well-known tokenizers keep their unknown token.
const UNKNOWN_NAMES: [&str; 4] = ["<unk>", "[UNK]", "<|unk|>", "<|unknown|>"];

/// The padding section that our tokenizer files carry. It says which id is padding, in the words of
/// the format, and changes nothing about a single text: rows are only filled up to the longest of a
/// batch, and then on the right.
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

/// The padding token and its id: what the file's padding section says, else a token of a
/// well-known name.
pub(crate) fn find_pad(tokenizer: &Tokenizer) -> Result<(u32, String), String> {
    if let Some(PaddingParams {
        pad_token, pad_id, ..
    }) = tokenizer.get_padding()
    {
        return match tokenizer.token_to_id(pad_token) {
            Some(id) if id == *pad_id => Ok((id, pad_token.clone())),
            Some(id) => Err(format!(
                "pads with `{pad_token}` as id {pad_id}, and its vocabulary has that token as id {id}"
            )),
            None => Err(format!(
                "pads with `{pad_token}`, which its vocabulary does not have"
            )),
        };
    }
    let known = |name: &&str| Some((tokenizer.token_to_id(name)?, (*name).to_owned()));
    PAD_NAMES.iter().find_map(known).ok_or_else(|| {
        let names = PAD_NAMES.join("`, `");
        format!("has no padding token: neither a padding section nor one of `{names}`")
    })
}

/// The id of what the vocabulary lacks: what the model says, else a token of a well-known name.
/// Byte-level tokenizers write everything as bytes and may have none.
pub(crate) fn find_unknown(tokenizer: &Tokenizer) -> Option<u32> {
    let declared = match tokenizer.get_model() {
        ModelWrapper::WordLevel(model) => Some(model.unk_token.as_str()),
        ModelWrapper::WordPiece(model) => Some(model.unk_token.as_str()),
        ModelWrapper::BPE(model) => model.unk_token.as_deref(),
        // It keeps its id to itself; the token has one of the usual names.
        ModelWrapper::Unigram(_) => None,
    };
    let mut names = declared.into_iter().chain(UNKNOWN_NAMES);
    names.find_map(|name| tokenizer.token_to_id(name))
}
