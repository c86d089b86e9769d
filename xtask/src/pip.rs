//! pip, the client of the Python package registry. It downloads one pinned file at a time, and never installs or
//! runs any of it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{iter, thread};

use crate::assets::{Package, PackageKind};
use crate::cargo::{cannot_start, output_if_installed};
use crate::error::{DISK_FULL, Error, Result};
use crate::progress::Step;

/// A build backend that does nothing; the file explains why.
const NO_BUILD: &str = include_str!("no_build.py");

const INSTALL: &str = "Install Python 3 with pip (Debian, Ubuntu: `apt install python3 python3-pip`), \
    or set LIBTORCH to a libtorch that you have";

/// Time between two checks of the download's progress.
const POLL: Duration = Duration::from_millis(50);

/// A Python 3 with pip.
pub(crate) struct Pip {
    python: &'static str,
}

impl Pip {
    pub(crate) fn find() -> Result<Self> {
        for python in ["python3", "python"] {
            let mut command = Command::new(python);
            command.args(["-m", "pip", "--version"]);
            match output_if_installed(command)? {
                Some(output) if output.status.success() => return Ok(Self { python }),
                Some(output) => {
                    let detail = last_error_line(&String::from_utf8_lossy(&output.stderr));
                    let command = format!("{python} -m pip --version");
                    let message = format!("Failed to use pip: `{command}` failed: {detail}");
                    return Err(Error::new(message).with_hint(INSTALL));
                }
                None => {}
            }
        }
        let message = "Failed to find Python 3: neither `python3` nor `python` can be started";
        Err(Error::new(message).with_hint(INSTALL))
    }

    /// Downloads `package` into `scratch` and returns the file. pip checks the digest, and the caller checks it
    /// again. `file_path` is where users can put the file themselves, for the hint.
    pub(crate) fn download(
        &self,
        package: &Package,
        scratch: &Path,
        file_path: &Path,
        step: &mut Step,
    ) -> Result<PathBuf> {
        let (name, version, sha256) = (&package.name, &package.version, &package.sha256);
        let requirements = scratch.join("requirements.txt");
        let line = format!("{name}=={version} --hash=sha256:{sha256}\n");
        fs::write(&requirements, line).map_err(Error::file("write", &requirements))?;
        let log_path = scratch.join("pip.log");
        let log = File::create(&log_path).map_err(Error::file("create", &log_path))?;
        let both = log.try_clone().map_err(Error::file("open", &log_path))?;

        let mut command = Command::new(self.python);
        command
            .args(["-m", "pip", "download", "--no-cache-dir", "--no-deps"])
            .args(["--progress-bar", "off", "--require-hashes", "--requirement"])
            .arg(&requirements)
            .arg("--dest")
            .arg(scratch.join("file"))
            // pip downloads into its temporary folder first. There the progress can be measured.
            .env("TMPDIR", scratch)
            .env("PIP_NO_INPUT", "1")
            .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
            .env("PIP_REQUIRE_VIRTUALENV", "0")
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(both);
        match package.kind {
            PackageKind::Wheel => {
                command.args(wheel_arguments(&package.file));
            }
            PackageKind::Sdist => sdist_arguments(&mut command, package, scratch)?,
        }
        let start = |cause| cannot_start(self.python, cause);
        let mut child = command.spawn().map_err(start)?;
        let status = loop {
            match child.try_wait().map_err(start)? {
                Some(status) => break status,
                None => thread::sleep(POLL),
            }
            step.set_done(folder_size(scratch));
        };
        let file = scratch.join("file").join(&package.file);
        if status.success() && file.is_file() {
            return Ok(file);
        }
        let log = fs::read(&log_path).map_err(Error::file("read", &log_path))?;
        let log = String::from_utf8_lossy(&log);
        let reason = reason(&log).unwrap_or_default();
        let hint = match reason {
            NO_SPACE => DISK_FULL.to_owned(),
            _ => format!(
                "Fix the cause and run `cargo xtask setup` again, it resumes with the missing files; \
                 without a network, copy the file to `{}`",
                file_path.display()
            ),
        };
        let detail = last_error_line(&log);
        let message = format!("Failed to download {name} {version} with pip{reason}: {detail}");
        Err(Error::new(message).with_hint(hint))
    }
}

/// A wheel need not fit the Python that downloads it, so the tags in its file name are requested.
fn wheel_arguments(file: &str) -> Vec<String> {
    let tags = ["--implementation", "cp", "--python-version", "3.12"];
    let platforms = file.trim_end_matches(".whl").rsplit('-').next();
    let platforms = platforms.unwrap_or_default().split('.');
    let platforms = platforms.flat_map(|platform| ["--platform", platform]);
    let all = iter::once("--only-binary=:all:").chain(tags);
    all.chain(platforms).map(str::to_owned).collect()
}

fn sdist_arguments(command: &mut Command, package: &Package, scratch: &Path) -> Result<()> {
    let modules = scratch.join("python");
    let setuptools = modules.join("setuptools");
    fs::create_dir_all(&setuptools).map_err(Error::file("create", &setuptools))?;
    for (name, text) in [("__init__.py", ""), ("build_meta.py", NO_BUILD)] {
        let path = setuptools.join(name);
        fs::write(&path, text).map_err(Error::file("write", &path))?;
    }
    command
        .args(["--no-build-isolation", "--no-binary", &package.name])
        .env("PYTHONPATH", &modules)
        .env("RESSENTI_SDIST_NAME", &package.name)
        .env("RESSENTI_SDIST_VERSION", &package.version)
        // Older versions of pip would run setup.py; a variable, because newer ones removed the argument.
        .env("PIP_USE_PEP517", "1")
        // Prevents an installed setuptools from replacing parts of this module.
        .env("SETUPTOOLS_USE_DISTUTILS", "stdlib");
    Ok(())
}

/// The bytes below `folder`. Files that disappear meanwhile do not count.
fn folder_size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => folder_size(&entry.path()),
        found => found.map_or(0, |metadata| metadata.len()),
    });
    sizes.sum()
}

const NO_SPACE: &str = ", the disk is full";

/// Texts in pip's output and their meaning, which follows `with pip` in the message. The first match counts.
const REASONS: [(&str, &str); 9] = [
    ("No space left on device", NO_SPACE),
    ("Disk quota exceeded", NO_SPACE),
    ("DO NOT MATCH THE HASHES", OTHER_FILE),
    ("Retrying (", UNREACHABLE),
    ("Max retries exceeded", UNREACHABLE),
    ("connection broken", UNREACHABLE),
    ("ReadTimeoutError", UNREACHABLE),
    ("Connection aborted", UNREACHABLE),
    ("CERTIFICATE_VERIFY_FAILED", UNREACHABLE),
];
const UNREACHABLE: &str = ", the registry cannot be reached";
const OTHER_FILE: &str = ", the file in the registry is not the pinned one";

/// Why pip failed, if its output shows a known reason.
fn reason(log: &str) -> Option<&'static str> {
    let found = REASONS.iter().find(|(words, _)| log.contains(words));
    found.map(|(_, reason)| *reason)
}

/// The last line that names the error: the last `ERROR:` that does not start a traceback, or else the last
/// line.
pub(crate) fn last_error_line(log: &str) -> String {
    let trimmed = log.lines().rev().map(str::trim);
    let lines = || trimmed.clone().filter(|line| !line.is_empty());
    let is_error = |line: &&str| line.starts_with("ERROR:") && !line.ends_with("Exception:");
    let line = lines().find(is_error).or_else(|| lines().next());
    let line = line.unwrap_or("it printed nothing");
    line.trim_start_matches("ERROR:").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_found_in_the_output_of_pip() {
        let check = |log: &str, expected: Option<&str>, words: &str| {
            assert_eq!(
                (reason(log), last_error_line(log).as_str()),
                (expected, words)
            );
        };
        check(
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...)'\n\
             ERROR: Could not find a version that satisfies the requirement torch==2.11.0\n\
             ERROR: No matching distribution found for torch==2.11.0\n\n",
            Some(UNREACHABLE),
            "No matching distribution found for torch==2.11.0",
        );
        check(
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n",
            Some(NO_SPACE),
            "Could not install packages due to an OSError: [Errno 28] No space left on device",
        );
        check(
            "ERROR: Exception:\nTraceback (most recent call last):\n\
             OSError: [Errno 28] No space left on device\n",
            Some(NO_SPACE),
            "OSError: [Errno 28] No space left on device",
        );
        check(
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n    Got  12\n",
            Some(", the file in the registry is not the pinned one"),
            "THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
        );
        check(
            "/usr/bin/python3: No module named pip\n",
            None,
            "/usr/bin/python3: No module named pip",
        );
        check("", None, "it printed nothing");
    }

    #[test]
    fn a_wheel_is_requested_by_its_own_tags() {
        let check = |file: &str, expected: &[&str]| {
            let arguments = wheel_arguments(file);
            let platforms: Vec<&str> = arguments
                .iter()
                .zip(arguments.iter().skip(1))
                .filter(|(name, _)| *name == "--platform")
                .map(|(_, value)| value.as_str())
                .collect();
            assert_eq!(platforms, expected);
        };
        check(
            "torch-2.11.0-cp312-cp312-manylinux_2_28_x86_64.whl",
            &["manylinux_2_28_x86_64"],
        );
        check(
            "nvtx-13.0.85-py3-none-manylinux1_x86_64.manylinux_2_5_x86_64.whl",
            &["manylinux1_x86_64", "manylinux_2_5_x86_64"],
        );
    }
}
