//! Which model is served: the one that a name of the pipeline file stands for, or a folder; and
//! whether it has become another.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use artifact::{Digest, Failure};
use bundle::Networks;
use bundle::Predictor;
use bundle::find::{self, ModelLocation};
use serde::Serialize;
use settings::{Pipeline, RunSettings};

/// Where the model comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// What a model or ensemble of a pipeline file is at present.
    Named(Box<Pipeline>, String),
    /// The bundle in a folder, read with these settings.
    Folder(PathBuf, RunSettings),
}

/// Which model answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelIdentity {
    /// The name of the model or of its folder.
    pub name: String,
    /// A digest of all that its answers depend on.
    pub fingerprint: String,
    /// When it was loaded, in seconds since 1970.
    pub loaded_at: u64,
    /// What it is in its pipeline's store; nothing for a lone bundle.
    #[serde(skip)]
    pub made: Option<Digest>,
}

/// A model in memory; each thread has a copy of its own.
#[derive(Debug)]
pub(crate) struct ModelCopy {
    pub(crate) predictor: Box<Predictor>,
    pub(crate) identity: Arc<ModelIdentity>,
}

/// What a source was at some instant: it is another model if this differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(String);

impl Source {
    /// The name of the model, or of its folder.
    pub fn name(&self) -> String {
        match self {
            Self::Named(_, name) => name.clone(),
            Self::Folder(folder, _) => find::folder_name(folder),
        }
    }

    /// How to run.
    pub(crate) fn run_settings(&self) -> &RunSettings {
        match self {
            Self::Named(pipeline, _) => &pipeline.run,
            Self::Folder(_, run) => run,
        }
    }

    /// What it is now. Cheap: it is asked for every second.
    ///
    /// # Errors
    /// There is nothing, or nothing that can be read.
    pub(crate) fn stamp(&self) -> Result<Stamp, Failure> {
        match self {
            Self::Folder(folder, _) => Ok(stamp_of(folder)),
            Self::Named(pipeline, name) => Ok(Stamp(find::identity(pipeline, name)?.to_hex())),
        }
    }

    pub(crate) fn place(&self) -> Result<ModelLocation, Failure> {
        match self {
            Self::Named(pipeline, name) => find::named(pipeline, name),
            Self::Folder(folder, _) => find::in_folder(folder),
        }
    }

    fn made(&self) -> Result<Option<Digest>, Failure> {
        match self {
            Self::Named(pipeline, name) => find::identity(pipeline, name).map(Some),
            Self::Folder(..) => Ok(None),
        }
    }
}

/// A source, and what computes it if it is a network.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) source: Source,
    pub(crate) networks: Option<Networks>,
}

impl Model {
    /// Loads two copies of it, one to answer and one to explain.
    ///
    /// # Errors
    /// As for [`Model::load`].
    pub(crate) fn load_twice(&self) -> Result<[ModelCopy; 2], Failure> {
        let (one, other) = (self.load()?, self.load()?);
        if one.identity.fingerprint != other.identity.fingerprint {
            return Err(Failure::new("The model was replaced while it was loaded"));
        }
        Ok([one, other])
    }

    /// Loads it.
    ///
    /// # Errors
    /// There is no model, or it is not whole.
    pub(crate) fn load(&self) -> Result<ModelCopy, Failure> {
        let source = &self.source;
        let made = source.made()?;
        let predictor = Predictor::load(&source.place()?, source.run_settings(), self.networks)?;
        let fingerprint = predictor.fingerprint().to_hex();
        if source.made()? != made {
            return Err(Failure::new("The model was replaced while it was loaded"));
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let identity = ModelIdentity {
            name: source.name(),
            fingerprint,
            loaded_at: now.map_or(0, |since| since.as_secs()),
            made,
        };
        Ok(ModelCopy {
            predictor: Box::new(predictor),
            identity: Arc::new(identity),
        })
    }
}

/// Where a bundle really lies, and lengths and times of its files.
fn stamp_of(folder: &Path) -> Stamp {
    let mut stamp = format!("{:?}", folder.canonicalize().ok());
    for name in [
        "model.json",
        "model.safetensors",
        "tokenizer.json",
        "ensemble.json",
    ] {
        let known = fs::metadata(folder.join(name)).ok();
        let known = known.map(|known| (known.len(), known.modified().ok()));
        stamp.push_str(&format!(" {known:?}"));
    }
    Stamp(stamp)
}
