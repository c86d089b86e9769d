//! `ressenti fetch REPOSITORY`: downloads an encoder from the Hugging Face hub into a folder.
//!
//! It is a command and not a setting, so that planning and running need no network, and a pipeline reads a folder that
//! can be inspected, archived and copied.

mod hub;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use artifact::{ArtifactError, Failure, StageName, format};
use clap::Parser;
use classifier::{Encoder, EncoderConfig, ParameterLayout};
use settings::{ENCODER_FILES, StepId};
use stage::{Progress, ProgressMode, exit_code, print};

use hub::{Hub, RepositoryName};

const EXAMPLES: &str = "\
Examples:
  ressenti fetch sentence-transformers/all-MiniLM-L12-v2
  ressenti fetch distilbert/distilbert-base-uncased --revision 12040ac --into data/encoders/distilbert

Environment variables: HF_TOKEN is needed for a private repository, HF_ENDPOINT selects a mirror, and
HF_HOME is the folder of the download cache (default: ~/.cache/huggingface).";

/// The file with the repository, the commit and the digests.
const ORIGIN: &str = "origin.json";

/// Download a pretrained encoder from the Hugging Face hub into a folder, check it, and print the tables
/// for a pipeline file
///
/// Downloads only `config.json`, `tokenizer.json` and `model.safetensors`: no code and no pickle.
#[derive(Debug, Parser)]
#[command(name = "ressenti fetch", after_help = EXAMPLES, max_term_width = 100)]
struct Arguments {
    /// The repository, as OWNER/NAME
    repository: String,

    /// A branch, tag or commit; a commit always gives the same files
    #[arg(long, default_value = "main")]
    revision: String,

    /// The folder to write; default: `data/encoders/NAME`
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,

    /// How progress is shown
    #[arg(long, value_name = "MODE", default_value = "auto")]
    progress: ProgressMode,
}

/// Runs the command with the arguments after its name.
pub fn main(arguments: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    let name = std::iter::once("ressenti fetch".into());
    let arguments = Arguments::parse_from(name.chain(arguments));
    let fetched = fetch(&arguments).and_then(|text| print(&text));
    exit_code(fetched).into()
}

fn fetch(arguments: &Arguments) -> Result<String, Failure> {
    let name = RepositoryName::parse(&arguments.repository, &arguments.revision)?;
    let folder = match &arguments.into {
        Some(folder) => folder.clone(),
        None => Path::new("data/encoders").join(name.short_name().to_lowercase()),
    };
    if folder.exists() {
        let problem = format!("The folder `{}` exists already", folder.display());
        let hint = "Use this folder, delete it, or choose another one with `--into FOLDER`";
        return Err(Failure::new(problem).with_hint(hint.to_owned()));
    }
    let step = StepId::new(StageName::Embed, name.short_name());
    let progress = Progress::new(arguments.progress, step);
    let hub = Hub::from_environment(&name)?;
    let commit = hub.commit(&ENCODER_FILES)?;
    progress.note(&format!("{} at commit {commit}", arguments.repository));

    // The folder is created by one rename, so that it is always complete.
    let mut pending = folder.clone().into_os_string();
    pending.push(".partial");
    let pending = PathBuf::from(pending);
    let written = write(&hub, &name, &commit, &pending, &progress).and_then(|config| {
        fs::rename(&pending, &folder).map_err(ArtifactError::io("write", &folder))?;
        Ok(config)
    });
    if written.is_err() {
        // Downloads remain in the cache of the hub.
        let _ = fs::remove_dir_all(&pending);
    }
    Ok(tables(&folder, &name, &written?))
}

/// Downloads and checks the files: the small ones first, so that the weights of an unsupported encoder are not
/// downloaded.
fn write(
    hub: &Hub,
    name: &RepositoryName,
    commit: &str,
    pending: &Path,
    progress: &Progress,
) -> Result<EncoderConfig, Failure> {
    let _ = fs::remove_dir_all(pending);
    fs::create_dir_all(pending).map_err(ArtifactError::io("create", pending))?;
    let mut digests = serde_json::Map::new();
    let mut download = |name: &str| -> Result<(), Failure> {
        let (file, digest) = hub.download(name, progress)?;
        let path = pending.join(name);
        fs::copy(&file, &path).map_err(ArtifactError::io("write", &path))?;
        digests.insert(name.to_owned(), digest.into());
        Ok(())
    };
    let [config, weights, tokenizer] = ENCODER_FILES;
    download(config)?;
    Encoder::read_config(pending)?;
    download(tokenizer)?;
    text::import_tokenizer(&pending.join(tokenizer))?;
    download(weights)?;
    let loaded = Encoder::load(pending, &mut ParameterLayout::default())?;
    let origin = serde_json::json!({
        "repository": name.repository,
        "commit": commit,
        "sha256": digests,
    });
    let path = pending.join(ORIGIN);
    fs::write(&path, format!("{origin:#}\n")).map_err(ArtifactError::io("write", &path))?;
    Ok(loaded.encoder.config().clone())
}

/// A description of the encoder, and the tables for a pipeline file.
fn tables(folder: &Path, name: &RepositoryName, config: &EncoderConfig) -> String {
    let key = name.table_name();
    let folder = folder.display();
    let length = config.longest().min(256);
    format!(
        "{} of {} layers, width {}, vocabulary {}, at most {} tokens, in `{folder}`\n\
         \n\
         Add these tables to the pipeline file:\n\
         \n\
         [tokenizer.{key}]\n\
         kind = \"pretrained\"\n\
         source = \"{folder}/tokenizer.json\"\n\
         max_length = {length}\n\
         \n\
         [embedding.{key}]\n\
         kind = \"encoder\"\n\
         tokenizer = \"{key}\"\n\
         source = \"{folder}\"\n\
         \n\
         [model.{key}]\n\
         kind = \"transformer\"\n\
         embedding = \"{key}\"\n\
         training = {{ epochs = 2, batch_size = 16, learning_rate = 5e-5, warm_up = 0.1 }}\n",
        config.family,
        config.layers,
        config.width,
        format::count(u64::try_from(config.vocabulary_size).unwrap_or(0)),
        config.longest(),
    )
}
