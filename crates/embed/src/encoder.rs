//! A pretrained encoder as an artifact: checked whole, with the tokenizer it was trained with.
//!
//! Nothing is computed here unless the encoder is to be adapted. But a folder that was moved, a download that was cut off, or a
//! tokenizer of another encoder is found now, and train and evaluate read from the store alone.

use std::fs;
use std::path::{Path, PathBuf};

use artifact::{
    Artifact, ArtifactError, Contract, Digest, Failure, OutputFile, Source, StageName, format,
};
use classifier::{Encoder, EncoderConfig, ParameterLayout, TokenContract};
use settings::{ENCODER_FILES, EmbeddingSettings};
use stage::{Context, Outcome};

use crate::adapt::adapt;

/// Takes over the encoder that the settings name, and adapts it where they say so.
pub(crate) fn import(context: &Context, settings: &EmbeddingSettings) -> Result<Outcome, Failure> {
    let folder = folder_of(context)?;
    let mut layout = ParameterLayout::default();
    let loaded = Encoder::load(&folder, &mut layout)?;
    let config = loaded.encoder.config();
    let tokenizer = own_tokenizer(&folder, context.input(StageName::Tokenize), config)?;
    for name in ENCODER_FILES {
        let path = context.output().join(name);
        fs::copy(folder.join(name), &path).map_err(ArtifactError::io("write", &path))?;
    }
    let contract = Contract::Encoder {
        tokenizer,
        vocabulary_size: small(config.vocabulary_size),
        width: small(config.width),
        longest: small(config.longest()),
    };
    let summary = format!(
        "{} of {} layers, {} wide, {} weights, reads {} tokens at most",
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

fn folder_of(context: &Context) -> Result<PathBuf, Failure> {
    match context.source() {
        Some(Source::Path(file)) => Ok(file.parent().unwrap_or(Path::new(".")).to_owned()),
        _ => Err(Failure::new(format!(
            "`embedding.{}.source` must name the folder with the encoder",
            context.step().variant
        ))),
    }
}

/// The fingerprint of the encoder's tokenizer, if the tokens come from it.
fn own_tokenizer(
    folder: &Path,
    tokens: &Artifact,
    config: &EncoderConfig,
) -> Result<Digest, Failure> {
    let own = Digest::of_bytes(&text::import_tokenizer(&folder.join("tokenizer.json"))?);
    let contract = TokenContract::of(tokens)?;
    check_tokenizer(folder, own, contract.tokenizer)?;
    if i64::from(contract.vocabulary_size) > config.vocabulary_size {
        return Err(Failure::new(format!(
            "The encoder `{}` knows {} ids, and its tokenizer makes {}",
            folder.display(),
            format::count(small(config.vocabulary_size)),
            format::count(contract.vocabulary_size)
        ))
        .with_hint(
            "Get `config.json`, `model.safetensors` and `tokenizer.json` again, all of the same encoder".to_owned(),
        ));
    }
    Ok(own)
}

/// Fails if the encoder in `folder` was trained with another tokenizer than the tokens come from.
pub(crate) fn check_tokenizer(folder: &Path, own: Digest, tokens: Digest) -> Result<(), Failure> {
    if own == tokens {
        return Ok(());
    }
    Err(Failure::new(format!(
        "The encoder `{}` was trained with its own tokenizer ({own}), and the tokens come from another ({tokens})",
        folder.display()
    ))
    .with_hint(format!(
        "Give the tokenizer's table `kind = \"pretrained\"` and `source = \"{}\"`",
        folder.join("tokenizer.json").display()
    )))
}

/// A size of an encoder, which was seen to be positive and below 2^20.
fn small(size: i64) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}
