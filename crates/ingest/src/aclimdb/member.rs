//! Classifies the files of the data set by their paths.

use std::path::{Component, Path};

use artifact::{Sentiment, Split};

/// A folder of reviews.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    TrainNegative,
    TrainPositive,
    Unlabelled,
    TestNegative,
    TestPositive,
}

/// All parts in the order of the rows, with the folder of the split and the folder of the class.
pub(super) const PARTS: [(Part, &str, &str); 5] = [
    (Part::TrainNegative, "train", "neg"),
    (Part::TrainPositive, "train", "pos"),
    (Part::Unlabelled, "train", "unsup"),
    (Part::TestNegative, "test", "neg"),
    (Part::TestPositive, "test", "pos"),
];

impl Part {
    fn of(split: &str, class: &str) -> Option<Self> {
        let mut parts = PARTS.into_iter();
        let found = parts.find(|part| (part.1, part.2) == (split, class));
        found.map(|(part, ..)| part)
    }

    pub(super) fn label(self) -> Option<Sentiment> {
        match self {
            Self::TrainNegative | Self::TestNegative => Some(Sentiment::Negative),
            Self::TrainPositive | Self::TestPositive => Some(Sentiment::Positive),
            Self::Unlabelled => None,
        }
    }

    pub(super) fn split(self) -> Option<Split> {
        match self {
            Self::TrainNegative | Self::TrainPositive => Some(Split::Train),
            Self::TestNegative | Self::TestPositive => Some(Split::Test),
            Self::Unlabelled => None,
        }
    }
}

/// The path of a review. The order is the order of the rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ReviewName {
    pub(super) part: Part,
    /// Line of its film in `urls_*.txt`, counted from 0.
    pub(super) id: u64,
    /// Rating from 1 to 10; 0 if there is none.
    pub(super) rating: u8,
    /// The file name; `7_9.txt` and `07_9.txt` are different files.
    pub(super) file: Box<str>,
}

impl ReviewName {
    /// The path within the data set.
    pub(super) fn source(&self) -> String {
        let (_, split, class) = PARTS[self.part as usize];
        format!("{split}/{class}/{}", self.file)
    }
}

/// A kind of file in the data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Member {
    Review(ReviewName),
    /// `urls_<class>.txt` of a part.
    Films(Part),
    /// A file in a folder of reviews without a valid name.
    Misnamed,
    /// Any other file, for example the README or word counts.
    Other,
}

/// Classifies a file by its path.
///
/// # Errors
/// The path is absolute or leads out of the data set.
pub(super) fn classify(path: &Path) -> Result<Member, &'static str> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name.to_str().unwrap_or_default()),
            Component::CurDir => {}
            _ => return Err("the path leads out of the archive"),
        }
    }
    if let [.., split, class, file] = names.as_slice()
        && let Some(part) = Part::of(split, class)
        // macOS adds such files to archives.
        && !(file.starts_with("._") || *file == ".DS_Store")
    {
        return Ok(review_name(part, file).map_or(Member::Misnamed, Member::Review));
    }
    Ok(match names.as_slice() {
        [.., split, file] => film_list(split, file).map_or(Member::Other, Member::Films),
        _ => Member::Other,
    })
}

fn film_list(split: &str, file: &str) -> Option<Part> {
    Part::of(split, file.strip_prefix("urls_")?.strip_suffix(".txt")?)
}

/// Parses `<id>_<rating>.txt`.
fn review_name(part: Part, file: &str) -> Option<ReviewName> {
    let (id, rating) = file.strip_suffix(".txt")?.split_once('_')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(id) || !digits(rating) {
        return None;
    }
    let rating = rating.parse().ok().filter(|rating| *rating <= 10)?;
    Some(ReviewName {
        part,
        id: id.parse().ok()?,
        rating,
        file: file.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_classified() {
        let check = |path: &str, expected: &str| {
            let found = match classify(Path::new(path)) {
                Ok(Member::Review(name)) => format!("{:?} {} {}", name.part, name.id, name.rating),
                Ok(other) => format!("{other:?}"),
                Err(reason) => reason.to_string(),
            };
            assert_eq!(found, expected, "{path}");
        };
        check("aclImdb/train/pos/0_9.txt", "TrainPositive 0 9");
        check("train/neg/12499_1.txt", "TrainNegative 12499 1");
        check("./aclImdb/test/neg/7_2.txt", "TestNegative 7 2");
        check("a/b/c/test/pos/007_10.txt", "TestPositive 7 10");
        check("aclImdb/train/unsup/49999_0.txt", "Unlabelled 49999 0");
        check("aclImdb/train/urls_pos.txt", "Films(TrainPositive)");
        check("aclImdb/train/urls_unsup.txt", "Films(Unlabelled)");
        check("aclImdb/test/urls_unsup.txt", "Other");
        check("aclImdb/README", "Other");
        check("aclImdb/imdb.vocab", "Other");
        check("aclImdb/train/labeledBow.feat", "Other");
        check("aclImdb/test/unsup/0_0.txt", "Other");
        check("aclImdb/train/pos/._0_9.txt", "Other");
        check("aclImdb/train/pos/0_11.txt", "Misnamed");
        check("aclImdb/train/pos/0_9.html", "Misnamed");
        check("aclImdb/train/pos/+1_9.txt", "Misnamed");
        check(
            "aclImdb/train/pos/99999999999999999999999_9.txt",
            "Misnamed",
        );
        check("aclImdb/train/pos/0.txt", "Misnamed");
        check("/train/pos/0_9.txt", "the path leads out of the archive");
        check(
            "aclImdb/../../train/pos/0_9.txt",
            "the path leads out of the archive",
        );
    }
}
