//! What is kept in memory of each row. The text itself stays in the table.

use std::collections::HashMap;

use artifact::{Sentiment, Split};
use text::language::Language;
use text::normalize::{is_damaged, states_score};

/// The first 128 bits of a text's digest. A collision within a data set is practically impossible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TextKey(u128);

impl TextKey {
    pub(crate) fn of(text: &str) -> Self {
        let digest = blake3::hash(text.as_bytes());
        let half = digest.as_bytes()[..16].try_into();
        Self(u128::from_le_bytes(half.expect("half of 32 bytes")))
    }
}

/// What is known of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TextInfo {
    /// Digest of the original text.
    pub(crate) raw: TextKey,
    /// Digest of the normalised text.
    pub(crate) normalised: TextKey,
    /// Number of words of the normalised text, separated by white space.
    pub(crate) words: u32,
    /// Whether its characters had been decoded with the wrong encoding.
    pub(crate) repaired: bool,
    /// Whether it states a score, such as 7/10.
    pub(crate) states_score: bool,
    /// Its language, if it was examined; the inner `None` is an unknown language.
    pub(crate) language: Option<Option<Language>>,
    /// Whether its language is known and not allowed.
    pub(crate) is_other_language: bool,
}

impl TextInfo {
    /// `languages` are the allowed languages; an empty list allows all, and with `None` the language is not examined.
    pub(crate) fn of(raw: &str, normalised: &str, languages: Option<&[Language]>) -> Self {
        let language = languages.map(|_| Language::identify(normalised));
        let is_other = |allowed: &[Language]| {
            let known = language.flatten().filter(|_| !allowed.is_empty());
            known.is_some_and(|known| !allowed.contains(&known))
        };
        let words = u32::try_from(normalised.split_whitespace().count()).unwrap_or(u32::MAX);
        Self {
            raw: TextKey::of(raw),
            normalised: TextKey::of(normalised),
            words,
            repaired: is_damaged(raw),
            states_score: states_score(raw),
            language,
            is_other_language: languages.is_some_and(is_other),
        }
    }
}

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) text: TextInfo,
    pub(crate) label: Option<Sentiment>,
    /// The split in the source, if the settings use it.
    pub(crate) official: Option<Split>,
}

impl Row {
    /// Whether this is a labelled row of the source's test split.
    pub(crate) fn is_official_test(&self) -> bool {
        self.label.is_some() && self.official == Some(Split::Test)
    }
}

/// The groups of all rows. Each name is stored once.
#[derive(Clone, Debug, Default)]
pub(crate) struct GroupColumn {
    group_names: Vec<Box<str>>,
    number_by_name: HashMap<Box<str>, u32>,
    group_by_row: Vec<Option<u32>>,
}

impl GroupColumn {
    #[cfg(test)]
    pub(crate) fn of(groups: &[Option<&str>]) -> Self {
        let mut column = Self::default();
        groups.iter().for_each(|group| column.push(*group));
        column
    }

    /// Appends the group of the next row.
    pub(crate) fn push(&mut self, group: Option<&str>) {
        let number = group.map(|name| match self.number_by_name.get(name) {
            Some(number) => *number,
            None => {
                let number = self.group_names.len() as u32;
                self.number_by_name.insert(name.into(), number);
                self.group_names.push(name.into());
                number
            }
        });
        self.group_by_row.push(number);
    }

    /// The number of a row's group.
    pub(crate) fn number(&self, position: usize) -> Option<u32> {
        self.group_by_row[position]
    }

    /// The name of a group.
    pub(crate) fn name(&self, number: u32) -> &str {
        &self.group_names[number as usize]
    }

    /// The name of every row's group.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        let name = |number: &Option<u32>| number.map(|number| self.name(number));
        self.group_by_row.iter().map(name)
    }
}
