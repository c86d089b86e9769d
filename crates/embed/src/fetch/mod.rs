//! `ressenti fetch REPOSITORY`: an encoder from the Hugging Face hub into a folder of one's own.
//!
//! A command and no setting, so that planning and running need no network, and what a pipeline reads
//! is a folder that can be looked at, kept and taken elsewhere.

mod hub;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use artifact::{ArtifactError, Failure, StageName, format};
use clap::Parser;
use classifier::{Encoder, EncoderConfig, ParameterLayout};
use settings::{ENCODER_FILES, StepId};
use stage::{Progress, ProgressMode, exit_code, print};

use hub::{Hub, Name};

const EXAMPLES: &str = "\
Examples:
  ressenti fetch sentence-transformers/all-MiniLM-L12-v2
  ressenti fetch distilbert/distilbert-base-uncased --revision 12040ac --into data/encoders/distilbert

A private repository needs HF_TOKEN; a mirror is named by HF_ENDPOINT. Downloads are kept in HF_HOME
(else ~/.cache/huggingface), as other programs of the hub keep them.";

/// Where the files came from, beside them.
const ORIGIN: &str = "origin.json";

/// Fetch a pretrained encoder from the Hugging Face hub into a folder, check it, and print the tables
/// to paste into a pipeline file
///
/// Takes `config.json`, `tokenizer.json` and `model.safetensors`, nothing else: no code, no pickle.
#[derive(Debug, Parser)]
#[command(name = "ressenti fetch", after_help = EXAMPLES, max_term_width = 100)]
struct Arguments {
    /// The repository, as OWNER/NAME
    repository: String,

    /// A branch, tag or commit; name a commit to get the same files again
    #[arg(long, default_value = "main")]
    revision: String,

    /// The folder to write; by default `data/encoders/NAME`
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,

    /// How progress is shown
    #[arg(long, value_name = "MODE", default_value = "auto")]
    progress: ProgressMode,
}

/// The whole of the command, from the arguments after its name.
pub fn main(arguments: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    let name = std::iter::once("ressenti fetch".into());
    let arguments = Arguments::parse_from(name.chain(arguments));
    let fetched = fetch(&arguments).and_then(|text| print(&text));
    exit_code(fetched).into()
}

fn fetch(arguments: &Arguments) -> Result<String, Failure> {
    let name = Name::parse(&arguments.repository, &arguments.revision)?;
    let folder = match &arguments.into {
        Some(folder) => folder.clone(),
        None => Path::new("data/encoders").join(name.last().to_lowercase()),
    };
    if folder.exists() {
        return Err(
            Failure::new(format!("The folder `{}` exists already", folder.display())).with_hint(
                "Use it as it is, delete it, or name another with `--into FOLDER`".to_owned(),
            ),
        );
    }
    let step = StepId::new(StageName::Embed, name.last());
    let progress = Progress::new(arguments.progress, step);
    let hub = Hub::of_environment(&name)?;
    let commit = hub.commit(&ENCODER_FILES)?;
    progress.note(&format!("{} at commit {commit}", arguments.repository));

    // In its place by one rename, so that a folder that is there is whole.
    let mut pending = folder.clone().into_os_string();
    pending.push(".partial");
    let pending = PathBuf::from(pending);
    let written = write(&hub, &name, &commit, &pending, &progress).and_then(|config| {
        fs::rename(&pending, &folder).map_err(ArtifactError::io("write", &folder))?;
        Ok(config)
    });
    if written.is_err() {
        // Downloads are kept by the hub's own cache: nothing is lost.
        let _ = fs::remove_dir_all(&pending);
    }
    Ok(tables(&folder, &name, &written?))
}

/// Fetches and checks the files; the small ones first, so that an encoder that cannot be used is not
/// downloaded.
fn write(
    hub: &Hub,
    name: &Name,
    commit: &str,
    pending: &Path,
    progress: &Progress,
) -> Result<EncoderConfig, Failure> {
    let _ = fs::remove_dir_all(pending);
    fs::create_dir_all(pending).map_err(ArtifactError::io("create", pending))?;
    let mut digests = serde_json::Map::new();
    let mut take = |name: &str| -> Result<(), Failure> {
        let (file, digest) = hub.get(name, progress)?;
        let path = pending.join(name);
        fs::copy(&file, &path).map_err(ArtifactError::io("write", &path))?;
        digests.insert(name.to_owned(), digest.into());
        Ok(())
    };
    let [config, weights, tokenizer] = ENCODER_FILES;
    take(config)?;
    Encoder::read_config(pending)?;
    take(tokenizer)?;
    text::import_tokenizer(&pending.join(tokenizer))?;
    take(weights)?;
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

/// What was fetched, and what to paste.
fn tables(folder: &Path, name: &Name, config: &EncoderConfig) -> String {
    let key = name.key();
    let folder = folder.display();
    let length = config.longest().min(256);
    format!(
        "{} of {} layers, {} wide, {} words, reads {} tokens at most, in `{folder}`\n\
         \n\
         For the pipeline file:\n\
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
