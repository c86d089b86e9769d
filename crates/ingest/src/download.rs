//! Downloads a source once per user. A download can be resumed, and the file is used only if its SHA-256 is the
//! one in the pipeline file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use artifact::{ArtifactError, FileLock};
use sha2::{Digest, Sha256};
use stage::Progress;
use tables::{InputError, Result};
use ureq::Body;
use ureq::http::Response;

/// Maximum number of attempts, each of which must get further than the one before.
const ATTEMPTS: usize = 5;

/// Bytes per read.
const BUFFER: usize = 1 << 16;

/// Returns the path of the file in `folder`, and downloads it first if it is missing.
pub(crate) fn ensure_downloaded(
    url: &str,
    sha256: &str,
    folder: &Path,
    progress: &Progress,
) -> Result<PathBuf> {
    let expected = sha256.to_ascii_lowercase();
    // The folder is named by the content, so that files with the same name do not collide.
    let folder = folder.join(&expected);
    fs::create_dir_all(&folder).map_err(ArtifactError::io("create", &folder))?;
    // Only one of several runs downloads the file; the others wait and use it.
    let _lock = FileLock::acquire(&folder.join("lock"), |_| ())?;
    let path = folder.join(file_name(url));
    if sha256_of(&path)?.is_some_and(|found| found == expected) {
        return Ok(path);
    }
    let part = folder.join("part");
    loop {
        let resumed = length(&part)? > 0;
        fetch(url, &part, progress)?;
        let found = sha256_of(&part)?.unwrap_or_default();
        if found == expected {
            fs::rename(&part, &path).map_err(ArtifactError::io("rename", &part))?;
            return Ok(path);
        }
        fs::remove_file(&part).map_err(ArtifactError::io("remove", &part))?;
        // A partial file of an earlier run may belong to another version, so it is downloaded once more.
        if !resumed {
            let message =
                format!("The SHA-256 of `{url}` is `{found}`, but `{expected}` was expected");
            let hint = format!(
                "Check `ingest.download.sha256`, or download `{url}` yourself and pass `--source PATH`"
            );
            return Err(InputError::other(message, hint));
        }
    }
}

/// The last part of an address as a file name. The extension is kept, because it identifies an archive.
fn file_name(url: &str) -> String {
    let address = url.split(['?', '#']).next().unwrap_or_default();
    let last = address.rsplit('/').next().unwrap_or_default();
    let is_plain = |sign: &char| sign.is_ascii_alphanumeric() || "._-".contains(*sign);
    let name: String = last.chars().filter(is_plain).collect();
    match name.as_str() {
        "lock" | "part" => "source".to_owned(),
        plain if plain.trim_matches('.').is_empty() => "source".to_owned(),
        _ => name,
    }
}

/// SHA-256 of a file in hex; `None` if the file does not exist.
fn sha256_of(path: &Path) -> Result<Option<String>> {
    let Some(mut file) = if_exists(path, File::open(path))? else {
        return Ok(None);
    };
    let mut hasher = Sha256::new();
    io::copy(&mut file, &mut hasher).map_err(InputError::io(path))?;
    let digest = hasher.finalize();
    Ok(Some(digest.iter().map(|it| format!("{it:02x}")).collect()))
}

/// Downloads the missing part of the file. After an interruption it retries as long as each attempt makes
/// progress.
fn fetch(url: &str, part: &Path, progress: &Progress) -> Result<()> {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(Duration::from_secs(20)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .timeout_per_read(Some(Duration::from_secs(60)))
        .build();
    let agent = ureq::Agent::new_with_config(config);
    let mut before = length(part)?;
    let mut attempt = 1;
    while let Err(failure) = request(&agent, url, part, before, progress) {
        let now = length(part)?;
        if now <= before || attempt == ATTEMPTS {
            return Err(failure);
        }
        let size = artifact::format::bytes(now);
        let text = format!("the connection was interrupted after {size}; resuming");
        progress.note(&text);
        (before, attempt) = (now, attempt + 1);
    }
    Ok(())
}

/// Converts the error "not found" to `None`.
pub(crate) fn if_exists<T>(path: &Path, found: io::Result<T>) -> Result<Option<T>> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some).map_err(InputError::io(path)),
    }
}

fn length(path: &Path) -> Result<u64> {
    Ok(if_exists(path, path.metadata())?.map_or(0, |metadata| metadata.len()))
}

/// Sends one request, for the bytes from `start` on.
fn request(
    agent: &ureq::Agent,
    url: &str,
    part: &Path,
    start: u64,
    progress: &Progress,
) -> Result<()> {
    let failed = |problem: String, cause: Option<ureq::Error>| {
        let message = format!("Failed to download `{url}`: {problem}");
        let hint = format!(
            "Run the same command again to resume the download, or download `{url}` yourself and pass `--source PATH`"
        );
        let error = InputError::other(message, hint);
        match cause {
            Some(cause) => error.with_cause(cause),
            None => error,
        }
    };
    // Compression would change the lengths.
    let mut request = agent.get(url).header("accept-encoding", "identity");
    if start > 0 {
        request = request.header("range", format!("bytes={start}-"));
    }
    let unreachable = |error| failed("the server cannot be reached".to_owned(), Some(error));
    let response = request.call().map_err(unreachable)?;
    let start = match response.status().as_u16() {
        200 => 0,
        206 if continues_at(&response, start) => start,
        // The partial file is not the beginning of this file.
        206 | 416 if start > 0 => {
            fs::remove_file(part).map_err(ArtifactError::io("remove", part))?;
            return self::request(agent, url, part, 0, progress);
        }
        status => {
            let problem = format!("the server answered with status {status}");
            return Err(failed(problem, None));
        }
    };
    let total = response.body().content_length().map(|rest| start + rest);
    let task = progress.task("downloading", total, "bytes");
    task.advance(start);
    let mut file = match start {
        0 => File::create(part),
        _ => OpenOptions::new().append(true).open(part),
    }
    .map_err(ArtifactError::io("create", part))?;
    let mut input = response.into_body().into_reader();
    let (mut buffer, mut length) = (vec![0; BUFFER], start);
    let error = loop {
        match input.read(&mut buffer) {
            Ok(0) => break None,
            Ok(bytes) => {
                let written = file.write_all(&buffer[..bytes]);
                written.map_err(ArtifactError::io("write", part))?;
                length += bytes as u64;
                task.advance(bytes as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Some(ureq::Error::Io(error)),
        }
    };
    file.sync_all().map_err(ArtifactError::io("sync", part))?;
    if error.is_none() && total.is_none_or(|total| total == length) {
        return Ok(());
    }
    Err(failed("the connection was interrupted".to_owned(), error))
}

fn continues_at(response: &Response<Body>, start: u64) -> bool {
    let range = response.headers().get("content-range");
    let range = range.and_then(|range| range.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {start}-")))
}

#[cfg(test)]
mod tests;
