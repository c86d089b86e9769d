//! Tests of the binary: its output, and equal bytes from every process.

#![allow(missing_docs, reason = "tests")]

#[path = "../../tokenize/tests/common/mod.rs"]
mod common;

use std::fs;
use std::process::Command;

use common::{load, put_clean, reviews, run, write_pipeline};
use tokenize::Tokenize;

const TABLES: &str = r#"
[tokenizer.words]
kind = "word"
[embedding.static]
kind = "static"
tokenizer = "words"
source = "vectors.txt"
[embedding.random]
kind = "random"
tokenizer = "words"
width = 8
"#;

#[test]
fn it_prints_the_coverage_and_writes_the_same_bytes_again() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(
        folder.path().join("vectors.txt"),
        "the 1 2\nfilm 3 4\ngood 5 6\n",
    )
    .expect("the folder is ours");
    let file = write_pipeline(folder.path(), TABLES);
    let pipeline = load(&file);
    put_clean(&pipeline, &reviews());
    run::<Tokenize>(&pipeline, "words").expect("it works");
    for (variant, end) in [
        ("static", "of the training tokens found"),
        ("random", "vectors of 8, random"),
    ] {
        let matrix = folder
            .path()
            .join("artifacts/embed")
            .join(variant)
            .join("embedding.arrow");
        let run = |threads: &str| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_ressenti-embed"));
            command.arg("--pipeline").arg(&file).args([
                "--variant",
                variant,
                "--force",
                "--set",
                threads,
            ]);
            let output = command.output().expect("the binary starts");
            let printed = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            assert!(
                printed.starts_with(&format!("done    embed     {variant}"))
                    && printed.contains(end),
                "{printed}"
            );
            fs::read(&matrix).expect("it was written")
        };
        assert!(run("run.threads=1") == run("run.threads=2"), "{variant}");
    }
}
