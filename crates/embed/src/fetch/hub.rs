//! One repository of the Hugging Face hub, by way of `hf-hub`, which knows its protocol, its cache
//! and its way to go on with a download that was cut off.

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

/// How often a download that was cut off is taken up again.
const RETRIES: usize = 5;

/// The hub, if no other is named.
const ENDPOINT: &str = "the Hugging Face hub";

const TRY_AGAIN: &str = "Try again, what came is kept; without a network run the same command where \
    there is one, and bring the folder";

/// A repository and a revision, their characters checked: both become parts of addresses and paths.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub(super) repository: String,
    revision: String,
}

impl Name {
    pub(super) fn parse(repository: &str, revision: &str) -> Result<Self, Failure> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let plain = |part: &str| {
            part.starts_with(|first: char| first.is_ascii_alphanumeric())
                && part.chars().all(allowed)
        };
        if repository.split('/').count() > 2 || !repository.split('/').all(plain) {
            return Err(Failure::new(format!("`{repository}` is not the name of a repository"))
                .with_hint("Name it as its page does, for example `ressenti fetch sentence-transformers/all-MiniLM-L6-v2`".to_owned()));
        }
        if !revision.split('/').all(plain) {
            return Err(
                Failure::new(format!("`{revision}` is not the name of a revision"))
                    .with_hint("Name a branch, a tag or a commit with `--revision`".to_owned()),
            );
        }
        Ok(Self {
            repository: repository.to_owned(),
            revision: revision.to_owned(),
        })
    }

    /// The name without its owner.
    pub(super) fn last(&self) -> &str {
        let owner_and_name = self.repository.split_once('/');
        owner_and_name.map_or(&self.repository, |(_, name)| name)
    }

    /// A revision as the library takes it.
    fn revision(&self, revision: &str) -> Repo {
        Repo::with_revision(
            self.repository.clone(),
            RepoType::Model,
            revision.to_owned(),
        )
    }

    fn unreachable(
        &self,
        what: &str,
        endpoint: &str,
        cause: Box<dyn Error + Send + Sync>,
    ) -> Failure {
        let repository = &self.repository;
        Failure::new(format!(
            "Failed to get `{what}` of `{repository}` from {endpoint}"
        ))
        .with_cause(cause)
        .with_hint(TRY_AGAIN.to_owned())
    }

    /// The name as a key of a pipeline file.
    pub(super) fn key(&self) -> String {
        let lower = self.last().to_lowercase();
        lower.replace(|c: char| !c.is_ascii_alphanumeric(), "_")
    }
}

/// One revision of one repository.
pub(super) struct Hub {
    name: Name,
    endpoint: String,
    api: Api,
    repository: ApiRepo,
}

impl Hub {
    /// With the endpoint, the token and the cache that the environment names.
    pub(super) fn of_environment(name: &Name) -> Result<Self, Failure> {
        let variable = |key: &str| std::env::var(key).ok().filter(|value| !value.is_empty());
        let mut builder = ApiBuilder::from_env().with_progress(false);
        if let Some(token) = variable("HF_TOKEN") {
            builder = builder.with_token(Some(token));
        }
        let endpoint = variable("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned());
        let api = builder
            .with_retries(RETRIES)
            .build()
            .map_err(|error| name.unreachable("anything", &endpoint, Box::new(error)))?;
        Ok(Self {
            repository: api.repo(name.revision(&name.revision)),
            name: name.clone(),
            endpoint,
            api,
        })
    }

    /// The commit that the revision stands for; the repository has all of `files`.
    pub(super) fn commit(&self, files: &[&str]) -> Result<String, Failure> {
        let info = self.ask("the list of files", || self.repository.info())?;
        let files_there = info.siblings.into_iter().map(|file| file.rfilename);
        let there: Vec<String> = files_there.collect();
        let is_missing = |file: &&&str| !there.iter().any(|name| name == *file);
        let Some(missing) = files.iter().find(is_missing) else {
            return Ok(info.sha);
        };
        let there = there.join(", ");
        let hint = if *missing == "model.safetensors" {
            format!(
                "Only weights in one `model.safetensors` are read, never a pickle; it has {there}. Many \
                 repositories have a revision with it: see its discussions, and use `--revision`"
            )
        } else {
            format!(
                "It has {there}; look for the same encoder with a `tokenizer.json` of the `tokenizers` library"
            )
        };
        let repository = &self.name.repository;
        Err(Failure::new(format!("`{repository}` has no `{missing}`")).with_hint(hint))
    }

    /// A file in the hub's cache, downloaded if it is not there, and its SHA-256. That of a large file
    /// is known to the hub and compared.
    pub(super) fn get(
        &self,
        file: &str,
        progress: &Progress,
    ) -> Result<(PathBuf, String), Failure> {
        let metadata = self.ask(file, || self.api.metadata(&self.repository.url(file)))?;
        let path = self.ask(file, || {
            let cached = self.cached(file, metadata.commit_hash());
            let bytes = Bytes {
                progress,
                task: None,
            };
            let download = || self.repository.download_with_progress(file, bytes);
            cached.map_or_else(download, Ok)
        })?;
        let found = sha256(&path).map_err(|error| {
            Failure::new(format!("Failed to read the download `{}`", path.display()))
                .with_cause(error)
        })?;
        let expected = metadata.etag();
        // Files kept outside of git have their SHA-256 as tag; small ones have git's own digest.
        if expected.len() == found.len() && expected != found {
            let path = path.display();
            return Err(Failure::new(format!(
                "`{path}` is not what the hub says it is: its SHA-256 is {found} and not {expected}"
            ))
            .with_hint(format!("Delete `{path}` and run the command again")));
        }
        Ok((path, found))
    }

    /// The file of exactly this commit, if it was downloaded before.
    fn cached(&self, file: &str, commit: &str) -> Option<PathBuf> {
        let exact = self.name.revision(commit);
        let cache = hf_hub::Cache::from_env().repo(exact);
        let path = cache.pointer_path(commit).join(file);
        path.is_file().then_some(path)
    }

    fn ask<T>(
        &self,
        what: &str,
        request: impl FnOnce() -> Result<T, ApiError>,
    ) -> Result<T, Failure> {
        let unreachable = |cause| self.name.unreachable(what, &self.endpoint, cause);
        let unknown = || {
            let Name {
                repository,
                revision,
            } = &self.name;
            Failure::new(format!(
                "{} has no repository `{repository}` with a revision `{revision}` that you may read",
                self.endpoint
            ))
            .with_hint("Compare the name with its page; for a private repository set HF_TOKEN".to_owned())
        };
        let answer = || {
            request().map_err(|error| match is_refused(&error) {
                true => unknown(),
                false => unreachable(Box::new(error)),
            })
        };
        // The library asserts some things about what the other side says.
        catch_panics(unreachable, answer)
    }
}

/// The hub says 401 for what does not exist as well, so that nobody learns what is private.
fn is_refused(error: &ApiError) -> bool {
    match error {
        ApiError::RequestError(error) => {
            matches!(**error, ureq::Error::StatusCode(401 | 403 | 404))
        }
        ApiError::TooManyRetries(error) => is_refused(error),
        _ => false,
    }
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    io::copy(&mut File::open(path)?, &mut hasher)?;
    let digits = hasher.finalize();
    Ok(digits.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The library's progress as ours.
struct Bytes<'a> {
    progress: &'a Progress,
    task: Option<ProgressTask>,
}

impl HubProgress for Bytes<'_> {
    fn init(&mut self, size: usize, file: &str) {
        let what = format!("downloading {file}, {}", format::bytes(size as u64));
        self.task = Some(self.progress.task(&what, Some(size as u64), "bytes"));
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
