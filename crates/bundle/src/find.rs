//! Where a model is: a bundle in a folder, or the one that a name of the pipeline file stands for.

use std::path::{Path, PathBuf};

use crate::{ENSEMBLE, Ensemble, ModelFile};
use artifact::{
    Artifact, ArtifactError, Digest, Failure, InputReference, StageName, Store, format,
};
use settings::{ModelKind, Pipeline, RunSettings, suggest};

/// Where to read a model from.
#[derive(Clone, Debug)]
pub enum ModelLocation {
    /// A bundle: the folder that `train` wrote, or a copy of it.
    Bundle(PathBuf),
    /// An ensemble and the bundles of its members, in their order.
    Ensemble(Ensemble, Vec<PathBuf>),
}

impl ModelLocation {
    /// Proves every bundle that has a manifest. Returns a digest of all that the answers of the model depend on.
    ///
    /// # Errors
    /// A file is missing or was changed.
    pub fn fingerprint(&self) -> Result<Digest, Failure> {
        let (ensemble, members) = match self {
            Self::Bundle(folder) => return fingerprint(folder),
            Self::Ensemble(ensemble, members) => (ensemble, members),
        };
        let weights = serde_json::to_vec(ensemble).expect("plain data");
        let mut all = Digest::of_bytes(&weights).to_hex();
        for member in members {
            all.push_str(&fingerprint(member)?.to_hex());
        }
        Ok(Digest::of_bytes(all.as_bytes()))
    }

    /// Whether a model here is computed by libtorch.
    ///
    /// # Errors
    /// A bundle does not say what it is.
    pub fn needs_networks(&self) -> Result<bool, Failure> {
        self.bundles().iter().try_fold(false, |found, folder| {
            Ok(found || ModelFile::load(folder)?.architecture.kind != ModelKind::Linear)
        })
    }

    /// The folder of the model, or those of an ensemble's members.
    pub(crate) fn bundles(&self) -> &[PathBuf] {
        match self {
            Self::Bundle(folder) => std::slice::from_ref(folder),
            Self::Ensemble(_, folders) => folders,
        }
    }
}

/// The models that a command line names.
#[derive(Debug)]
pub struct Selection {
    /// Their names, or those of their folders.
    pub names: Vec<String>,
    /// Where they are, in the same order.
    pub locations: Vec<ModelLocation>,
    /// Why this one, where none was named.
    pub reason: Option<String>,
    /// How to run them.
    pub run: RunSettings,
    /// The pipeline that they belong to; folders belong to none.
    pub pipeline: Option<Pipeline>,
}

impl Selection {
    /// Models of a pipeline by name; the best by validation where none is named.
    ///
    /// # Errors
    /// See [`named`] and [`best_model`].
    pub fn from_pipeline(pipeline: Pipeline, names: &[String]) -> Result<Self, Failure> {
        let (mut names, mut reason) = (names.to_vec(), None);
        if names.is_empty() {
            let (name, why) = best_model(&pipeline)?;
            (names, reason) = (vec![name], Some(why));
        }
        let locations = names.iter().map(|name| named(&pipeline, name));
        Ok(Self {
            locations: locations.collect::<Result<_, _>>()?,
            names,
            reason,
            run: pipeline.run.clone(),
            pipeline: Some(pipeline),
        })
    }

    /// Models in folders.
    ///
    /// # Errors
    /// See [`in_folder`].
    pub fn from_folders(folders: &[PathBuf], run: RunSettings) -> Result<Self, Failure> {
        let locations = folders.iter().map(|folder| in_folder(folder));
        Ok(Self {
            locations: locations.collect::<Result<_, _>>()?,
            names: folders.iter().map(|folder| folder_name(folder)).collect(),
            reason: None,
            run,
            pipeline: None,
        })
    }

    /// Whether libtorch computes one of them.
    ///
    /// # Errors
    /// As for [`ModelLocation::needs_networks`].
    pub fn needs_networks(&self) -> Result<bool, Failure> {
        let mut places = self.locations.iter();
        places.try_fold(false, |found, place| Ok(found || place.needs_networks()?))
    }

    /// Starts the threads that ask the models.
    pub fn start_threads(&self) {
        let threads = rayon::ThreadPoolBuilder::new().num_threads(self.run.cores());
        // They may be there already where this runs within a test.
        let _ = threads.build_global();
    }
}

/// What a folder is called, also one that is named as `.`.
pub fn folder_name(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let name = folder.file_name().or(whole.file_name());
    name.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// A digest of the files of a bundle that answers depend on; they are proved where a manifest says what they are.
fn fingerprint(folder: &Path) -> Result<Digest, Failure> {
    let is_proved = folder.join(artifact::MANIFEST_NAME).is_file();
    let proved = is_proved.then(|| Artifact::open(folder)).transpose()?;
    if let Some(bundle) = &proved {
        bundle.verify()?;
    }
    let mut all = String::new();
    for name in ["model.json", "model.safetensors", "tokenizer.json"] {
        let manifest = proved.as_ref().map(Artifact::manifest);
        let path = folder.join(name);
        let digest = match manifest.and_then(|manifest| manifest.file(name)) {
            Some(entry) => entry.digest,
            None => Digest::of_file(&path).map_err(ArtifactError::io("read", &path))?,
        };
        all.push_str(&digest.to_hex());
    }
    Ok(Digest::of_bytes(all.as_bytes()))
}

/// A bundle in a folder, or the evaluation of an ensemble in the store
/// that holds its members, who are those that it was made of, whatever their names have come to stand for.
///
/// # Errors
/// The folder holds neither, or an ensemble whose members are gone.
pub fn in_folder(folder: &Path) -> Result<ModelLocation, Failure> {
    if folder.join(ENSEMBLE).is_file() {
        return ensemble_in(folder);
    }
    if folder.join("model.json").is_file() {
        return Ok(ModelLocation::Bundle(folder.to_owned()));
    }
    let hint = "Name a folder with `model.json`, `model.safetensors` and `tokenizer.json`, as artifacts/train/NAME, or an ensemble as artifacts/evaluate/NAME";
    let problem = format!("`{}` holds no model", folder.display());
    Err(Failure::new(problem).with_hint(hint.to_owned()))
}

/// The model or ensemble of this name as it was made last, whatever the pipeline file has come to
/// say since.
///
/// # Errors
/// There is none, or an ensemble's members were trained again since.
pub fn named(pipeline: &Pipeline, name: &str) -> Result<ModelLocation, Failure> {
    let store = Store::new(&pipeline.artifacts);
    let found = latest(&store, pipeline, name)?;
    if found.manifest().stage == StageName::Train {
        return Ok(ModelLocation::Bundle(found.folder().to_owned()));
    }
    // What an input was, if its name still stands for it.
    let same = |input: &InputReference| {
        let latest = store.latest(input.stage, &input.variant)?;
        Ok(latest.filter(|artifact| artifact.identity() == input.identity))
    };
    ensemble(&found, same, |member| {
        let again = run_command(pipeline);
        let hint = format!("Make it again with `{again} --variant {name}`");
        let problem =
            format!("The ensemble `{name}` was made of another `{member}` than there is now");
        Failure::new(problem).with_hint(hint)
    })
}

/// What the model of this name is at present: the identity of its bundle, or of an ensemble's evaluation.
///
/// # Errors
/// There is none.
pub fn identity(pipeline: &Pipeline, name: &str) -> Result<Digest, Failure> {
    let store = Store::new(&pipeline.artifacts);
    Ok(latest(&store, pipeline, name)?.identity())
}

/// The bundle that a name stands for, or the evaluation of an ensemble.
fn latest(store: &Store, pipeline: &Pipeline, name: &str) -> Result<Artifact, Failure> {
    if let Some(model) = store.latest(StageName::Train, name)? {
        return Ok(model);
    }
    let evaluation = store.latest(StageName::Evaluate, name)?;
    let ensemble = evaluation.filter(|it| it.manifest().file(ENSEMBLE).is_some());
    ensemble.ok_or_else(|| missing(pipeline, name))
}

/// The trained model of the pipeline file that did best on validation, with its name and a sentence
/// that says so. Not by the test rows: what chooses by them is no judge of them any more.
///
/// # Errors
/// No model is trained, or one is damaged.
pub fn best_model(pipeline: &Pipeline) -> Result<(String, String), Failure> {
    let store = Store::new(&pipeline.artifacts);
    let mut trained = Vec::new();
    let repeats = &pipeline.report.repeats;
    let is_repeat = |name: &String| repeats.values().any(|names| names.contains(name));
    for name in pipeline.models.keys().filter(|name| !is_repeat(name)) {
        if let Some(model) = store.latest(StageName::Train, name)? {
            let description = ModelFile::load(model.folder())?;
            trained.push((name, description.validation));
        }
    }
    let count = trained.len() as u64;
    let best = trained.into_iter().min_by(|(_, one), (_, two)| {
        let by_accuracy = two.accuracy.total_cmp(&one.accuracy);
        by_accuracy.then(one.loss.total_cmp(&two.loss))
    });
    let Some((name, validation)) = best else {
        let train = run_command(pipeline);
        let hint = format!("Train them with `{train}`, or name a bundle with `--bundle FOLDER`");
        return Err(Failure::new("No model of the pipeline file is trained").with_hint(hint));
    };
    let why = format!(
        "model: {name}, the best of {} by validation ({} right); another with `--model NAME`",
        format::plural(count, "trained model", "trained models"),
        format::percent(validation.accuracy)
    );
    Ok((name.clone(), why))
}

fn ensemble_in(folder: &Path) -> Result<ModelLocation, Failure> {
    let shown = folder.display();
    let Some(store) = Store::containing(folder) else {
        let problem = format!(
            "`{shown}` is a copy of an ensemble's evaluation, and has no members beside it"
        );
        let hint = "Name it where it was made, as artifacts/evaluate/NAME: its members lie in the same artifacts folder";
        return Err(Failure::new(problem).with_hint(hint.to_owned()));
    };
    let evaluation = Artifact::open(folder)?;
    evaluation.verify()?;
    let made_of = |input: &InputReference| Ok(store.find_by_identity(input.stage, input.identity)?);
    ensemble(&evaluation, made_of, |member| {
        Failure::new(format!(
            "The ensemble in `{shown}` was made of a `{member}` that is not in the store any more"
        ))
        .with_hint("Make it again with `ressenti run`".to_owned())
    })
}

/// Follows an ensemble's evaluation to the bundles that its members' evaluations read. `find` knows where an
/// input is; where it is not, `gone` says so about the member.
fn ensemble(
    evaluation: &Artifact,
    find: impl Fn(&InputReference) -> Result<Option<Artifact>, Failure>,
    gone: impl Fn(&str) -> Failure,
) -> Result<ModelLocation, Failure> {
    let ensemble = Ensemble::read(&evaluation.file(ENSEMBLE)?)?;
    let follow = |of: &Artifact, stage: StageName, member: &str| {
        let mut inputs = of.manifest().inputs.iter();
        let input = inputs.find(|input| input.stage == stage && input.variant == member);
        let found = input.map(&find).transpose()?.flatten();
        found.ok_or_else(|| gone(member))
    };
    let mut bundles = Vec::new();
    for (member, _) in &ensemble.members {
        let judged = follow(evaluation, StageName::Evaluate, member)?;
        let model = follow(&judged, StageName::Train, member)?;
        bundles.push(model.folder().to_owned());
    }
    Ok(ModelLocation::Ensemble(ensemble, bundles))
}

/// The command that makes what a pipeline says: of the same file, into the same artifacts folder.
fn run_command(pipeline: &Pipeline) -> String {
    let mut command = format!("ressenti run --pipeline {}", pipeline.file.display());
    // Whether the command line named the folder, a pipeline does not know any more.
    let of_file = Pipeline::load(&pipeline.file, &[]);
    if !of_file.is_ok_and(|file| file.artifacts == pipeline.artifacts) {
        command.push_str(&format!(" --artifacts {}", pipeline.artifacts.display()));
    }
    command
}

fn missing(pipeline: &Pipeline, name: &str) -> Failure {
    let steps = pipeline.steps().into_iter().map(|step| step.id);
    let judged = steps.filter(|id| id.stage == StageName::Evaluate);
    let known: Vec<String> = judged.map(|id| id.variant).collect();
    if known.iter().any(|known| known == name) {
        let train = run_command(pipeline);
        return Failure::new(format!("The model `{name}` is not trained"))
            .with_hint(format!("Train it with `{train} --variant {name}`"));
    }
    Failure::new(format!("There is no model `{name}` in the pipeline file"))
        .with_hint(suggest(name, &known))
}
