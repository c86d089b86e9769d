//! Finds near-duplicates among texts that share a shingle of their prefixes.

use std::io;

use rayon::prelude::*;

use super::{Clusters, Link, Prefix};
use crate::near::shingles::shingles;
use crate::text_store::TextStore;

/// Rows that are compared before the clusters are updated. The number is fixed, because it affects which pairs
/// are compared.
const BATCH: usize = 1024;

/// Texts that share a shingle, grouped by shingle.
pub(super) struct Candidates {
    /// Positions of texts, one group after the other, sorted within a group.
    members: Vec<u32>,
    /// For every text and shared shingle, sorted: the position of the text, and the start of the shingle's group in
    /// `members`.
    shared: Vec<(u32, u32)>,
}

impl Candidates {
    pub(super) fn of(mut prefixes: Vec<Prefix>) -> Self {
        prefixes.par_sort_unstable();
        let mut members = Vec::new();
        let mut shared = Vec::new();
        for group in prefixes.chunk_by(|one, two| one >> 32 == two >> 32) {
            if group.len() > 1 {
                let start = members.len() as u32;
                members.extend(group.iter().map(|prefix| *prefix as u32));
                let positions = &members[start as usize..];
                shared.extend(positions.iter().map(|position| (*position, start)));
            }
        }
        shared.par_sort_unstable();
        Self { members, shared }
    }

    /// Joins the clusters of near-duplicates, and returns the pairs that connected two clusters. `sizes` are the
    /// numbers of shingles of all texts.
    pub(super) fn join(
        &self,
        texts: &TextStore,
        sizes: &[u32],
        threshold: f64,
        clusters: &mut Clusters,
    ) -> io::Result<Vec<Link>> {
        let rows: Vec<&[(u32, u32)]> = self.shared.chunk_by(|one, two| one.0 == two.0).collect();
        let mut links = Vec::new();
        for batch in rows.chunks(BATCH) {
            let found = batch.par_iter().map(|row| {
                let position = row[0].0;
                let earlier = self.earlier(row);
                find_links(texts, sizes, threshold, clusters, &earlier, position)
            });
            let found: Vec<Vec<Link>> = found.collect::<io::Result<_>>()?;
            let new = |link: &Link| clusters.join(link.one, link.two);
            links.extend(found.into_iter().flatten().filter(new));
        }
        Ok(links)
    }

    /// Earlier texts that share one of these shingles.
    fn earlier(&self, row: &[(u32, u32)]) -> Vec<u32> {
        let group = |(_, start): &(u32, u32)| &self.members[*start as usize..];
        let groups = row.iter().map(group);
        let before = |member: &&u32| **member < row[0].0;
        let earlier = groups.flat_map(|group| group.iter().take_while(before).copied());
        let mut earlier: Vec<u32> = earlier.collect();
        earlier.sort_unstable();
        earlier.dedup();
        earlier
    }
}

/// Compares a text with earlier ones, until a near-duplicate is found in each of their clusters.
fn find_links(
    texts: &TextStore,
    sizes: &[u32],
    threshold: f64,
    clusters: &Clusters,
    earlier: &[u32],
    position: u32,
) -> io::Result<Vec<Link>> {
    let two = position as usize;
    let mut set = None;
    let mut reached = vec![clusters.root(two)];
    let mut links = Vec::new();
    for one in earlier.iter().map(|one| *one as usize) {
        let cluster = clusters.root(one);
        let may_match = sizes_allow(sizes[one] as usize, sizes[two] as usize, threshold);
        if !may_match || reached.contains(&cluster) {
            continue;
        }
        let set = match &set {
            Some(set) => set,
            None => set.insert(shingles(&texts.get(two)?)),
        };
        if let Some(similarity) = similarity(&shingles(&texts.get(one)?), set, threshold) {
            reached.push(cluster);
            links.push(Link {
                one,
                two,
                similarity,
            });
        }
    }
    Ok(links)
}

/// Whether sets of these sizes can reach the threshold, which they do at most if one contains the other.
fn sizes_allow(one: usize, two: usize, threshold: f64) -> bool {
    one.min(two) as f64 >= threshold * one.max(two) as f64 - 1e-9
}

/// The Jaccard similarity of two sorted sets, if it reaches the threshold.
pub(super) fn similarity(one: &[u64], two: &[u64], threshold: f64) -> Option<f64> {
    if !sizes_allow(one.len(), two.len(), threshold) {
        return None;
    }
    let sizes = one.len() + two.len();
    let mut two = two.iter().peekable();
    let mut common = 0_usize;
    for shingle in one {
        while two.next_if(|other| *other < shingle).is_some() {}
        common += usize::from(two.next_if(|other| *other == shingle).is_some());
    }
    let similarity = common as f64 / (sizes - common) as f64;
    (similarity >= threshold).then_some(similarity)
}
