//! Access to a repository of the Hugging Face hub with the crate `hf-hub`, which caches downloads and resumes interrupted
//! ones.

use std::error::Error;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use artifact::{Failure, catch_panics, format};
use hf_hub::api::Progress as HubProgress;
use hf_hub::api::sync::{Api, ApiBuilder, ApiError, ApiRepo};
use hf_hub::{Repo, RepoType};
use sha2::{Digest as _, Sha256};
use stage::{Progress, ProgressTask};

type BoxedError = Box<dyn Error + Send + Sync>;

/// How often an interrupted download is resumed.
const RETRIES: usize = 5;

/// The name of the default hub in messages.
const ENDPOINT: &str = "the Hugging Face hub";

const TRY_AGAIN: &str = "Run the command again: it resumes the download. Without a network, run it on another machine \
    and copy the folder";

/// A repository and a revision with only allowed characters, because both become parts of URLs and paths.
#[derive(Clone, Debug)]
pub(super) struct RepositoryName {
    pub(super) repository: String,
    revision: String,
}

impl RepositoryName {
    pub(super) fn parse(repository: &str, revision: &str) -> Result<Self, Failure> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let is_valid = |part: &str| {
            part.starts_with(|first: char| first.is_ascii_alphanumeric())
                && part.chars().all(is_allowed)
        };
        if repository.split('/').count() > 2 || !repository.split('/').all(is_valid) {
            return Err(Failure::new(format!("`{repository}` is not the name of a repository"))
                .with_hint("Use OWNER/NAME as on its page, for example `ressenti fetch sentence-transformers/all-MiniLM-L6-v2`".to_owned()));
        }
        if !revision.split('/').all(is_valid) {
            let problem = format!("`{revision}` is not the name of a revision");
            let hint = "Set `--revision` to a branch, a tag or a commit".to_owned();
            return Err(Failure::new(problem).with_hint(hint));
        }
        Ok(Self {
            repository: repository.to_owned(),
            revision: revision.to_owned(),
        })
    }

    /// The name without its owner.
    pub(super) fn short_name(&self) -> &str {
        let owner_and_name = self.repository.split_once('/');
        owner_and_name.map_or(&self.repository, |(_, name)| name)
    }

    /// The repository at a revision, as a value of the library.
    fn at_revision(&self, revision: &str) -> Repo {
        let (name, revision) = (self.repository.clone(), revision.to_owned());
        Repo::with_revision(name, RepoType::Model, revision)
    }

    fn download_error(&self, content: &str, endpoint: &str, cause: BoxedError) -> Failure {
        let repository = &self.repository;
        let problem = format!("Failed to download {content} of `{repository}` from {endpoint}");
        let failure = Failure::new(problem).with_cause(cause);
        failure.with_hint(TRY_AGAIN.to_owned())
    }

    /// A name for the tables of a pipeline file.
    pub(super) fn table_name(&self) -> String {
        let lower = self.short_name().to_lowercase();
        lower.replace(|c: char| !c.is_ascii_alphanumeric(), "_")
    }
}

/// A revision of a repository of the hub.
pub(super) struct Hub {
    name: RepositoryName,
    endpoint: String,
    api: Api,
    repository: ApiRepo,
}

impl Hub {
    /// Uses the endpoint, the token and the cache from the environment variables.
    pub(super) fn from_environment(name: &RepositoryName) -> Result<Self, Failure> {
        let variable = |key: &str| std::env::var(key).ok().filter(|value| !value.is_empty());
        let mut builder = ApiBuilder::from_env().with_progress(false);
        if let Some(token) = variable("HF_TOKEN") {
            builder = builder.with_token(Some(token));
        }
        let endpoint = variable("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned());
        let api = builder.with_retries(RETRIES).build().map_err(Box::new);
        let api = api.map_err(|error| name.download_error("the files", &endpoint, error))?;
        Ok(Self {
            repository: api.repo(name.at_revision(&name.revision)),
            name: name.clone(),
            endpoint,
            api,
        })
    }

    /// Returns the commit of the revision.
    ///
    /// # Errors
    /// The repository cannot be read, or lacks one of `files`.
    pub(super) fn commit(&self, files: &[&str]) -> Result<String, Failure> {
        let info = self.request("the list of files", || self.repository.info())?;
        let existing = info.siblings.into_iter().map(|file| file.rfilename);
        let existing: Vec<String> = existing.collect();
        let is_missing = |file: &&&str| !existing.iter().any(|name| name == *file);
        let Some(missing) = files.iter().find(is_missing) else {
            return Ok(info.sha);
        };
        let existing = existing.join(", ");
        let hint = match *missing {
            "model.safetensors" => format!(
                "Only weights in a single `model.safetensors` can be used, never a pickle. The repository has {existing}. \
                 Look for a revision with `model.safetensors` in its discussions, and use `--revision`"
            ),
            _ => format!(
                "The repository has {existing}. Look for the same encoder with a `tokenizer.json` of the library `tokenizers`"
            ),
        };
        let repository = &self.name.repository;
        Err(Failure::new(format!("`{repository}` has no `{missing}`")).with_hint(hint))
    }

    /// Downloads a file to the cache unless it is there, and returns its path and SHA-256. For large files, the digest is
    /// compared with that of the hub.
    pub(super) fn download(
        &self,
        file: &str,
        progress: &Progress,
    ) -> Result<(PathBuf, String), Failure> {
        let content = format!("`{file}`");
        let metadata = self.request(&content, || self.api.metadata(&self.repository.url(file)))?;
        let path = self.request(&content, || {
            let cached = self.cached(file, metadata.commit_hash());
            let task = None;
            let progress = DownloadProgress { progress, task };
            let download = || self.repository.download_with_progress(file, progress);
            cached.map_or_else(download, Ok)
        })?;
        let problem = format!("Failed to read the download `{}`", path.display());
        let found = sha256(&path).map_err(|error| Failure::new(problem).with_cause(error))?;
        let expected = metadata.etag();
        // The tag of a file in large file storage is its SHA-256; that of other files is a shorter digest of git.
        if expected.len() == found.len() && expected != found {
            let path = path.display();
            return Err(Failure::new(format!(
                "The download `{path}` is damaged: its SHA-256 is {found}, but the hub expects {expected}"
            ))
            .with_hint(format!("Delete `{path}` and run the command again")));
        }
        Ok((path, found))
    }

    /// The cached file of this commit.
    fn cached(&self, file: &str, commit: &str) -> Option<PathBuf> {
        let exact = self.name.at_revision(commit);
        let cache = hf_hub::Cache::from_env().repo(exact);
        let path = cache.pointer_path(commit).join(file);
        path.is_file().then_some(path)
    }

    fn request<T>(
        &self,
        content: &str,
        send: impl FnOnce() -> Result<T, ApiError>,
    ) -> Result<T, Failure> {
        let failed = |cause| self.name.download_error(content, &self.endpoint, cause);
        let not_found = || {
            let (repository, revision) = (&self.name.repository, &self.name.revision);
            Failure::new(format!(
                "{} has no repository `{repository}` with a revision `{revision}` that you may read",
                self.endpoint
            ))
            .with_hint("Check the name on its page; for a private repository set HF_TOKEN".to_owned())
        };
        let response = || {
            send().map_err(|error| match is_not_found(&error) {
                true => not_found(),
                false => failed(Box::new(error)),
            })
        };
        // The library can panic on unexpected responses.
        catch_panics(failed, response)
    }
}

/// The hub also answers 401 if the repository does not exist, to hide private ones.
fn is_not_found(error: &ApiError) -> bool {
    match error {
        ApiError::RequestError(error) => {
            matches!(**error, ureq::Error::StatusCode(401 | 403 | 404))
        }
        ApiError::TooManyRetries(error) => is_not_found(error),
        _ => false,
    }
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    io::copy(&mut File::open(path)?, &mut hasher)?;
    let digits = hasher.finalize();
    Ok(digits.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Shows the progress of the library as a task.
struct DownloadProgress<'a> {
    progress: &'a Progress,
    task: Option<ProgressTask>,
}

impl HubProgress for DownloadProgress<'_> {
    fn init(&mut self, size: usize, file: &str) {
        let name = format!("downloading {file}, {}", format::bytes(size as u64));
        self.task = Some(self.progress.task(&name, Some(size as u64), "bytes"));
    }

    fn update(&mut self, size: usize) {
        if let Some(task) = &self.task {
            task.advance(size as u64);
        }
    }

    fn finish(&mut self) {
        self.task = None;
    }
}
