//! The served model: a name in the pipeline file or a folder, and whether its files have changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use artifact::{Digest, Failure, Sentiment};
use bundle::find::{self, ModelLocation};
use bundle::{Networks, Predictor};
use serde::Serialize;
use settings::{Pipeline, RunSettings};

/// Texts that the page may show, and their classes.
const EXAMPLES: [(&str, Sentiment); 6] = [
    ("A wonderful film, and never dull.", Sentiment::Positive),
    ("Not a good film.", Sentiment::Negative),
    ("Great fun!", Sentiment::Positive),
    ("A complete waste of time.", Sentiment::Negative),
    ("Excellent quality, I recommend it.", Sentiment::Positive),
    ("Terrible. I want my money back.", Sentiment::Negative),
];

/// Number of examples on the page.
const SHOWN_EXAMPLES: usize = 3;

/// Where the model is loaded from.
#[derive(Clone, Debug)]
pub enum ModelSource {
    /// The current version of a model or ensemble of a pipeline file.
    Named(Box<Pipeline>, String),
    /// The bundle in a folder, used with these settings.
    Folder(PathBuf, RunSettings),
}

/// Identifies the model in use.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelIdentity {
    /// The name of the model or of its folder.
    pub name: String,
    /// A digest of everything that its predictions depend on.
    pub fingerprint: String,
    /// Time of loading, in seconds since 1970.
    pub loaded_at: u64,
    /// Texts that it predicts correctly, for the page.
    #[serde(skip)]
    pub examples: Vec<&'static str>,
    /// The identity of its artifact; `None` for a bundle that is not from a pipeline's store.
    #[serde(skip)]
    pub artifact: Option<Digest>,
}

/// A model in memory; each thread has a separate copy.
#[derive(Debug)]
pub(crate) struct ModelCopy {
    pub(crate) predictor: Box<Predictor>,
    pub(crate) identity: Arc<ModelIdentity>,
}

impl ModelSource {
    /// The name of the model, or of its folder.
    pub fn name(&self) -> String {
        match self {
            Self::Named(_, name) => name.clone(),
            Self::Folder(folder, _) => find::folder_name(folder),
        }
    }

    pub(crate) fn run_settings(&self) -> &RunSettings {
        match self {
            Self::Named(pipeline, _) => &pipeline.run,
            Self::Folder(_, run) => run,
        }
    }

    /// The current version: if it differs, the model has changed. Cheap, because it is called every second.
    ///
    /// # Errors
    /// There is no model, or it cannot be read.
    pub(crate) fn version(&self) -> Result<String, Failure> {
        match self {
            Self::Folder(folder, _) => Ok(folder_version(folder)),
            Self::Named(pipeline, name) => Ok(find::identity(pipeline, name)?.to_hex()),
        }
    }

    pub(crate) fn locate(&self) -> Result<ModelLocation, Failure> {
        match self {
            Self::Named(pipeline, name) => find::named(pipeline, name),
            Self::Folder(folder, _) => find::in_folder(folder),
        }
    }

    /// The source of the model that computes trends: `name`, or the best linear model on validation.
    ///
    /// # Errors
    /// A model is damaged.
    pub fn for_trends(&self, name: Option<&str>) -> Result<Self, Failure> {
        let Self::Named(pipeline, served) = self else {
            return Ok(self.clone());
        };
        let name = match name {
            Some(name) => name.to_owned(),
            None => find::best_linear_model(pipeline)?.unwrap_or_else(|| served.clone()),
        };
        Ok(Self::Named(pipeline.clone(), name))
    }

    fn artifact(&self) -> Result<Option<Digest>, Failure> {
        match self {
            Self::Named(pipeline, name) => find::identity(pipeline, name).map(Some),
            Self::Folder(..) => Ok(None),
        }
    }
}

/// A model source, and the code that computes networks.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) source: ModelSource,
    pub(crate) networks: Option<Networks>,
}

impl Model {
    /// Loads two copies, one for predictions and one for explanations.
    ///
    /// # Errors
    /// As for [`Model::load`].
    pub(crate) fn load_twice(&self) -> Result<[ModelCopy; 2], Failure> {
        let (first, second) = (self.load()?, self.load()?);
        if first.identity.fingerprint != second.identity.fingerprint {
            return Err(Failure::new("The model was replaced while it was loaded"));
        }
        Ok([first, second])
    }

    /// Loads a copy.
    ///
    /// # Errors
    /// There is no model, it is damaged, or it was replaced meanwhile.
    pub(crate) fn load(&self) -> Result<ModelCopy, Failure> {
        let source = &self.source;
        let artifact = source.artifact()?;
        let predictor = Predictor::load(&source.locate()?, source.run_settings(), self.networks)?;
        let fingerprint = predictor.fingerprint().to_hex();
        if source.artifact()? != artifact {
            return Err(Failure::new("The model was replaced while it was loaded"));
        }
        let examples = correct_examples(&predictor)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let identity = ModelIdentity {
            name: source.name(),
            fingerprint,
            loaded_at: now.map_or(0, |since| since.as_secs()),
            examples,
            artifact,
        };
        Ok(ModelCopy {
            predictor: Box::new(predictor),
            identity: Arc::new(identity),
        })
    }
}

/// Those of [`EXAMPLES`] that a model predicts correctly: the page shows no text that it would get wrong.
fn correct_examples(predictor: &Predictor) -> Result<Vec<&'static str>, Failure> {
    let answers = predictor.predict(&EXAMPLES.map(|(text, _)| text), false)?;
    let examples = EXAMPLES.into_iter().zip(answers);
    let correct = examples.filter_map(|((text, class), answer)| {
        let label = predictor.label(answer?.probability, None);
        (label == class.as_str()).then_some(text)
    });
    Ok(correct.take(SHOWN_EXAMPLES).collect())
}

/// The real path of a bundle, and the sizes and modification times of its files.
fn folder_version(folder: &Path) -> String {
    let mut version = format!("{:?}", folder.canonicalize().ok());
    for name in [
        "model.json",
        "model.safetensors",
        "tokenizer.json",
        "ensemble.json",
    ] {
        let metadata = fs::metadata(folder.join(name)).ok();
        let file = metadata.map(|metadata| (metadata.len(), metadata.modified().ok()));
        version.push_str(&format!(" {file:?}"));
    }
    version
}
