//! Clusters of near-duplicates.

/// Disjoint sets of positions (Tarjan 1975), joined by size.
#[derive(Clone, Debug)]
pub(crate) struct Clusters {
    parents: Vec<u32>,
    sizes: Vec<u32>,
}

impl Clusters {
    /// Creates a cluster for every position.
    pub(crate) fn new(count: usize) -> Self {
        let parents = 0..u32::try_from(count).expect("rows fit 32 bits");
        let (parents, sizes) = (parents.collect(), vec![1; count]);
        Self { parents, sizes }
    }

    /// The position that represents the cluster.
    pub(crate) fn root(&self, mut position: usize) -> usize {
        while self.parents[position] as usize != position {
            position = self.parents[position] as usize;
        }
        position
    }

    /// Whether two positions are in one cluster.
    #[cfg(test)]
    pub(crate) fn are_connected(&self, one: usize, two: usize) -> bool {
        self.root(one) == self.root(two)
    }

    /// Joins two clusters; returns false if they were one already.
    pub(crate) fn join(&mut self, one: usize, two: usize) -> bool {
        let (one, two) = (self.root(one), self.root(two));
        if one == two {
            return false;
        }
        let (small, large) = match self.sizes[one] < self.sizes[two] {
            true => (one, two),
            false => (two, one),
        };
        self.parents[small] = large as u32;
        self.sizes[large] += self.sizes[small];
        true
    }

    /// Number of positions in the cluster.
    pub(crate) fn size(&self, position: usize) -> usize {
        self.sizes[self.root(position)] as usize
    }
}
