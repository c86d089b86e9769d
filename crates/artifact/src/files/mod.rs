//! The JSON files and tables that one stage writes and another one reads, each declared once.

mod explanations;
mod predictions;
pub mod profile;
mod range_test;
mod rung;
mod speed;

use std::fs;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{ArtifactError, Failure};

pub use explanations::Explanation;
pub use predictions::{
    CROSS_FITTED, Prediction, prediction_rows, read_predictions, write_predictions,
};
pub use range_test::{RangeTest, RangeTestStep};
pub use rung::Rung;
pub use speed::Speed;

/// Writes plain data as indented JSON.
///
/// # Errors
/// The file cannot be written.
pub fn write_json(path: &Path, data: &impl Serialize) -> Result<(), ArtifactError> {
    let text = serde_json::to_string_pretty(data).expect("plain data");
    fs::write(path, text + "\n").map_err(ArtifactError::io("write", path))
}

/// Reads a file of JSON. Of one that holds something else `problem` is said, as the rest of a sentence that begins
/// with its name, and what to do about it.
///
/// # Errors
/// The file cannot be read, or holds something else.
pub fn read_json<T: DeserializeOwned>(
    path: &Path,
    problem: &str,
    hint: Option<&str>,
) -> Result<T, Failure> {
    let text = fs::read(path).map_err(ArtifactError::io("read", path))?;
    serde_json::from_slice(&text).map_err(|error| {
        Failure::new(format!("`{}` {problem}", path.display()))
            .with_cause(error)
            .with_hint(hint.map(str::to_owned))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_reads_back_and_damaged_files_are_named() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("numbers.json");
        let read = || read_json::<[u8; 2]>(&path, "has no numbers", None);
        let missing = read().expect_err("it is not there");
        assert!(
            missing.to_string().starts_with("Could not read"),
            "{missing}"
        );
        write_json(&path, &[1, 2]).expect("the disk has room");
        assert_eq!(read().expect("it was just written"), [1, 2]);
        for text in ["", "{}", "[1]", "[-1, 2]"] {
            fs::write(&path, text).expect("the disk has room");
            let chain = read().expect_err("it is damaged").chain();
            assert!(
                chain[0].ends_with("numbers.json` has no numbers"),
                "{chain:?}"
            );
            assert_eq!(chain.len(), 2, "{chain:?}");
        }
    }
}
