//! Finds a pretrained encoder on this machine that fits the texts.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use artifact::cache_folder;
use settings::{ENCODER_FILES, Truncation};
use text::TokenizerFile;

use crate::text_statistics::Lengths;

/// The limit of the supported encoders: positions 0 to 511.
const MAX_LENGTH: u32 = 512;

/// An encoder fits texts if at most this share of their tokens is unknown to it ...
const MAX_UNKNOWN: f64 = 0.01;

/// ... and if its tokens have at least this many characters on average. An encoder splits words of a language that it
/// was not made for into pieces: MiniLM (English) has 3.2 to 3.7 characters per token in English reviews, and 1.9 to 2.3
/// in six other languages (36 to 96 short reviews each, special tokens included, which are not counted here).
const MIN_CHARACTERS: f64 = 2.9;

/// A pretrained encoder.
#[derive(Debug)]
pub(crate) struct Encoder {
    pub(crate) folder: PathBuf,
    /// Size of the weights in bytes.
    pub(crate) weights: u64,
    /// Tokens per text.
    pub(crate) lengths: Lengths,
}

/// What was found.
#[derive(Debug)]
pub(crate) enum FoundEncoder {
    Fits(Encoder),
    /// There are encoders, but their vocabularies are for other languages: the folder of the first.
    OtherLanguage(PathBuf),
    None,
}

/// Searches `data/encoders` in the current folder, in the folders above it and above this program (a checkout), and
/// `encoders` in the cache folder.
pub(crate) fn find(sample: &[String], is_unspaced: bool) -> FoundEncoder {
    let current = env::current_dir().unwrap_or_default();
    let program = env::current_exe().unwrap_or_default();
    let above = current.ancestors().chain(program.ancestors());
    let places = above.map(|folder| folder.join("data/encoders"));
    let places = places.chain(cache_folder().map(|cache| cache.join("encoders")));
    let mut other = None;
    for folder in places.flat_map(|place| encoders_in(&place)) {
        // A folder with a tokenizer that cannot be used is not an encoder for these texts.
        match load(&folder, sample, is_unspaced) {
            Some(encoder) => return FoundEncoder::Fits(encoder),
            None => drop(other.get_or_insert(folder)),
        }
    }
    other.map_or(FoundEncoder::None, FoundEncoder::OtherLanguage)
}

/// The complete encoder folders in a folder, sorted by name.
fn encoders_in(place: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    let folders = entries.map(|entry| entry.path());
    let is_whole = |it: &PathBuf| ENCODER_FILES.iter().all(|name| it.join(name).is_file());
    let mut folders: Vec<PathBuf> = folders.filter(is_whole).collect();
    folders.sort();
    folders
}

/// The encoder in a folder, if its vocabulary fits the texts.
fn load(folder: &Path, sample: &[String], is_unspaced: bool) -> Option<Encoder> {
    let [_, weights, tokenizer] = ENCODER_FILES.map(|name| folder.join(name));
    let bytes = text::import_tokenizer(&tokenizer).ok()?;
    let tokenizer = TokenizerFile::from_bytes(&bytes, &tokenizer).ok()?;
    let special = MAX_LENGTH - tokenizer.max_text_tokens(MAX_LENGTH).ok()?;
    let (mut tokens, mut unknown, mut characters, mut lengths) = (0, 0, 0, Vec::new());
    for text in sample {
        let encoded = tokenizer.encode(text, MAX_LENGTH, Truncation::Head).ok()?;
        let is_unknown = |id: &&u32| Some(**id) == tokenizer.unknown_id();
        unknown += encoded.ids.iter().filter(is_unknown).count();
        tokens += encoded.length - special.min(encoded.length);
        characters += text.chars().filter(|it| !it.is_whitespace()).count();
        lengths.push(encoded.length);
    }
    let per_token = characters as f64 / f64::from(tokens.max(1));
    let fits = unknown as f64 <= MAX_UNKNOWN * f64::from(tokens)
        && (is_unspaced || per_token >= MIN_CHARACTERS);
    fits.then(|| Encoder {
        folder: folder.to_owned(),
        weights: weights.metadata().map_or(0, |metadata| metadata.len()),
        lengths: Lengths::new(lengths),
    })
}

impl Encoder {
    /// A setting `max_length` that keeps 95% of the texts whole, as far as the encoder allows.
    pub(crate) fn max_length(&self) -> u32 {
        self.lengths.max_length(MAX_LENGTH)
    }
}
