//! A hash table from n-grams to values, with linear probing (Knuth 1998, section 6.4). Key and value are
//! stored side by side, because millions of n-grams do not fit into a cache and lookups are bound by memory.

/// A hash table from n-grams to values.
#[derive(Clone, Debug)]
pub(crate) struct NgramTable<V> {
    /// A power of two of slots, at most half of them used. The key 0 marks an empty slot.
    slots: Vec<(u64, V)>,
    shift: u32,
}

impl<V: Copy + Default> NgramTable<V> {
    /// An empty table for at most `count` n-grams.
    pub(crate) fn with_capacity(count: usize) -> Self {
        let bits = (2 * count.max(1)).next_power_of_two().trailing_zeros();
        let mut slots = Vec::with_capacity(1 << bits);
        // Zeroed memory from the system would cost two page faults a page: at the first read and at the first write.
        slots.resize(1 << bits, (0, V::default()));
        let shift = u64::BITS - bits;
        Self { slots, shift }
    }

    /// A table of distinct n-grams and their values.
    pub(crate) fn of(
        ngrams: impl ExactSizeIterator<Item = u64>,
        values: impl Iterator<Item = V>,
    ) -> Self {
        let mut table = Self::with_capacity(ngrams.len());
        for (ngram, value) in ngrams.zip(values) {
            table.insert(ngram, value);
        }
        table
    }

    /// Adds an n-gram; returns false if the table already has it.
    pub(crate) fn insert(&mut self, ngram: u64, value: V) -> bool {
        let slot = self.slot(self.start(ngram), ngram);
        let is_new = self.slots[slot].0 == 0;
        if is_new {
            self.slots[slot] = (ngram, value);
        }
        is_new
    }

    pub(crate) fn get(&self, ngram: u64) -> Option<V> {
        let (key, value) = self.slots[self.slot(self.start(ngram), ngram)];
        (key == ngram).then_some(value)
    }

    /// The values of those n-grams that the table has, in their order.
    ///
    /// The first slot of every n-gram is read before any of them is compared, so that many reads wait for memory
    /// at the same time.
    pub(crate) fn get_all(&self, wanted: &[u64]) -> impl Iterator<Item = V> {
        let first = |ngram: &u64| (*ngram, self.slots[self.start(*ngram)]);
        let read: Vec<(u64, (u64, V))> = wanted.iter().map(first).collect();
        read.into_iter()
            .filter_map(|(ngram, (key, value))| match key {
                0 => None,
                _ if key == ngram => Some(value),
                _ => self.get(ngram),
            })
    }

    /// All n-grams with their values, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, V)> {
        self.slots.iter().filter(|slot| slot.0 != 0).copied()
    }

    /// The slot of an n-gram, or the empty slot where it would be stored.
    fn slot(&self, start: usize, ngram: u64) -> usize {
        let mut slot = start;
        while self.slots[slot].0 != 0 && self.slots[slot].0 != ngram {
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        slot
    }

    /// The slot where a search starts (multiplicative hashing).
    fn start(&self, ngram: u64) -> usize {
        (ngram.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ngram_of_the_table_is_found_and_no_other() {
        let ngrams: Vec<u64> = (0..5000).map(|number| number * 7 + 1).collect();
        let table = NgramTable::of(ngrams.iter().copied(), 0_u32..);
        for (ngram, index) in ngrams.iter().zip(0..) {
            assert_eq!(table.get(*ngram), Some(index));
            assert_eq!(table.get(ngram + 1), None);
        }
        let found: Vec<u32> = table.get_all(&[9, 15, 8, 1, 15]).collect();
        assert_eq!(found, [2, 1, 0, 2]);
        let wanted: Vec<u64> = (1..40_000).collect();
        assert!(table.get_all(&wanted).eq(0..5000));
        let mut all: Vec<(u64, u32)> = table.iter().collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(ngrams.into_iter().zip(0..)));
    }

    #[test]
    fn an_ngram_is_not_added_twice() {
        let mut table = NgramTable::with_capacity(3);
        assert!(table.insert(4, 1));
        assert!(table.insert(5, 2));
        assert!(!table.insert(4, 3));
        assert_eq!(table.get(4), Some(1));
    }

    #[test]
    fn an_empty_table_has_no_ngrams() {
        let table = NgramTable::<u32>::with_capacity(0);
        assert_eq!(table.get(3), None);
        assert_eq!(table.get_all(&[1, 2, 3]).count(), 0);
        assert_eq!(table.iter().count(), 0);
    }
}
