//! Makes a pack: runs the pipeline up to the steps that need a GPU, strips the programs, and writes an archive
//! in parts together with the scripts of the check.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::PackArguments;
use super::data::{REVIEWS, SENTENCES, long, short};
use super::half::convert_file;
use super::parts::{LIST_FILE, MAX_CORE_BYTES, MAX_PART_BYTES, PackList, write_parts};
use super::reviews::pack_labelled_reviews;
use crate::cache::remove_folder;
use crate::cargo::run_command;
use crate::error::{Error, Result};
use crate::progress::print_status;

/// The scripts of the check, in every pack.
const SCRIPTS: [&str; 6] = [
    "baseline.py",
    "check.py",
    "encoders.py",
    "harness.py",
    "speed.py",
    "training.py",
];
/// The programs of a `core` pack. The last one injects faults.
const CORE_PROGRAMS: [&str; 6] = [
    "ressenti",
    "ressenti-embed",
    "ressenti-train",
    "ressenti-evaluate",
    "ressenti-networks",
    "ressenti-train-faults",
];
/// The programs of an `imdb` pack.
const IMDB_PROGRAMS: [&str; 2] = ["ressenti-train", "ressenti-evaluate"];

/// Hints about missing programs.
const BUILD_ALL: &str =
    "Build it with `cargo build --workspace`, or name its folder with `--binaries FOLDER`";
const BUILD_FAULTS: &str = "Build it with `cargo build --package ressenti-train --features faults --bin ressenti-train-faults`";

/// Folders that the content of a pack comes from.
struct Sources {
    scripts: PathBuf,
    binaries: PathBuf,
    encoder: PathBuf,
}

/// Makes the requested pack.
pub(crate) fn pack(arguments: &PackArguments, root: &Path) -> Result<()> {
    let sources = Sources {
        scripts: root.join("xtask/gpu"),
        binaries: root.join(&arguments.binaries),
        encoder: root.join(&arguments.encoder),
    };
    let out = root.join(arguments.out());
    let kind = arguments.kind.as_str();
    let programs: &[&str] = match kind {
        "core" => &CORE_PROGRAMS,
        _ => &IMDB_PROGRAMS,
    };
    for program in programs {
        let path = sources.binaries.join(program);
        if !path.is_file() {
            let is_fault = *program == "ressenti-train-faults";
            let hint = if is_fault { BUILD_FAULTS } else { BUILD_ALL };
            let message = format!("Failed to find the program `{}`", path.display());
            return Err(Error::new(message).with_hint(hint));
        }
    }
    let content = tempfile::tempdir().map_err(Error::file("create", &std::env::temp_dir()))?;
    let sentences = root.join("data/movie_review_sentences.tsv");
    match (kind, &arguments.source) {
        ("imdb", Some(reviews)) => imdb_content(&sources, &root.join(reviews), content.path())?,
        _ => core_content(&sources, &sentences, content.path())?,
    }
    strip(&sources.binaries, programs, &content.path().join("bin"))?;
    let list = write(kind, commit(root), content.path(), &sources.scripts, &out)?;
    if kind == "core" {
        list.check_size(MAX_CORE_BYTES)?;
    }
    for file in &list.files {
        print_status(&file.name, format_args!("{} bytes", file.bytes));
    }
    let size = list.bytes() as f64 / f64::from(1 << 20);
    print_status("pack", format_args!("{size:.1} MiB in `{}`", out.display()));
    Ok(())
}

/// Writes two pipelines with their tokens and random embeddings. The encoders are generated on the machine with
/// the GPU; only their tokenizer is packed.
fn core_content(sources: &Sources, sentences: &Path, content: &Path) -> Result<()> {
    let table = fs::read_to_string(sentences).map_err(Error::file("read", sentences))?;
    for encoder in ["minilm", "mpnet"] {
        let folder = content.join("encoders").join(encoder);
        let config = sources.scripts.join(format!("{encoder}.json"));
        let tokenizer = sources.encoder.join("tokenizer.json");
        copy(&tokenizer, &folder.join("tokenizer.json"))?;
        copy(&config, &folder.join("config.json"))?;
    }
    let (short, long) = (short(&table, SENTENCES), long(&table, REVIEWS));
    for (name, reviews) in [("short", short), ("long", long)] {
        let folder = content.join(name);
        let pipeline = folder.join("pipeline.toml");
        copy(&sources.scripts.join(format!("{name}.toml")), &pipeline)?;
        let path = folder.join("reviews.tsv");
        fs::write(&path, reviews).map_err(Error::file("write", &path))?;
        run_all(sources, &pipeline, &["words", "pieces"], "random")?;
    }
    Ok(())
}

/// Writes the labelled reviews, their tokens, and the encoder in f16. The reviews are included because the
/// programs verify the inputs of the tokens.
fn imdb_content(sources: &Sources, reviews: &Path, content: &Path) -> Result<()> {
    let folder = content.join("imdb");
    let encoder = folder.join("encoder");
    for name in ["config.json", "tokenizer.json"] {
        copy(&sources.encoder.join(name), &encoder.join(name))?;
    }
    let weights = "model.safetensors";
    convert_file(&sources.encoder.join(weights), &encoder.join(weights))?;
    let pipeline = folder.join("pipeline.toml");
    copy(&sources.scripts.join("imdb.toml"), &pipeline)?;
    let count = pack_labelled_reviews(reviews, &folder.join("reviews.tar.gz"))
        .map_err(Error::file("read", reviews))?;
    print_status("reviews", format_args!("{count} with a label"));
    run_all(sources, &pipeline, &["own"], "encoder")?;
    // Training and evaluation read the tokens, the encoder and the cleaned texts. Of the ingest output they
    // read only the manifest.
    let store = folder.join("artifacts/store/ingest");
    remove_other_files(&store, "manifest.json")?;
    // The artifact contains the same weights, so a link replaces the second copy.
    let path = encoder.join(weights);
    fs::remove_file(&path).map_err(Error::file("remove", &path))?;
    let artifact = Path::new("../artifacts/embed/encoder").join(weights);
    std::os::unix::fs::symlink(&artifact, &path).map_err(Error::file("link", &path))?;
    fs::metadata(&path).map_err(Error::file("read", &path))?;
    remove_folder(&folder.join("artifacts/work"))
}

/// Runs the stages up to an embedding by their own programs. The orchestrator would require the encoders, which
/// do not exist yet.
fn run_all(sources: &Sources, pipeline: &Path, tokenizers: &[&str], embedding: &str) -> Result<()> {
    let tokenizers = tokenizers.iter().map(|name| ("tokenize", *name));
    let before = [("ingest", ""), ("clean", "")].into_iter();
    for (stage, variant) in before.chain(tokenizers).chain([("embed", embedding)]) {
        let mut command = Command::new(sources.binaries.join(format!("ressenti-{stage}")));
        command.args(["--progress", "none", "--pipeline"]);
        command.arg(pipeline);
        if !variant.is_empty() {
            command.args(["--variant", variant]);
        }
        run_to_end(command)?;
    }
    Ok(())
}

/// Runs a command, which must succeed.
fn run_to_end(command: Command) -> Result<()> {
    run_command(command).map_err(|error| error.with_exit(None))
}

/// Copies the programs without debug information.
fn strip(binaries: &Path, programs: &[&str], to: &Path) -> Result<()> {
    create(to)?;
    for program in programs {
        let mut command = Command::new("strip");
        command.arg("-o");
        command.args([to.join(program), binaries.join(program)]);
        run_to_end(command)?;
    }
    Ok(())
}

/// Writes the folder of the pack: the archive of the folder `from` in parts, the scripts, and the list of files.
fn write(kind: &str, commit: String, from: &Path, scripts: &Path, out: &Path) -> Result<PackList> {
    if out.exists() {
        // Only a pack or an empty folder is replaced.
        let mut there = fs::read_dir(out).map_err(Error::file("read", out))?;
        if there.next().is_some() && !out.join(LIST_FILE).is_file() {
            let path = out.display();
            let message = format!("`{path}` holds other files than a pack's, and is not replaced");
            return Err(Error::new(message).with_hint("Name another folder with `--out FOLDER`"));
        }
        remove_folder(out)?;
    }
    create(out)?;
    let parts = archive(from, out).map_err(Error::file("write", out))?;
    for script in SCRIPTS {
        copy(&scripts.join(script), &out.join(script))?;
    }
    let list = PackList::new(out, kind, commit, parts)?;
    list.write(out)?;
    Ok(list)
}

fn archive(content: &Path, out: &Path) -> io::Result<Vec<String>> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::best()));
    archive.follow_symlinks(false);
    archive.mode(tar::HeaderMode::Deterministic);
    archive.append_dir_all(".", content)?;
    write_parts(&archive.into_inner()?.finish()?, MAX_PART_BYTES, out)
}

/// The commit of the checkout, or `unknown`.
fn commit(root: &Path) -> String {
    let mut command = Command::new("git");
    command.args(["describe", "--always", "--dirty", "--abbrev=12"]);
    let output = command.current_dir(root).output();
    let output = output.ok().filter(|output| output.status.success());
    let output = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    output.unwrap_or_else(|| "unknown".to_owned())
}

fn create(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(Error::file("create", folder))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    create(to.parent().unwrap_or(to))?;
    fs::copy(from, to).map_err(Error::file("copy", from))?;
    Ok(())
}

/// Removes all files below a folder that have another name.
fn remove_other_files(folder: &Path, kept: &str) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(Error::file("read", folder))? {
        let path = entry.map_err(Error::file("read", folder))?.path();
        if path.is_dir() && !path.is_symlink() {
            remove_other_files(&path, kept)?;
        } else if !path.ends_with(kept) {
            fs::remove_file(&path).map_err(Error::file("remove", &path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn scripts() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("gpu")
    }

    fn content() -> tempfile::TempDir {
        let content = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(content.path().join("bin")).expect("it takes folders");
        fs::write(content.path().join("bin/ressenti"), b"a program").expect("it takes files");
        std::os::unix::fs::symlink("bin/ressenti", content.path().join("link"))
            .expect("it takes links");
        content
    }

    #[test]
    fn a_pack_lists_its_files_and_no_others() {
        let (content, place) = (content(), tempfile::tempdir().expect("a temporary folder"));
        let out = place.path().join("pack");
        let list = write("core", "0".to_owned(), content.path(), &scripts(), &out);
        let list = list.expect("it is written");
        for part in &list.parts {
            assert!(list.files.iter().any(|file| file.name == *part), "{part}");
        }
        for file in &list.files {
            let bytes = fs::read(out.join(&file.name)).expect("a listed file is there");
            assert_eq!(bytes.len() as u64, file.bytes, "{}", file.name);
        }
        let there = fs::read_dir(&out).expect("a folder").count();
        assert_eq!(there, list.files.len() + 1, "all but pack.json are listed");
        assert_eq!(there, SCRIPTS.len() + list.parts.len() + 1);

        // The archive contains the packed files; links stay links.
        let bytes: Vec<u8> = list
            .parts
            .iter()
            .flat_map(|part| fs::read(out.join(part)).expect("a part"))
            .collect();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&bytes[..]));
        let mut found = Vec::new();
        for entry in archive.entries().expect("an archive") {
            let mut entry = entry.expect("a whole entry");
            let path = entry.path().expect("a path").into_owned();
            let mut text = String::new();
            entry.read_to_string(&mut text).expect("a text");
            if let Some(target) = entry.link_name().expect("a link or none") {
                text = format!("-> {}", target.display());
            }
            if !text.is_empty() {
                found.push((path.to_string_lossy().into_owned(), text));
            }
        }
        found.sort();
        let expected = [("bin/ressenti", "a program"), ("link", "-> bin/ressenti")];
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(path, text)| (path.trim_start_matches("./"), text.as_str()))
            .collect();
        assert_eq!(found, expected);

        // A pack is replaced, but a folder with other files is not.
        write("core", "1".to_owned(), content.path(), &scripts(), &out).expect("again");
        fs::remove_file(out.join(LIST_FILE)).expect("it was written");
        let error = write("core", "1".to_owned(), content.path(), &scripts(), &out);
        let error = error.expect_err("it lost its list");
        assert!(error.to_string().contains("is not replaced"), "{error}");
        assert!(out.join("check.py").is_file());
    }

    #[test]
    fn every_module_that_a_script_imports_is_packed() {
        let folder = scripts();
        let own: Vec<String> = fs::read_dir(&folder)
            .expect("the scripts' folder")
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.ends_with(".py") && !name.starts_with("test_"))
            .collect();
        for name in &own {
            assert!(SCRIPTS.contains(&name.as_str()), "{name} is not packed");
        }
        for script in SCRIPTS {
            let text = fs::read_to_string(folder.join(script)).expect("a packed script is there");
            for line in text.lines().filter(|line| line.starts_with("from ")) {
                let module = line.split(' ').nth(1).expect("a module's name");
                let file = format!("{module}.py");
                if folder.join(&file).is_file() {
                    assert!(
                        SCRIPTS.contains(&file.as_str()),
                        "{script} imports {module}"
                    );
                }
            }
        }
        for file in [
            "short.toml",
            "long.toml",
            "imdb.toml",
            "minilm.json",
            "mpnet.json",
        ] {
            assert!(folder.join(file).is_file(), "{file}");
        }
    }

    #[test]
    fn the_scripts_compile_and_pass_their_own_tests() {
        let folder = scripts();
        let python = |arguments: &[&str]| {
            let output = Command::new("python3")
                .args(arguments)
                .current_dir(&folder)
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .output()
                .expect("xtask needs Python 3");
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{arguments:?}\n{text}");
            text
        };
        for script in SCRIPTS {
            let compile = format!("compile(open('{script}').read(), '{script}', 'exec')");
            python(&["-c", &compile]);
        }
        let output = python(&["-m", "unittest", "test_check"]);
        assert!(output.contains("OK"), "{output}");
    }

    #[test]
    fn a_missing_program_is_named_with_its_build_command() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let arguments = PackArguments {
            kind: "core".to_owned(),
            binaries: folder.path().to_owned(),
            out: Some(folder.path().join("pack")),
            source: None,
            encoder: folder.path().to_owned(),
        };
        for program in &CORE_PROGRAMS[..5] {
            fs::write(folder.path().join(program), b"").expect("it takes files");
        }
        let error = pack(&arguments, folder.path()).expect_err("one program is missing");
        let hint = error.hint().expect("it can be built");
        assert!(hint.contains("--features faults"), "{hint}");
    }

    #[test]
    fn only_the_named_files_are_removed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let deep = folder.path().join("a/b");
        fs::create_dir_all(&deep).expect("it takes folders");
        for name in ["manifest.json", "reviews.parquet"] {
            fs::write(deep.join(name), b"").expect("it takes files");
        }
        remove_other_files(folder.path(), "manifest.json").expect("it is ours");
        assert!(deep.join("manifest.json").is_file());
        assert!(!deep.join("reviews.parquet").exists());
    }
}
