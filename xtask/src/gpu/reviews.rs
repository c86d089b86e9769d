//! Packs the labelled reviews of aclImdb into their own archive. The other half of the original has no labels
//! and is not needed.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// The folders of the labelled reviews.
const LABELLED: [&str; 4] = ["train/pos", "train/neg", "test/pos", "test/neg"];
/// Lists of the reviewed films: reviews of one film stay in one split.
const FILMS: [&str; 4] = [
    "train/urls_pos.txt",
    "train/urls_neg.txt",
    "test/urls_pos.txt",
    "test/urls_neg.txt",
];

/// Writes the labelled reviews of `source` to the archive `to`, and returns their number.
pub(crate) fn pack_labelled_reviews(source: &Path, to: &Path) -> io::Result<usize> {
    let encoder = GzEncoder::new(File::create(to)?, Compression::best());
    let mut archive = tar::Builder::new(encoder);
    let mut count = 0;
    let mut append = |path: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        count += usize::from(!FILMS.contains(&path));
        archive.append_data(&mut header, format!("aclImdb/{path}"), bytes)
    };
    if source.is_dir() {
        for films in FILMS {
            append(films, &fs::read(source.join(films))?)?;
        }
        for folder in LABELLED {
            let entries = fs::read_dir(source.join(folder))?;
            let paths = entries.map(|entry| Ok(entry?.path()));
            let mut paths: Vec<_> = paths.collect::<io::Result<_>>()?;
            paths.sort();
            for path in paths {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                append(&format!("{folder}/{name}"), &fs::read(&path)?)?;
            }
        }
    } else {
        let mut original = tar::Archive::new(GzDecoder::new(File::open(source)?));
        let mut bytes = Vec::new();
        for entry in original.entries()? {
            let mut entry = entry?;
            let path = entry.path()?.to_string_lossy().into_owned();
            if let Some(path) = labelled_path(&path)
                && entry.header().entry_type().is_file()
            {
                bytes.clear();
                entry.read_to_end(&mut bytes)?;
                append(path, &bytes)?;
            }
        }
    }
    archive.into_inner()?.finish()?.sync_all()?;
    Ok(count)
}

/// `train/pos/0_9.txt` for `aclImdb/train/pos/0_9.txt`; `None` for a path that is neither a labelled review nor
/// a list of films.
fn labelled_path(path: &str) -> Option<&str> {
    let (_, path) = path.trim_start_matches("./").split_once('/')?;
    let (folder, name) = path.rsplit_once('/')?;
    let is_review = LABELLED.contains(&folder) && name.ends_with(".txt");
    (is_review || FILMS.contains(&path)).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_labelled_reviews_are_packed() {
        let check = |path, expected| assert_eq!(labelled_path(path), expected, "{path}");
        check("aclImdb/train/pos/0_9.txt", Some("train/pos/0_9.txt"));
        check("./aclImdb/test/neg/1_2.txt", Some("test/neg/1_2.txt"));
        check("aclImdb/train/urls_pos.txt", Some("train/urls_pos.txt"));
        check("aclImdb/train/urls_unsup.txt", None);
        check("aclImdb/train/unsup/0_0.txt", None);
        check("aclImdb/train/labeledBow.feat", None);
        check("aclImdb/train/pos/", None);
        check("README", None);
    }

    #[test]
    fn a_folder_and_its_archive_give_the_same_reviews() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let source = folder.path().join("aclImdb");
        for folder in LABELLED.into_iter().chain(["train/unsup"]) {
            fs::create_dir_all(source.join(folder)).expect("it takes folders");
            fs::write(source.join(folder).join("0_1.txt"), folder).expect("it takes files");
        }
        for films in FILMS {
            fs::write(source.join(films), "http://example.org/").expect("it takes files");
        }
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        assert_eq!(pack_labelled_reviews(&source, &first).expect("a folder"), 4);
        assert_eq!(
            pack_labelled_reviews(&first, &second).expect("an archive"),
            4
        );
        assert_eq!(
            fs::read(first).expect("it was written"),
            fs::read(second).expect("it was written")
        );
    }
}
