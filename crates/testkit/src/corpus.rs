//! Sixty short reviews of twelve films, with clear wording that a tiny network can learn.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// One review of the corpus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Review {
    /// Its text.
    pub text: &'static str,
    /// 1 to 4 is negative, 7 to 10 positive, as on IMDB.
    pub rating: u8,
    /// The index of the film in [`FILMS`].
    pub film: usize,
}

impl Review {
    /// Whether the review is a positive one.
    pub fn is_positive(&self) -> bool {
        self.rating > 5
    }
}

/// The reviewed films, with identifiers like those of IMDB.
pub const FILMS: [&str; 12] = [
    "tt0000101",
    "tt0000102",
    "tt0000103",
    "tt0000104",
    "tt0000105",
    "tt0000106",
    "tt0000107",
    "tt0000108",
    "tt0000109",
    "tt0000110",
    "tt0000111",
    "tt0000112",
];

const fn review(rating: u8, film: usize, text: &'static str) -> Review {
    Review { text, rating, film }
}

/// The corpus: thirty positive and thirty negative reviews, all different.
pub const REVIEWS: [Review; 60] = [
    review(9, 0, "A wonderful film, I loved every minute of it."),
    review(2, 0, "A terrible film, I hated every minute of it."),
    review(10, 1, "Brilliant acting and a great story. Superb!"),
    review(1, 1, "Awful acting and a stupid story. Horrible!"),
    review(
        8,
        2,
        "I enjoyed this movie a lot, it is charming and funny.",
    ),
    review(3, 2, "I disliked this movie a lot, it is boring and dull."),
    review(
        9,
        3,
        "Great fun from start to end.<br /><br />A beautiful, moving film.",
    ),
    review(
        2,
        3,
        "No fun from start to end.<br /><br />An ugly, tedious film.",
    ),
    review(
        8,
        4,
        "The best performance of her career, simply excellent.",
    ),
    review(
        1,
        4,
        "The worst performance of her career, simply dreadful.",
    ),
    review(
        10,
        5,
        "\"Perfect\" is the word: perfect cast, perfect music.",
    ),
    review(
        1,
        5,
        "\"Painful\" is the word: painful cast, painful music.",
    ),
    review(7, 6, "Warm &amp; witty, a lovely surprise."),
    review(4, 6, "Cold &amp; clumsy, a poor disappointment."),
    review(9, 7, "What a masterpiece, the direction is wonderful."),
    review(2, 7, "What a mess, the direction is terrible."),
    review(
        8,
        8,
        "A delightful comedy with great jokes; I laughed and laughed.",
    ),
    review(3, 8, "A lame comedy with bad jokes; I yawned and yawned."),
    review(10, 9, "Stunning pictures, excellent sound, I loved it."),
    review(1, 9, "Ugly pictures, horrible sound, I hated it."),
    review(9, 10, "Gripping and clever, the best thriller of the year."),
    review(2, 10, "Slow and stupid, the worst thriller of the year."),
    review(8, 11, "Beautiful, touching and honest. I recommend it."),
    review(3, 11, "Fake, shallow and dull. I regret watching it."),
    review(9, 0, "The actors are superb and the ending is perfect."),
    review(1, 0, "The actors are awful and the ending is pathetic."),
    review(7, 1, "A good, solid movie that I enjoyed."),
    review(4, 1, "A bad, weak movie that I disliked."),
    review(
        10,
        2,
        "I love this film, it is an excellent, brilliant work.",
    ),
    review(1, 2, "I hate this film, it is a dreadful, worthless work."),
    review(8, 3, "Charming characters and a lovely, funny script."),
    review(2, 3, "Boring characters and a poor, stupid script."),
    review(
        9,
        4,
        "Wonderful! I would watch it again with great pleasure.",
    ),
    review(
        1,
        4,
        "Terrible! I would never watch it again, a waste of time.",
    ),
    review(8, 5, "An excellent adventure, great for the whole family."),
    review(2, 5, "A dreadful adventure, bad for the whole family."),
    review(
        10,
        6,
        "Simply beautiful. The music is superb, the story moving.",
    ),
    review(1, 6, "Simply ugly. The music is awful, the story tedious."),
    review(7, 7, "Good acting, good pace, good fun."),
    review(3, 7, "Bad acting, bad pace, no fun."),
    review(9, 8, "One of the best films I know, brilliant and warm."),
    review(1, 8, "One of the worst films I know, stupid and cold."),
    review(8, 9, "I was delighted by this lovely little gem."),
    review(2, 9, "I was annoyed by this horrible little mess."),
    review(9, 10, "A great cast in a wonderful, gripping drama."),
    review(2, 10, "A weak cast in a terrible, boring drama."),
    review(
        10,
        11,
        "Perfect in every way, I loved it from the first scene.",
    ),
    review(
        1,
        11,
        "Painful in every way, I hated it from the first scene.",
    ),
    review(8, 0, "Funny, clever and charming: excellent entertainment."),
    review(3, 0, "Lame, shallow and tedious: poor entertainment."),
    review(7, 1, "I liked it, a good and honest film."),
    review(4, 1, "I disliked it, a bad and fake film."),
    review(9, 2, "Superb direction, stunning scenes, a great success."),
    review(2, 2, "Clumsy direction, ugly scenes, an awful failure."),
    review(8, 3, "A moving story, beautiful and well told."),
    review(2, 3, "A stupid story, tedious and badly told."),
    review(10, 4, "Brilliant, brilliant, brilliant. See it!"),
    review(1, 4, "Pathetic, pathetic, pathetic. Avoid it!"),
    review(9, 5, "It made me happy, a delightful and perfect evening."),
    review(1, 5, "It made me angry, a painful and wasted evening."),
];

/// Reviews without a label, as in the `unsup` folder of aclImdb.
pub const UNLABELLED: [&str; 3] = [
    "The film runs for ninety minutes.",
    "I saw it on a Tuesday.",
    "There are several actors in it.",
];

/// The corpus as the Kaggle file `IMDB Dataset.csv`: `review,sentiment`.
pub fn kaggle_csv() -> String {
    let mut csv = String::from("review,sentiment\n");
    for review in REVIEWS {
        let sentiment = if review.is_positive() {
            "positive"
        } else {
            "negative"
        };
        let quoted = review.text.replace('"', "\"\"");
        writeln!(csv, "\"{quoted}\",{sentiment}").expect("writing to a string cannot fail");
    }
    csv
}

/// Writes the corpus in the layout of the unpacked aclImdb archive. Reviews of the first six films are for
/// training, the others for testing. Returns the `aclImdb` folder.
///
/// # Errors
/// A file cannot be written.
pub fn write_aclimdb(parent: &Path) -> io::Result<PathBuf> {
    let root = parent.join("aclImdb");
    for split in ["train", "test"] {
        for (label, positive) in [("pos", true), ("neg", false)] {
            let folder = root.join(split).join(label);
            fs::create_dir_all(&folder)?;
            let side = |review: &&Review| (review.film < 6) == (split == "train");
            let reviews = REVIEWS
                .iter()
                .filter(side)
                .filter(|review| review.is_positive() == positive);
            let mut urls = String::new();
            for (id, review) in reviews.enumerate() {
                fs::write(
                    folder.join(format!("{id}_{}.txt", review.rating)),
                    review.text,
                )?;
                writeln!(
                    urls,
                    "http://www.imdb.com/title/{}/usercomments",
                    FILMS[review.film]
                )
                .expect("writing to a string cannot fail");
            }
            fs::write(root.join(split).join(format!("urls_{label}.txt")), urls)?;
        }
    }
    write_unlabelled(&root.join("train"))?;
    fs::write(root.join("README"), "Sixty short reviews for tests\n")?;
    Ok(root)
}

fn write_unlabelled(train: &Path) -> io::Result<()> {
    fs::create_dir_all(train.join("unsup"))?;
    let mut urls = String::new();
    for (id, text) in UNLABELLED.iter().enumerate() {
        fs::write(train.join("unsup").join(format!("{id}_0.txt")), text)?;
        writeln!(urls, "http://www.imdb.com/title/{}/usercomments", FILMS[id])
            .expect("writing to a string cannot fail");
    }
    fs::write(train.join("urls_unsup.txt"), urls)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_corpus_has_sixty_different_reviews() {
        let texts: BTreeSet<&str> = REVIEWS.iter().map(|review| review.text).collect();
        assert_eq!(texts.len(), REVIEWS.len(), "all texts are different");
        assert_eq!(
            REVIEWS.iter().filter(|review| review.is_positive()).count(),
            30
        );
        assert!(
            REVIEWS
                .iter()
                .all(|review| matches!(review.rating, 1..=4 | 7..=10) && review.film < FILMS.len())
        );
        assert_eq!(kaggle_csv().lines().count(), 61);
    }

    #[test]
    fn the_folder_has_every_review_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = write_aclimdb(folder.path()).expect("written");
        let count = |path: &str| fs::read_dir(root.join(path)).expect("a folder").count();
        let counts = [
            "train/pos",
            "train/neg",
            "test/pos",
            "test/neg",
            "train/unsup",
        ]
        .map(count);
        assert_eq!(counts[..4].iter().sum::<usize>(), REVIEWS.len());
        assert_eq!(counts[4], UNLABELLED.len());
        let urls = fs::read_to_string(root.join("train/urls_pos.txt")).expect("a file");
        assert_eq!(urls.lines().count(), counts[0]);
    }
}
