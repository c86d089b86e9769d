//! Finding models: bundles in folders, and models of a pipeline file by name.

use std::path::{Path, PathBuf};

use crate::{ENSEMBLE, Ensemble, ModelFile, Result};
use artifact::files::read_json;
use artifact::{
    Artifact, ArtifactError, Digest, Failure, InputReference, StageName, Store, format,
};
use metrics::{MetricsFile, ValidationResult};
use settings::{ModelKind, Pipeline, RunSettings, suggest};

/// The folders of a model.
#[derive(Clone, Debug)]
pub enum ModelLocation {
    /// A bundle: the output folder of `train`, or a copy.
    Bundle(PathBuf),
    /// An ensemble and the bundles of its members, in the same order.
    Ensemble(Ensemble, Vec<PathBuf>),
}

impl ModelLocation {
    /// Verifies every bundle that has a manifest. Returns a digest of everything that predictions depend on.
    ///
    /// # Errors
    /// A file is missing or damaged.
    pub fn fingerprint(&self) -> Result<Digest> {
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

    /// Whether the model is a network, or has a network as a member.
    ///
    /// # Errors
    /// The description of a bundle cannot be read.
    pub fn needs_networks(&self) -> Result<bool> {
        self.bundles().iter().try_fold(false, |found, folder| {
            Ok(found || ModelFile::load(folder)?.architecture.kind != ModelKind::Linear)
        })
    }

    /// The folder of the bundle, or the folders of the members.
    pub(crate) fn bundles(&self) -> &[PathBuf] {
        match self {
            Self::Bundle(folder) => std::slice::from_ref(folder),
            Self::Ensemble(_, folders) => folders,
        }
    }
}

/// The models selected by a command line.
#[derive(Debug)]
pub struct Selection {
    /// Names of the models, or of their folders.
    pub names: Vec<String>,
    /// Their locations, in the same order.
    pub locations: Vec<ModelLocation>,
    /// Why this model was chosen, if the command line names none.
    pub reason: Option<String>,
    /// Settings of device and threads.
    pub run: RunSettings,
    /// The pipeline of the models; `None` for folders.
    pub pipeline: Option<Pipeline>,
}

impl Selection {
    /// Models of a pipeline by name; without names the best model on validation.
    ///
    /// # Errors
    /// See [`named`] and [`best_model`].
    pub fn from_pipeline(pipeline: Pipeline, names: &[String]) -> Result<Self> {
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

    /// The models in folders.
    ///
    /// # Errors
    /// See [`in_folder`].
    pub fn from_folders(folders: &[PathBuf], run: RunSettings) -> Result<Self> {
        let locations = folders.iter().map(|folder| in_folder(folder));
        Ok(Self {
            locations: locations.collect::<Result<_, _>>()?,
            names: folders.iter().map(|folder| folder_name(folder)).collect(),
            reason: None,
            run,
            pipeline: None,
        })
    }

    /// Whether one of the models is a network.
    ///
    /// # Errors
    /// As for [`ModelLocation::needs_networks`].
    pub fn needs_networks(&self) -> Result<bool> {
        let mut locations = self.locations.iter();
        locations.try_fold(false, |found, it| Ok(found || it.needs_networks()?))
    }

    /// Starts the threads for predictions.
    pub fn start_threads(&self) {
        let threads = rayon::ThreadPoolBuilder::new().num_threads(self.run.cores());
        // Several calls in one process, as in tests, share the threads.
        let _ = threads.build_global();
    }
}

/// The name of a folder, also of `.`.
pub fn folder_name(folder: &Path) -> String {
    let absolute = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let name = folder.file_name().or(absolute.file_name());
    name.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// A digest of the files of a bundle that predictions depend on. With a manifest, the files are verified.
fn fingerprint(folder: &Path) -> Result<Digest> {
    let has_manifest = folder.join(artifact::MANIFEST_NAME).is_file();
    let artifact = has_manifest.then(|| Artifact::open(folder)).transpose()?;
    if let Some(bundle) = &artifact {
        bundle.verify()?;
    }
    let mut all = String::new();
    for name in ["model.json", "model.safetensors", "tokenizer.json"] {
        let manifest = artifact.as_ref().map(Artifact::manifest);
        let path = folder.join(name);
        let digest = match manifest.and_then(|manifest| manifest.file(name)) {
            Some(entry) => entry.digest,
            None => Digest::of_file(&path).map_err(ArtifactError::io("read", &path))?,
        };
        all.push_str(&digest.to_hex());
    }
    Ok(Digest::of_bytes(all.as_bytes()))
}

/// The bundle in a folder, or the ensemble whose evaluation is in a folder of the store. The members are the artifacts
/// that the ensemble was evaluated with, also if variants link to other ones now.
///
/// # Errors
/// The folder has neither, or a member of the ensemble was deleted.
pub fn in_folder(folder: &Path) -> Result<ModelLocation> {
    if folder.join(ENSEMBLE).is_file() {
        return ensemble_in_folder(folder);
    }
    if folder.join("model.json").is_file() {
        return Ok(ModelLocation::Bundle(folder.to_owned()));
    }
    let hint = "Give a folder with `model.json`, `model.safetensors` and `tokenizer.json`, such as artifacts/train/NAME, or an ensemble, such as artifacts/evaluate/NAME";
    let problem = format!("The folder `{}` contains no model", folder.display());
    Err(Failure::new(problem).with_hint(hint.to_owned()))
}

/// The latest model or ensemble with this name, also if the pipeline file changed since.
///
/// # Errors
/// There is none, or members of the ensemble were trained again.
pub fn named(pipeline: &Pipeline, name: &str) -> Result<ModelLocation> {
    let store = Store::new(&pipeline.artifacts);
    let found = latest(&store, pipeline, name)?;
    if found.manifest().stage == StageName::Train {
        return Ok(ModelLocation::Bundle(found.folder().to_owned()));
    }
    // The artifact of an input, if its variant still links to it.
    let find = |input: &InputReference| {
        let latest = store.latest(input.stage, &input.variant)?;
        Ok(latest.filter(|artifact| artifact.identity() == input.identity))
    };
    resolve_members(&found, find, |member| {
        let run = run_command(pipeline);
        let hint = format!("Build the ensemble again with `{run} --model {name}`");
        let member = format!("The member `{member}` of the ensemble `{name}`");
        Failure::new(member + " has changed since the ensemble was built").with_hint(hint)
    })
}

/// The identity of the latest model with this name: of its bundle, or of the evaluation of an ensemble.
///
/// # Errors
/// There is none.
pub fn identity(pipeline: &Pipeline, name: &str) -> Result<Digest> {
    let store = Store::new(&pipeline.artifacts);
    Ok(latest(&store, pipeline, name)?.identity())
}

/// The latest bundle with this name, or the evaluation of an ensemble.
fn latest(store: &Store, pipeline: &Pipeline, name: &str) -> Result<Artifact> {
    if let Some(model) = store.latest(StageName::Train, name)? {
        return Ok(model);
    }
    let evaluation = store.latest(StageName::Evaluate, name)?;
    let ensemble = evaluation.filter(|it| it.manifest().file(ENSEMBLE).is_some());
    ensemble.ok_or_else(|| missing_model(pipeline, name))
}

/// The best model of the pipeline file on validation, ensembles included: its name, and a note for people. See
/// [`ValidationResult::best`].
///
/// # Errors
/// No model is trained, or one is damaged.
pub fn best_model(pipeline: &Pipeline) -> Result<(String, String)> {
    let store = Store::new(&pipeline.artifacts);
    let trained = trained_models(pipeline, &store)?.into_iter();
    let results = trained.map(|(name, file)| (name, file.validation));
    let mut results: Vec<_> = results.collect();
    let mut skipped = String::new();
    let evaluations = pipeline.evaluations.iter();
    for (name, _) in evaluations.filter(|(_, settings)| settings.ensemble.is_some()) {
        let Some(evaluation) = store.latest(StageName::Evaluate, name)? else {
            continue;
        };
        match ensemble_result(pipeline, name, &evaluation) {
            Ok(result) => results.push((name, result)),
            Err(failure) => {
                let hint = failure.hint().unwrap_or_default();
                skipped += &format!(". Not considered: {failure}. {hint}");
            }
        }
    }
    let Some((best, result)) = ValidationResult::best(results.iter().copied()) else {
        let train = run_command(pipeline);
        let hint =
            format!("Train the models with `{train}`, or give a bundle with `--bundle FOLDER`");
        return Err(Failure::new("No model of the pipeline file is trained yet").with_hint(hint));
    };
    let why = format!(
        "model: {best}, the best of {} on validation (accuracy {}); choose another one with `--model NAME`{skipped}",
        format::plural(results.len() as u64, "trained model", "trained models"),
        format::percent(result.accuracy)
    );
    Ok((best.to_owned(), why))
}

/// The best linear model of the pipeline file on validation that is evaluated, if there is one: the fastest model with
/// known error rates.
///
/// # Errors
/// A model is damaged.
pub fn best_linear_model(pipeline: &Pipeline) -> Result<Option<String>> {
    let store = Store::new(&pipeline.artifacts);
    let mut results = Vec::new();
    for (name, file) in trained_models(pipeline, &store)? {
        let is_linear = file.architecture.kind == ModelKind::Linear;
        if is_linear && store.latest(StageName::Evaluate, name)?.is_some() {
            results.push((name, file.validation));
        }
    }
    Ok(ValidationResult::best(results).map(|(name, _)| name.to_owned()))
}

/// The trained models of the pipeline file, without ensembles and repetitions with other seeds.
fn trained_models<'a>(pipeline: &'a Pipeline, store: &Store) -> Result<Vec<(&'a str, ModelFile)>> {
    let repeats = &pipeline.report.repeats;
    let is_repeat = |name: &String| repeats.values().any(|names| names.contains(name));
    let mut trained = Vec::new();
    for name in pipeline.models.keys().filter(|name| !is_repeat(name)) {
        if let Some(model) = store.latest(StageName::Train, name)? {
            trained.push((name.as_str(), ModelFile::load(model.folder())?));
        }
    }
    Ok(trained)
}

/// The validation result of an ensemble whose members have not changed.
fn ensemble_result(pipeline: &Pipeline, name: &str, found: &Artifact) -> Result<ValidationResult> {
    named(pipeline, name)?;
    let path = found.file("metrics.json")?;
    let metrics: MetricsFile = read_json(&path, "is not a file of metrics", None)?;
    metrics.validation.get(name).copied().ok_or_else(|| {
        let run = run_command(pipeline);
        let failure = Failure::new(format!("The ensemble `{name}` has no validation result"));
        failure.with_hint(format!("Evaluate it again with `{run}`"))
    })
}

fn ensemble_in_folder(folder: &Path) -> Result<ModelLocation> {
    let shown = folder.display();
    let Some(store) = Store::containing(folder) else {
        let problem = format!(
            "`{shown}` is the evaluation of an ensemble, but the models of the ensemble are missing"
        );
        let hint = "Give the original folder, such as artifacts/evaluate/NAME: the members are in the same artifacts folder";
        return Err(Failure::new(problem).with_hint(hint.to_owned()));
    };
    let evaluation = Artifact::open(folder)?;
    evaluation.verify()?;
    let find = |input: &InputReference| Ok(store.find_by_identity(input.stage, input.identity)?);
    resolve_members(&evaluation, find, |member| {
        let member = format!("The member `{member}` of the ensemble in `{shown}`");
        let hint = "Build the ensemble again with `ressenti run`".to_owned();
        Failure::new(member + " is not in the store any more").with_hint(hint)
    })
}

/// Finds the bundles of the members of an ensemble through the inputs of its evaluation. `find` returns the artifact of
/// an input, and `missing_member` the failure for a missing one.
fn resolve_members(
    evaluation: &Artifact,
    find: impl Fn(&InputReference) -> Result<Option<Artifact>>,
    missing_member: impl Fn(&str) -> Failure,
) -> Result<ModelLocation> {
    let ensemble = Ensemble::read(&evaluation.file(ENSEMBLE)?)?;
    let input_of = |artifact: &Artifact, stage: StageName, member: &str| {
        let mut inputs = artifact.manifest().inputs.iter();
        let input = inputs.find(|input| input.stage == stage && input.variant == member);
        let found = input.map(&find).transpose()?.flatten();
        found.ok_or_else(|| missing_member(member))
    };
    let mut bundles = Vec::new();
    for (member, _) in &ensemble.members {
        let evaluated = input_of(evaluation, StageName::Evaluate, member)?;
        let model = input_of(&evaluated, StageName::Train, member)?;
        bundles.push(model.folder().to_owned());
    }
    Ok(ModelLocation::Ensemble(ensemble, bundles))
}

/// The command that runs a pipeline with the same file and the same artifacts folder.
fn run_command(pipeline: &Pipeline) -> String {
    let mut command = format!("ressenti run --pipeline {}", pipeline.file.display());
    // The flag is needed if the artifacts folder is not that of the file.
    let from_file = Pipeline::load(&pipeline.file, &[]);
    if !from_file.is_ok_and(|file| file.artifacts == pipeline.artifacts) {
        command.push_str(&format!(" --artifacts {}", pipeline.artifacts.display()));
    }
    command
}

fn missing_model(pipeline: &Pipeline, name: &str) -> Failure {
    let steps = pipeline.steps().into_iter().map(|step| step.id);
    let evaluated = steps.filter(|id| id.stage == StageName::Evaluate);
    let known: Vec<String> = evaluated.map(|id| id.variant).collect();
    if known.iter().any(|known| known == name) {
        let train = run_command(pipeline);
        let hint = format!("Train it with `{train} --model {name}`");
        return Failure::new(format!("The model `{name}` is not trained yet")).with_hint(hint);
    }
    Failure::new(format!("There is no model `{name}` in the pipeline file"))
        .with_hint(suggest(name, &known))
}
