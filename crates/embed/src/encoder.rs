//! Imports a pretrained encoder as an artifact, and optionally adapts it.
//!
//! A missing folder, an incomplete download or the tokenizer of another encoder is detected here, so that train and
//! evaluate only need the store.

use std::fs;
use std::path::{Path, PathBuf};

use artifact::{
    Artifact, ArtifactError, Contract, Digest, Failure, OutputFile, Source, StageName, format,
};
use classifier::{Encoder, EncoderConfig, ParameterLayout, TokenContract};
use settings::{ENCODER_FILES, EmbeddingSettings};
use stage::{Context, Outcome};

use crate::adapt::adapt;

/// Checks and copies the encoder named in the settings, and adapts it if the settings have an `adaptation`.
pub(crate) fn import(context: &Context, settings: &EmbeddingSettings) -> Result<Outcome, Failure> {
    let folder = source_folder(context)?;
    let mut layout = ParameterLayout::default();
    let loaded = Encoder::load(&folder, &mut layout)?;
    let config = loaded.encoder.config();
    let tokenizer = tokenizer(&folder, context.input(StageName::Tokenize), config)?;
    for name in ENCODER_FILES {
        let path = context.output().join(name);
        fs::copy(folder.join(name), &path).map_err(ArtifactError::io("write", &path))?;
    }
    let contract = Contract::Encoder {
        tokenizer,
        vocabulary_size: to_u32(config.vocabulary_size),
        width: to_u32(config.width),
        longest: to_u32(config.longest()),
    };
    let summary = format!(
        "{} of {} layers, width {}, {} weights, at most {} tokens",
        config.family,
        config.layers,
        config.width,
        format::count(layout.len() as u64 + (config.vocabulary_size * config.width) as u64),
        config.longest()
    );
    let files = ENCODER_FILES.map(OutputFile::data).to_vec();
    let outcome = Outcome::new(contract, files, summary);
    match &settings.adaptation {
        Some(adaptation) => adapt(context, adaptation, settings.seed.unwrap_or(0), outcome),
        None => Ok(outcome),
    }
}

fn source_folder(context: &Context) -> Result<PathBuf, Failure> {
    match context.source() {
        Some(Source::Path(file)) => Ok(file.parent().unwrap_or(Path::new(".")).to_owned()),
        _ => Err(Failure::new(format!(
            "`embedding.{}.source` must be the folder of an encoder",
            context.step().variant
        ))),
    }
}

/// Returns the fingerprint of the encoder's tokenizer.
///
/// # Errors
/// The tokens were made with another tokenizer, or the encoder has fewer ids than its tokenizer.
fn tokenizer(folder: &Path, tokens: &Artifact, config: &EncoderConfig) -> Result<Digest, Failure> {
    let own = Digest::of_bytes(&text::import_tokenizer(&folder.join("tokenizer.json"))?);
    let contract = TokenContract::of(tokens)?;
    check_tokenizer(folder, own, contract.tokenizer)?;
    if i64::from(contract.vocabulary_size) > config.vocabulary_size {
        let hint = "Download `config.json`, `model.safetensors` and `tokenizer.json` of the same encoder again";
        return Err(Failure::new(format!(
            "The encoder `{}` has vectors for {} token ids, but its tokenizer has {}",
            folder.display(),
            format::count(to_u32(config.vocabulary_size)),
            format::count(contract.vocabulary_size)
        ))
        .with_hint(hint.to_owned()));
    }
    Ok(own)
}

/// Fails if the tokens were made with another tokenizer than that of the encoder in `folder`.
pub(crate) fn check_tokenizer(folder: &Path, own: Digest, tokens: Digest) -> Result<(), Failure> {
    if own == tokens {
        return Ok(());
    }
    Err(Failure::new(format!(
        "The encoder `{}` needs its own tokenizer ({own}), but the tokens come from another one ({tokens})",
        folder.display()
    ))
    .with_hint(format!(
        "Set `kind = \"pretrained\"` and `source = \"{}\"` in the table of the tokenizer",
        folder.join("tokenizer.json").display()
    )))
}

/// Converts a size of an encoder, which has been checked to be positive and below 2^20.
fn to_u32(size: i64) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}
