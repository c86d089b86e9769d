//! Finds near-duplicates: reviews that share most of their words.
//!
//! A text is represented by the set of its shingles, which are runs of five words. Two texts are
//! near-duplicates if the Jaccard similarity of their sets reaches a threshold. The pairs are found by an exact
//! set-similarity join with prefix filtering (Chaudhuri et al. 2006; Bayardo et al. 2007; Xiao et al. 2008):
//! if two sets are similar enough, they share one of their rarest shingles. Unlike MinHash this finds all
//! pairs. It is fast because nearly every shingle occurs only once, so about one text in a hundred is compared.
//!
//! Memory is bounded by a few bytes per row, a table of bits, and a maximum number of prefixes; if there are
//! more, ranges of hashes are processed one after the other. Shingles are computed again when they are needed.

mod clusters;
mod join;
mod shingles;

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

pub(crate) use clusters::Clusters;

use crate::text_store::TextStore;
use join::Candidates;
use shingles::{RepeatFilter, shingles};

/// Maximum number of prefixes in memory, which is half a gibibyte. Few data sets need more, because a text
/// without shared shingles has no prefixes.
pub(crate) const MAX_PREFIXES: usize = 1 << 26;

/// Two near-duplicates, by position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// The earlier text.
    pub one: usize,
    /// The later text.
    pub two: usize,
    /// Jaccard similarity of their shingles, 0 to 1.
    pub similarity: f64,
}

/// Finds pairs of near-duplicates that connect each cluster. `threshold` is the minimum Jaccard similarity,
/// greater than 0 and at most 1.
///
/// # Errors
/// The texts cannot be read.
pub fn near_duplicates(texts: &TextStore, threshold: f64) -> io::Result<Vec<Link>> {
    Ok(clusters(texts, &vec![true; texts.len()], threshold, MAX_PREFIXES)?.1)
}

/// Finds clusters of near-duplicates. Rows with `present` set to false are ignored. The links connect each
/// cluster with as few pairs as possible, so not every similar pair is among them. About `max_prefixes` prefixes
/// are kept in memory, or a few more if their hashes are uneven.
///
/// # Errors
/// The texts cannot be read.
pub(crate) fn clusters(
    texts: &TextStore,
    present: &[bool],
    threshold: f64,
    max_prefixes: usize,
) -> io::Result<(Clusters, Vec<Link>)> {
    let repeats = RepeatFilter::with_room_for(texts.bytes() as usize / 5);
    let sizes = map_shingles(texts, present, |_, shingles, sizes| {
        shingles.iter().for_each(|shingle| repeats.add(*shingle));
        sizes.push(shingles.len() as u32);
    })?;
    let mut clusters = Clusters::new(texts.len());
    let mut links = Vec::new();
    let mut join = |prefixes: Vec<Prefix>| -> io::Result<()> {
        let candidates = Candidates::of(prefixes);
        links.extend(candidates.join(texts, &sizes, threshold, &mut clusters)?);
        Ok(())
    };
    let count = AtomicUsize::new(0);
    let all = prefixes(texts, present, &repeats, threshold, |found| {
        if count.fetch_add(found.len(), Ordering::Relaxed) + found.len() > max_prefixes {
            found.clear();
        }
    })?;
    let count = count.into_inner();
    if count <= max_prefixes {
        join(all)?;
    } else {
        drop(all);
        let parts = count.div_ceil(max_prefixes) as u64;
        for part in 0..parts {
            let bound = |part: u64| (part << 32) / parts;
            let part = bound(part)..bound(part + 1);
            join(prefixes(texts, present, &repeats, threshold, |found| {
                found.retain(|prefix| part.contains(&(prefix >> 32)));
            })?)?;
        }
    }
    links.sort_unstable_by_key(|link| (link.one, link.two));
    Ok((clusters, links))
}

/// Calls a function with the position and the shingles of every text, in parallel, and returns what it pushed,
/// in order. Texts that are not present have no shingles.
fn map_shingles<T: Send>(
    texts: &TextStore,
    present: &[bool],
    take: impl Fn(usize, &[u64], &mut Vec<T>) + Sync,
) -> io::Result<Vec<T>> {
    let of_chunk = |range: Range<usize>| {
        let mut found = Vec::new();
        let chunk = texts.read(range.clone())?;
        for (position, text) in range.zip(chunk.iter()) {
            let text = if present[position] { text } else { "" };
            take(position, &shingles(text), &mut found);
        }
        Ok(found)
    };
    let found = texts.chunks().into_par_iter().map(of_chunk);
    let found: Vec<Vec<T>> = found.collect::<io::Result<_>>()?;
    Ok(found.into_iter().flatten().collect())
}

/// Number of a set's rarest shingles that must be compared. A set that shares none of them cannot reach the
/// threshold.
fn prefix_length(size: usize, threshold: f64) -> usize {
    (size + 1).saturating_sub(required(size, threshold))
}

/// Number of shingles that a set must share with another to reach the threshold.
fn required(size: usize, threshold: f64) -> usize {
    // Subtracts a little, so that rounding never requires one shingle too many.
    ((threshold * size as f64 - 1e-9).ceil() as usize).clamp(1, size.max(1))
}

/// A shingle of a text: the upper half of the shingle's hash, followed by the position of the text. If two
/// shingles have the same upper half, their texts are compared needlessly.
pub(super) type Prefix = u64;

/// The prefixes of all texts, without shingles that occur only once; `choose` removes those that are not needed
/// now. Shingles that occur once come first in the order that defines a prefix, the others by hash. Any order
/// finds all pairs; with this one a text without shared shingles needs no comparison.
fn prefixes(
    texts: &TextStore,
    present: &[bool],
    repeats: &RepeatFilter,
    threshold: f64,
    choose: impl Fn(&mut Vec<Prefix>) + Sync,
) -> io::Result<Vec<Prefix>> {
    map_shingles(texts, present, |position, shingles, prefixes| {
        let shared = || shingles.iter().filter(|hash| repeats.may_repeat(**hash));
        let single = shingles.len() - shared().count();
        let length = prefix_length(shingles.len(), threshold).saturating_sub(single);
        let prefix = |shingle: &u64| (shingle >> 32) << 32 | position as u64;
        let mut own: Vec<Prefix> = shared().take(length).map(prefix).collect();
        choose(&mut own);
        prefixes.append(&mut own);
    })
}

#[cfg(test)]
mod tests {
    use super::join::similarity;
    use super::*;

    /// Texts of few different words, so that all similarities occur.
    fn texts(count: usize) -> Vec<String> {
        let mut state = 12345_u64;
        let mut random = move |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) % below
        };
        let mut texts: Vec<Vec<u64>> = Vec::new();
        for _ in 0..count {
            let text = if texts.is_empty() || random(3) == 0 {
                (0..8 + random(80)).map(|_| random(40)).collect()
            } else {
                let mut text = texts[random(texts.len() as u64) as usize].clone();
                for _ in 0..random(4) {
                    let at = random(text.len() as u64) as usize;
                    text[at] = random(1000);
                }
                text.truncate(text.len() - random(3).min(2) as usize);
                text
            };
            texts.push(text);
        }
        let words = |text: &Vec<u64>| {
            text.iter()
                .map(|word| format!("w{word}"))
                .collect::<Vec<_>>()
        };
        texts.iter().map(|text| words(text).join(" ")).collect()
    }

    #[test]
    fn the_result_equals_that_of_comparing_all_pairs() {
        let texts = texts(400);
        let store = TextStore::of(&texts);
        // Every seventh row is not present.
        let present: Vec<bool> = (0..texts.len()).map(|row| row % 7 != 3).collect();
        let sets: Vec<Vec<u64>> = texts.iter().map(|text| shingles(text)).collect();
        for (threshold, max_prefixes) in [
            (0.5, MAX_PREFIXES),
            (0.8, MAX_PREFIXES),
            (0.8, 500),
            (0.9, 1000),
            (1.0, 1),
        ] {
            let (clusters, links) = super::clusters(&store, &present, threshold, max_prefixes)
                .expect("texts in memory");
            let pairs = || {
                let taking = || (0..texts.len()).filter(|row| present[*row]);
                taking().flat_map(move |two| {
                    taking()
                        .take_while(move |one| *one < two)
                        .map(move |one| (one, two))
                })
            };
            let mut expected = Clusters::new(texts.len());
            let near = pairs()
                .filter(|(one, two)| similarity(&sets[*one], &sets[*two], threshold).is_some());
            let found = near.map(|(one, two)| expected.join(one, two)).count();
            assert!(found > 20, "{threshold}: {found} pairs");
            for (one, two) in pairs() {
                assert_eq!(
                    clusters.are_connected(one, two),
                    expected.are_connected(one, two),
                    "{threshold}, {max_prefixes}: {one} and {two}"
                );
            }
            let holding = (0..texts.len())
                .filter(|row| expected.root(*row) != *row)
                .count();
            assert_eq!(
                links.len(),
                holding,
                "as many as hold the clusters together"
            );
            for link in links {
                let found = similarity(&sets[link.one], &sets[link.two], threshold);
                assert_eq!(found, Some(link.similarity));
                assert!(link.one < link.two);
            }
        }
    }

    #[test]
    fn one_different_word_matters_only_in_a_short_text() {
        let long: Vec<String> = (0..100).map(|word| format!("word{word}")).collect();
        let other = long.join(" ").replace("word50", "other");
        let check = |one: &str, two: &str, expected: bool| {
            let links = near_duplicates(&TextStore::of(&[one, two]), 0.8).expect("texts in memory");
            assert_eq!(links.len(), usize::from(expected), "{one} | {two}");
        };
        check(&long.join(" "), &other, true);
        check("what a very fine film", "What a VERY fine film!", true);
        check(
            "what a very fine film it is",
            "what a very bad film it is",
            false,
        );
        check("fine film", "fine film", false);
        check("", "", false);
    }
}
