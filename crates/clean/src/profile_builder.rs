//! Builds the data profile from the decisions about all rows.

use std::io;

use artifact::files::{LanguageCounts, UNKNOWN_LANGUAGE};
use artifact::{Sentiment, Split};
use settings::CleanSettings;
use text::language::Language;

use crate::duplicates::{Audit, Reason};
use crate::input::Reviews;
use crate::near::Link;
use crate::profile::{self, *};
use crate::row::Row;
use crate::split::SplitMethod;

/// Number of example reviews per class.
const EXAMPLES: usize = 3;

/// Maximum number of near-duplicate pairs in the profile.
const NEAR_EXAMPLES: usize = 8;

/// Number of text chunks whose words are counted together, in parallel.
const CHUNKS_PER_COUNT: usize = 32;

/// Maximum number of characters of an example.
const EXCERPT: usize = 300;

/// The decisions about all rows of the input.
pub(crate) struct Decisions<'a> {
    pub(crate) reviews: &'a Reviews,
    pub(crate) audit: &'a Audit,
    /// Pairs of near-duplicates, if the settings ask for them.
    pub(crate) near: Option<&'a [Link]>,
    /// `None` for removed rows.
    pub(crate) row_splits: &'a [Option<Split>],
    pub(crate) method: SplitMethod,
}

impl Decisions<'_> {
    /// Positions of the kept rows of a split.
    fn positions(&self, split: Split) -> impl Iterator<Item = usize> {
        (0..self.reviews.rows.len())
            .filter(move |position| self.row_splits[*position] == Some(split))
    }

    /// Number of kept rows.
    pub(crate) fn kept(&self) -> u64 {
        self.row_splits.iter().flatten().count() as u64
    }

    /// Number of kept rows of a split.
    pub(crate) fn count(&self, split: Split) -> u64 {
        self.positions(split).count() as u64
    }

    /// Number of kept rows of a split and class.
    pub(crate) fn count_class(&self, split: Split, class: Sentiment) -> u64 {
        let is_of_class = |row: &usize| self.reviews.rows[*row].label == Some(class);
        self.positions(split).filter(is_of_class).count() as u64
    }

    /// Number of rows removed for a reason.
    pub(crate) fn count_removed(&self, reason: Reason) -> u64 {
        let removals = self.audit.removals.iter().flatten();
        removals.filter(|removal| removal.reason == reason).count() as u64
    }

    /// Builds the profile.
    ///
    /// # Errors
    /// The texts cannot be read.
    pub(crate) fn profile(&self, settings: &CleanSettings) -> io::Result<Profile> {
        let split = &settings.split;
        let removed = Reason::NAMED.map(|(reason, name)| Removed {
            reason: name.to_owned(),
            rows: self.count_removed(reason),
        });
        let groups = self.reviews.groups.iter().zip(self.row_splits);
        let groups = groups.filter_map(|(group, split)| Some((group?, (*split)?)));
        let near_pairs = self.near.map(|links| self.near_pairs(links)).transpose()?;
        let near = |examples| NearDuplicates {
            threshold: settings.near_duplicates.threshold,
            examples,
            ..self.audit.near.clone()
        };
        let examples = Sentiment::ALL.into_iter().map(|class| self.examples(class));
        Ok(Profile {
            format: profile::FORMAT,
            read: self.reviews.rows.len() as u64,
            kept: self.kept(),
            removed: removed.to_vec(),
            splitting: Splitting {
                test_by: self.method.as_str().to_owned(),
                grouped: split.grouped,
                test: split.test,
                validation: split.validation,
                seed: settings.seed.unwrap_or_default(),
            },
            splits: self.splits(),
            duplicates: self.audit.duplicates,
            leaks: self.audit.leaks,
            near_duplicates: near_pairs.map(near),
            texts: self.text_statistics(settings),
            groups: shared_groups(groups),
            telling_words: self.telling_words()?,
            examples: examples.collect::<io::Result<_>>()?,
        })
    }

    fn text_statistics(&self, settings: &CleanSettings) -> Texts {
        let rows = &self.reviews.rows;
        let count = |is: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| is(row)).count() as u64;
        let other = rows.iter().filter(|row| row.text.is_other_language);
        Texts {
            repaired: count(&|row| row.text.repaired),
            state_a_score: count(&|row| row.label.is_some() && row.text.states_score),
            scores_masked: settings.mask_scores,
            other_languages: count_languages(other),
        }
    }

    /// The examined languages of a split.
    pub(crate) fn languages(&self, split: Split) -> LanguageCounts {
        let rows = self.positions(split).map(|it| &self.reviews.rows[it]);
        count_languages(rows)
    }

    fn splits(&self) -> Vec<SplitProfile> {
        let words_of = |position: usize| self.reviews.rows[position].text.words;
        let words = |split| self.positions(split).map(words_of).collect::<Vec<u32>>();
        let edges = bins(lengths(words(Split::Train)).as_ref());
        let profile = |split| {
            let words = words(split);
            let classes = Sentiment::ALL.map(|class| ClassCount {
                class,
                rows: self.count_class(split, class),
            });
            SplitProfile {
                split,
                rows: words.len() as u64,
                classes: classes.to_vec(),
                histogram: count_into(edges.clone(), &words),
                words: lengths(words),
                languages: self.languages(split),
            }
        };
        Split::ALL.map(profile).to_vec()
    }

    fn telling_words(&self) -> io::Result<Vec<ClassWords>> {
        let Reviews { texts, rows, .. } = self.reviews;
        let mut counts = WordCounts::default();
        for ranges in texts.chunks().chunks(CHUNKS_PER_COUNT) {
            let range = ranges[0].start..ranges[ranges.len() - 1].end;
            let chunk = texts.read(range.clone())?;
            let is_train = |(row, _): &(usize, &str)| self.row_splits[*row] == Some(Split::Train);
            let train = range.zip(chunk.iter()).filter(is_train);
            let train = train.filter_map(|(row, text)| Some((text, rows[row].label?)));
            counts.add(&train.collect::<Vec<_>>());
        }
        Ok(counts.telling_words())
    }

    /// Example training reviews of a class. They have the smallest digests, which is a random but repeatable
    /// choice.
    fn examples(&self, class: Sentiment) -> io::Result<ClassExamples> {
        let rows = &self.reviews.rows;
        let is_of_class = |position: &usize| rows[*position].label == Some(class);
        let mut positions: Vec<_> = self.positions(Split::Train).filter(is_of_class).collect();
        positions.sort_by_key(|position| rows[*position].text.normalised);
        let reviews = positions.into_iter().take(EXAMPLES);
        let reviews = reviews.map(|position| self.example(position));
        let reviews = reviews.collect::<io::Result<_>>()?;
        Ok(ClassExamples { class, reviews })
    }

    fn example(&self, position: usize) -> io::Result<ExampleReview> {
        let text = self.reviews.texts.get(position)?;
        let end = text.char_indices().nth(EXCERPT).map(|(end, _)| end);
        Ok(ExampleReview {
            row_id: self.reviews.row_ids[position],
            text: text[..end.unwrap_or(text.len())].to_owned(),
            cut: end.is_some(),
        })
    }

    fn near_pairs(&self, links: &[Link]) -> io::Result<Vec<NearPair>> {
        let mut links = links.to_vec();
        links.sort_by(|one, two| one.similarity.total_cmp(&two.similarity));
        let pair = |link: Link| {
            Ok(NearPair {
                similarity: link.similarity,
                one: self.example(link.one)?,
                two: self.example(link.two)?,
            })
        };
        links.into_iter().take(NEAR_EXAMPLES).map(pair).collect()
    }
}

/// The languages of the examined rows.
fn count_languages<'a>(rows: impl Iterator<Item = &'a Row>) -> LanguageCounts {
    let mut counts = LanguageCounts::default();
    for language in rows.filter_map(|row| row.text.language) {
        counts.count(language.map_or(UNKNOWN_LANGUAGE, Language::name));
    }
    counts
}
