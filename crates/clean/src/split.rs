//! Assigns rows to splits.
//!
//! The split of a row depends only on a hash of the seed and of the row's group, or of its text if it has no
//! group. So a row stays in its split when rows are added, the rows of a group stay together, and equal texts
//! get the same split. Exact stratification is impossible under these rules, because one more row would move
//! others. The hash does not depend on the label, so every class gets the same expected share; for a class of
//! n rows and a share p the standard error is sqrt(p (1 - p) / n).

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;

use artifact::{Failure, Split, format};
use settings::SplitSettings;

use crate::near::Clusters;
use crate::row::{GroupColumn, Row};
use crate::text_store::TextStore;

/// How rows are split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SplitMethod {
    /// The source's own training and test split; the validation split is taken from training.
    Official,
    /// All splits by hash.
    Hash,
}

impl SplitMethod {
    /// Returns the source's own split if it has one and the settings use it.
    ///
    /// # Errors
    /// The source has a training split without a test split, or the reverse, which is ambiguous.
    pub(crate) fn of(rows: &[Row]) -> Result<Self, Failure> {
        let count = |split| {
            let is_labelled = |row: &&Row| row.label.is_some() && row.official == Some(split);
            rows.iter().filter(is_labelled).count() as u64
        };
        let (present, missing, rows) = match (count(Split::Train), count(Split::Test)) {
            (0, 0) => return Ok(Self::Hash),
            (rows, 0) => (Split::Train, Split::Test, rows),
            (0, rows) => (Split::Test, Split::Train, rows),
            _ => return Ok(Self::Official),
        };
        let rows = format::plural(rows, "labelled row", "labelled rows");
        let message =
            format!("The split in the source has {rows} for `{present}` but none for `{missing}`");
        let hint = "Add the missing rows, or let `clean` split all rows with `--set clean.split.official=false`";
        Err(Failure::new(message).with_hint(hint.to_owned()))
    }

    /// The name in the profile.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Official => "official",
            Self::Hash => "hash",
        }
    }
}

/// Assigns rows to splits, one at a time.
pub(crate) struct Splitter<'a> {
    pub(crate) method: SplitMethod,
    pub(crate) settings: &'a SplitSettings,
    pub(crate) seed: u64,
}

impl Splitter<'_> {
    /// The split of a row with this key.
    pub(crate) fn split(&self, row: &Row, key: (&str, &str)) -> Split {
        if row.label.is_none() {
            return Split::Unlabelled;
        }
        let in_test = match self.method {
            SplitMethod::Official => row.official == Some(Split::Test),
            SplitMethod::Hash => fraction(self.seed, "test", key) < self.settings.test,
        };
        let in_validation = || fraction(self.seed, "validation", key) < self.settings.validation;
        match in_test {
            true => Split::Test,
            false if in_validation() => Split::Validation,
            false => Split::Train,
        }
    }
}

/// What determines the split of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// A group, by its number.
    Group(u32),
    /// The text of a row, by the row's position.
    Text(u32),
}

impl Key {
    /// The kind of the key and the text that is hashed.
    ///
    /// # Errors
    /// The texts cannot be read.
    pub(crate) fn resolve<'a>(
        self,
        texts: &'a TextStore,
        groups: &'a GroupColumn,
    ) -> io::Result<(&'static str, Cow<'a, str>)> {
        Ok(match self {
            Self::Group(number) => ("group", Cow::Borrowed(groups.name(number))),
            Self::Text(position) => ("text", texts.get(position as usize)?),
        })
    }
}

/// The key of every row: its group, or its text if it has no group or groups are not used. Near-duplicates,
/// and rows connected to them through groups, share one key, which is the one with the smallest digest. It does not
/// depend on the order of rows. A new row can move others only if it is a near-duplicate of rows in two
/// splits, which then must be joined.
///
/// # Errors
/// The texts cannot be read.
pub(crate) fn keys(
    texts: &TextStore,
    groups: &GroupColumn,
    grouped: bool,
    near: Option<&Clusters>,
) -> io::Result<Vec<Key>> {
    let own = |position: usize| match groups.number(position).filter(|_| grouped) {
        Some(number) => Key::Group(number),
        None => Key::Text(position as u32),
    };
    let mut keys: Vec<Key> = (0..texts.len()).map(own).collect();
    let Some(near) = near else {
        return Ok(keys);
    };
    let linked = || (0..texts.len()).filter(|position| near.size(*position) > 1);
    let mut units: HashMap<Key, usize> = HashMap::new();
    for position in linked() {
        let next = units.len();
        units.entry(keys[position]).or_insert(next);
    }
    let mut connected = Clusters::new(units.len());
    for position in linked() {
        connected.join(units[&keys[position]], units[&keys[near.root(position)]]);
    }
    let mut smallest: HashMap<usize, ([u8; 32], Key)> = HashMap::new();
    for (key, unit) in &units {
        let (kind, value) = key.resolve(texts, groups)?;
        let candidate = (digest(kind, &value), *key);
        let best = smallest.entry(connected.root(*unit)).or_insert(candidate);
        if candidate.0 < best.0 {
            *best = candidate;
        }
    }
    for key in &mut keys {
        if let Some(unit) = units.get(key) {
            *key = smallest[&connected.root(*unit)].1;
        }
    }
    Ok(keys)
}

fn digest(kind: &str, key: &str) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(kind.as_bytes());
    hasher.update(key.as_bytes());
    *hasher.finalize().as_bytes()
}

/// A pseudo-random number from 0 to 1 (exclusive) that depends only on the arguments. `draw` makes the two
/// decisions about a row independent.
fn fraction(seed: u64, draw: &str, (kind, key): (&str, &str)) -> f64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    for part in [draw, kind, key] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let digest = hasher.finalize();
    let first = digest.as_bytes()[..8].try_into();
    let bits = u64::from_le_bytes(first.expect("eight of 32 bytes"));
    // A float has 53 significant bits.
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::TextInfo;
    use artifact::Sentiment;

    fn row(official: Option<Split>) -> Row {
        Row {
            text: TextInfo::of("x", "x", None),
            label: Some(Sentiment::Positive),
            official,
        }
    }

    fn shares(splitter: &Splitter<'_>, row: &Row) -> [f64; 3] {
        let row_splits: Vec<Split> = (0..20_000)
            .map(|id| splitter.split(row, ("text", &format!("text {id}"))))
            .collect();
        let count = |split| row_splits.iter().filter(|found| **found == split).count();
        Split::LABELLED.map(|split| count(split) as f64 / 20_000.0)
    }

    fn check_shares(method: SplitMethod, official: Option<Split>, expected: [f64; 3]) {
        let settings = SplitSettings {
            test: 0.2,
            validation: 0.1,
            ..SplitSettings::default()
        };
        let found = shares(
            &Splitter {
                method,
                settings: &settings,
                seed: 1,
            },
            &row(official),
        );
        for (found, expected) in found.into_iter().zip(expected) {
            assert!(
                (found - expected).abs() < 0.01,
                "{found} is far from {expected}"
            );
        }
    }

    #[test]
    fn shares_match_the_settings() {
        check_shares(SplitMethod::Hash, None, [0.72, 0.08, 0.2]);
        check_shares(SplitMethod::Official, Some(Split::Train), [0.9, 0.1, 0.0]);
        check_shares(SplitMethod::Official, Some(Split::Test), [0.0, 0.0, 1.0]);
        check_shares(SplitMethod::Official, None, [0.9, 0.1, 0.0]);
    }

    #[test]
    fn connected_rows_share_a_key() {
        let texts = TextStore::of(&["a", "b", "c", "d", "e"]);
        let groups = GroupColumn::of(&[Some("x"), Some("x"), None, Some("y"), Some("y")]);
        let distinct = |keys: &[Key]| keys.iter().collect::<std::collections::HashSet<_>>().len();
        let of = |grouped, near: Option<&Clusters>| {
            keys(&texts, &groups, grouped, near).expect("texts in memory")
        };
        let first = of(true, None)[0].resolve(&texts, &groups).expect("a group");
        assert_eq!(first, ("group", Cow::Borrowed("x")));
        assert_eq!(of(true, None)[0], of(true, None)[1]);
        assert_eq!(distinct(&of(true, None)), 3);
        assert_eq!(distinct(&of(false, None)), 5);
        let mut near = Clusters::new(5);
        near.join(1, 2);
        let joined = of(true, Some(&near));
        assert_eq!(distinct(&joined), 2);
        assert!(joined[0] == joined[1] && joined[1] == joined[2]);
        // `c` connects both groups.
        near.join(2, 4);
        assert_eq!(distinct(&of(true, Some(&near))), 1);
        assert_eq!(distinct(&of(false, Some(&near))), 3);
    }

    #[test]
    fn the_key_of_a_cluster_does_not_depend_on_the_order() {
        let mut near = Clusters::new(3);
        near.join(0, 2);
        let groups = GroupColumn::of(&[None; 3]);
        let key = |texts: [&str; 3]| {
            let texts = TextStore::of(&texts);
            let keys = keys(&texts, &groups, true, Some(&near)).expect("texts in memory");
            keys[0]
                .resolve(&texts, &groups)
                .expect("a text")
                .1
                .into_owned()
        };
        assert_eq!(key(["a", "b", "c"]), key(["c", "b", "a"]));
    }

    #[test]
    fn the_seed_changes_the_split() {
        let settings = SplitSettings {
            test: 0.5,
            ..SplitSettings::default()
        };
        let row_splits = |seed| {
            let splitter = Splitter {
                method: SplitMethod::Hash,
                settings: &settings,
                seed,
            };
            (0..50)
                .map(|id| splitter.split(&row(None), ("text", &id.to_string())))
                .collect::<Vec<_>>()
        };
        assert_eq!(row_splits(1), row_splits(1));
        assert_ne!(row_splits(1), row_splits(2));
    }

    #[test]
    fn an_incomplete_split_is_an_error() {
        let check = |splits: &[Option<Split>], expected: Result<SplitMethod, &str>| {
            let rows: Vec<Row> = splits.iter().map(|split| row(*split)).collect();
            assert_eq!(
                SplitMethod::of(&rows).map_err(|error| error.to_string()),
                expected.map_err(str::to_owned)
            );
        };
        check(&[None, None], Ok(SplitMethod::Hash));
        check(
            &[Some(Split::Train), Some(Split::Test), None],
            Ok(SplitMethod::Official),
        );
        check(
            &[Some(Split::Train), None],
            Err("The split in the source has 1 labelled row for `train` but none for `test`"),
        );
        check(
            &[Some(Split::Test)],
            Err("The split in the source has 1 labelled row for `test` but none for `train`"),
        );
    }
}
