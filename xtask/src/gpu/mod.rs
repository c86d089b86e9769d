//! `cargo xtask gpu`: packs the check for a machine with a GPU, and runs it.
//!
//! The machine with the GPU needs Python with PyTorch but no Rust: a pack contains the programs, the data and
//! the scripts of `xtask/gpu/`.

mod data;
mod half;
mod pack;
mod parts;
mod reviews;

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, Subcommand};

use crate::cargo::exec;
use crate::error::{Error, Result};

/// A task of `cargo xtask gpu`.
#[derive(Subcommand)]
pub(crate) enum GpuTask {
    /// Pack the programs, the data and the check for a machine with a GPU
    Pack(PackArguments),
    /// Run the check of a pack; without Rust: `python3 PACK/check.py --device cuda --out OUT`
    Check(CheckArguments),
}

/// Arguments of `cargo xtask gpu pack`.
#[derive(Args)]
pub(crate) struct PackArguments {
    /// `core` for sections 1 to 4 (at most 60 MiB), `imdb` for section 5 (parts of at most 56 MiB)
    #[arg(value_parser = ["core", "imdb"])]
    kind: String,
    /// The folder of the programs, including `ressenti-train-faults`
    #[arg(long, value_name = "FOLDER", default_value = "target/debug")]
    binaries: PathBuf,
    /// The folder of the pack, which is replaced [default: gpu-core or gpu-imdb]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// The reviews of an `imdb` pack: the aclImdb archive or folder
    #[arg(long, value_name = "PATH", required_if_eq("kind", "imdb"))]
    source: Option<PathBuf>,
    /// The encoder of an `imdb` pack; a `core` pack uses only its tokenizer
    #[arg(
        long,
        value_name = "FOLDER",
        default_value = "data/encoders/all-minilm-l6-v2"
    )]
    encoder: PathBuf,
}

impl PackArguments {
    fn out(&self) -> PathBuf {
        let default = || PathBuf::from(format!("gpu-{}", self.kind));
        self.out.clone().unwrap_or_else(default)
    }
}

/// Arguments of `cargo xtask gpu check`.
#[derive(Args)]
pub(crate) struct CheckArguments {
    /// The folder of the pack
    pack: PathBuf,
    /// The folder for log.txt and summary.json
    out: PathBuf,
    /// `cpu` tests the check itself with tiny sizes
    #[arg(long, value_parser = ["cuda", "cpu"], default_value = "cuda")]
    device: String,
    /// Run only these sections, for example `1,2`
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u8).range(1..=5))]
    sections: Vec<u8>,
    /// The Python program that has torch
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    python: PathBuf,
}

impl CheckArguments {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(self.pack.join("check.py"));
        command.args(["--device", &self.device, "--out"]);
        command.arg(&self.out);
        if !self.sections.is_empty() {
            let sections: Vec<String> = self.sections.iter().map(u8::to_string).collect();
            command.args(["--sections", &sections.join(",")]);
        }
        command
    }
}

/// Performs `task` in the checkout at `root`.
pub(crate) fn perform(task: &GpuTask, root: &Path) -> Result<()> {
    match task {
        GpuTask::Pack(arguments) => pack::pack(arguments, root),
        GpuTask::Check(arguments) => {
            let script = arguments.pack.join("check.py");
            if !script.is_file() {
                return Err(Error::new(format!("Failed to find `{}`", script.display()))
                    .with_hint("Make a pack with `cargo xtask gpu pack core`"));
            }
            Err(exec(arguments.command()))
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        task: GpuTask,
    }

    fn parse(line: &str) -> Option<GpuTask> {
        Line::try_parse_from(line.split(' '))
            .ok()
            .map(|line| line.task)
    }

    #[test]
    fn pack_arguments_are_checked() {
        let out = |line: &str| match parse(line) {
            Some(GpuTask::Pack(arguments)) => Some(arguments.out()),
            _ => None,
        };
        assert_eq!(out("gpu pack core"), Some("gpu-core".into()));
        assert_eq!(
            out("gpu pack imdb --source aclImdb"),
            Some("gpu-imdb".into())
        );
        assert_eq!(out("gpu pack core --out there"), Some("there".into()));
        // The reviews of IMDB are not in the repository.
        assert_eq!(out("gpu pack imdb"), None);
        assert_eq!(out("gpu pack everything"), None);
        assert_eq!(out("gpu pack"), None);
    }

    #[test]
    fn check_arguments_become_those_of_the_script() {
        let words = |line: &str| match parse(line) {
            Some(GpuTask::Check(arguments)) => {
                let command = arguments.command();
                let words: Vec<String> = [command.get_program()]
                    .into_iter()
                    .chain(command.get_args())
                    .map(|word| word.to_string_lossy().into_owned())
                    .collect();
                Some(words.join(" "))
            }
            _ => None,
        };
        assert_eq!(
            words("gpu check gpu-core out").as_deref(),
            Some("python3 gpu-core/check.py --device cuda --out out")
        );
        assert_eq!(
            words("gpu check p out --device cpu --sections 1,3 --python py").as_deref(),
            Some("py p/check.py --device cpu --out out --sections 1,3")
        );
        assert_eq!(words("gpu check p out --sections 6"), None);
        assert_eq!(words("gpu check p out --device tpu"), None);
        assert_eq!(words("gpu check p"), None);
    }

    #[test]
    fn a_folder_without_the_script_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let line = format!("gpu check {} out", folder.path().display());
        let task = parse(&line).expect("it is a command line");
        let error = perform(&task, Path::new(".")).expect_err("there is no check.py");
        assert!(error.to_string().starts_with("Failed to find"), "{error}");
    }
}
