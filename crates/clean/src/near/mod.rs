//! Near-duplicates: reviews that share most of their wording.
//!
//! A text is the set of its runs of five words, and two texts are near when the Jaccard similarity
//! of their sets reaches a threshold. The pairs are found by an exact set-similarity join with
//! prefix filtering (Chaudhuri et al. 2006; Bayardo et al. 2007; Xiao et al. 2008): if two sets are
//! similar enough, their few rarest elements have one in common. MinHash would find most pairs,
//! this finds all of them; and because nearly every run of five words occurs once in a collection,
//! only a hundredth of the texts is ever compared.

mod clusters;
mod grams;

use rayon::prelude::*;

pub(crate) use clusters::Clusters;

use grams::{SeenTwice, grams};

/// Two texts that are near each other, by position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// The earlier one.
    pub one: usize,
    /// The later one.
    pub two: usize,
    /// Jaccard similarity of their runs of five words, 0 to 1.
    pub similarity: f64,
}

/// The pairs that hold the clusters of near texts together, for a threshold from above 0 to 1 on
/// their Jaccard similarity; `None` takes no part.
pub fn near_duplicates(texts: &[Option<&str>], threshold: f64) -> Vec<Link> {
    clusters(texts, threshold).1
}

/// Texts that are near each other, put together. `texts` has an entry for every row, `None` for
/// rows that take no part. Of texts that are near each other through others, not every pair is
/// among the links: there are as many as hold the cluster together.
pub(crate) fn clusters(texts: &[Option<&str>], threshold: f64) -> (Clusters, Vec<Link>) {
    let mut clusters = Clusters::new(texts.len());
    let mut links = Vec::new();
    let prefixes = prefixes(texts, threshold);
    for group in prefixes.chunk_by(|one, two| one.gram == two.gram) {
        for (number, two) in group.iter().enumerate() {
            for one in &group[..number] {
                let (one, two) = (one.position as usize, two.position as usize);
                if clusters.together(one, two) {
                    continue;
                }
                let sets = [one, two].map(|position| grams(texts[position].unwrap_or_default()));
                if let Some(similarity) = similarity(&sets[0], &sets[1], threshold) {
                    clusters.join(one, two);
                    links.push(Link {
                        one,
                        two,
                        similarity,
                    });
                }
            }
        }
    }
    links.sort_unstable_by_key(|link| (link.one, link.two));
    (clusters, links)
}

/// How many of a set's rarest elements must be looked at: with one fewer, a set that shares none of
/// them can still not reach the threshold.
fn prefix_length(size: usize, threshold: f64) -> usize {
    (size + 1).saturating_sub(required(size, threshold))
}

/// How many elements a set of this size must share with any that is similar enough.
fn required(size: usize, threshold: f64) -> usize {
    // A little less than the product, so that rounding never asks for one too many.
    ((threshold * size as f64 - 1e-9).ceil() as usize).clamp(1, size.max(1))
}

/// One of the first elements of a text's set.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Prefix {
    gram: u64,
    position: u32,
}

/// The prefixes of all sets, sorted by element and then by position. Only elements that occur
/// elsewhere, too, and only of texts of which enough does. Elements that occur once come first in
/// the order that defines a prefix, the others by their hash: any order finds every pair, and this
/// one leaves nothing to compare of a text that is like no other.
fn prefixes(texts: &[Option<&str>], threshold: f64) -> Vec<Prefix> {
    let present = || {
        texts
            .par_iter()
            .enumerate()
            .filter_map(|(at, text)| Some((at, (*text)?)))
    };
    let seen = SeenTwice::with_room_for(present().map(|(_, text)| text.len() / 5).sum());
    // Sets are computed again where they are needed: keeping all of them takes more memory than
    // the texts.
    present().for_each(|(_, text)| grams(text).into_iter().for_each(|gram| seen.add(gram)));
    let prefix = |(position, text): (usize, &str)| {
        let grams = grams(text);
        let length = prefix_length(grams.len(), threshold);
        let mut shared: Vec<u64> = grams
            .iter()
            .copied()
            .filter(|gram| seen.has_twice(*gram))
            .collect();
        let single = grams.len() - shared.len();
        shared.truncate(length.saturating_sub(single));
        let position = position as u32;
        shared
            .into_iter()
            .map(move |gram| Prefix { gram, position })
    };
    let mut prefixes: Vec<Prefix> = present().flat_map_iter(prefix).collect();
    prefixes.par_sort_unstable();
    prefixes
}

/// The Jaccard similarity of two sorted sets if it reaches the threshold.
fn similarity(one: &[u64], two: &[u64], threshold: f64) -> Option<f64> {
    let (fewer, more) = (one.len().min(two.len()), one.len().max(two.len()));
    if (fewer as f64) < threshold * more as f64 - 1e-9 {
        return None;
    }
    let mut two = two.iter().peekable();
    let mut common = 0_usize;
    for gram in one {
        while two.next_if(|other| *other < gram).is_some() {}
        common += usize::from(two.next_if(|other| *other == gram).is_some());
    }
    let similarity = common as f64 / (fewer + more - common) as f64;
    (similarity >= threshold).then_some(similarity)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts over few words, so that every similarity occurs.
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
    fn every_pair_that_comparing_all_finds_is_found() {
        let texts = texts(400);
        let given: Vec<Option<&str>> = texts.iter().map(|text| Some(text.as_str())).collect();
        for threshold in [0.5, 0.8, 0.9, 1.0] {
            let (clusters, links) = clusters(&given, threshold);
            let sets: Vec<Vec<u64>> = texts.iter().map(|text| grams(text)).collect();
            let mut expected = Clusters::new(texts.len());
            let mut pairs = 0;
            for two in 0..texts.len() {
                for one in 0..two {
                    if similarity(&sets[one], &sets[two], threshold).is_some() {
                        expected.join(one, two);
                        pairs += 1;
                    }
                }
            }
            assert!(pairs > 20, "{threshold}: {pairs} pairs");
            for two in 0..texts.len() {
                for one in 0..two {
                    assert_eq!(
                        clusters.together(one, two),
                        expected.together(one, two),
                        "{threshold}: {one} and {two}"
                    );
                }
            }
            assert!(
                links
                    .iter()
                    .all(|link| link.similarity >= threshold && link.one < link.two)
            );
        }
    }

    #[test]
    fn one_word_of_a_long_text_does_not_matter_and_of_a_short_one_does() {
        let long: Vec<String> = (0..100).map(|word| format!("word{word}")).collect();
        let other = long.join(" ").replace("word50", "other");
        let check = |one: &str, two: &str, expected: bool| {
            let (clusters, links) = clusters(&[Some(one), Some(two), None], 0.8);
            assert_eq!(clusters.together(0, 1), expected, "{one} | {two}");
            assert_eq!(links.len(), usize::from(expected));
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
