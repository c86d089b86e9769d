//! What is known of n-grams, by n-gram: linear probing (Knuth 1998, section 6.4) with all that a search needs side
//! by side, because a search is a matter of memory: millions of n-grams do not fit near a core.

/// A value for each of some n-grams, which are numbers of their own (`ngram::Ngram`).
#[derive(Clone, Debug)]
pub(crate) struct NgramTable<V> {
    /// A power of two of them, at most half of it taken. 0 is no n-gram: there a slot is empty.
    slots: Vec<(u64, V)>,
    shift: u32,
}

impl<V: Copy + Default> NgramTable<V> {
    /// An empty one for at most so many n-grams.
    pub(crate) fn with_room(count: usize) -> Self {
        let bits = (2 * count.max(1)).next_power_of_two().trailing_zeros();
        let mut slots = Vec::with_capacity(1 << bits);
        // Written at once: zeroes from the operating system would fault twice a page, read first and written then.
        slots.resize(1 << bits, (0, V::default()));
        Self {
            slots,
            shift: u64::BITS - bits,
        }
    }

    /// One with these n-grams, each of them there once, and their values.
    pub(crate) fn of(
        ngrams: impl ExactSizeIterator<Item = u64>,
        values: impl Iterator<Item = V>,
    ) -> Self {
        let mut table = Self::with_room(ngrams.len());
        for (ngram, value) in ngrams.zip(values) {
            table.insert(ngram, value);
        }
        table
    }

    /// Adds an n-gram; `false` where it is there already.
    pub(crate) fn insert(&mut self, ngram: u64, value: V) -> bool {
        let slot = self.slot(self.start(ngram), ngram);
        let is_new = self.slots[slot].0 == 0;
        if is_new {
            self.slots[slot] = (ngram, value);
        }
        is_new
    }

    pub(crate) fn get(&self, ngram: u64) -> Option<V> {
        let (there, value) = self.slots[self.slot(self.start(ngram), ngram)];
        (there == ngram).then_some(value)
    }

    /// The values of those of many that there are, in their order.
    ///
    /// They are looked for side by side: the first slot of each is read before any of them is looked at, so that
    /// many reads wait for memory at the same time.
    pub(crate) fn get_all(&self, wanted: &[u64]) -> impl Iterator<Item = V> {
        let first = |ngram: &u64| (*ngram, self.slots[self.start(*ngram)]);
        let read: Vec<(u64, (u64, V))> = wanted.iter().map(first).collect();
        read.into_iter()
            .filter_map(|(ngram, (there, value))| match there {
                0 => None,
                _ if there == ngram => Some(value),
                _ => self.get(ngram),
            })
    }

    /// All of them, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, V)> {
        self.slots.iter().filter(|slot| slot.0 != 0).copied()
    }

    /// The slot of an n-gram, or the empty one where it would be.
    fn slot(&self, start: usize, ngram: u64) -> usize {
        let mut slot = start;
        while self.slots[slot].0 != 0 && self.slots[slot].0 != ngram {
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        slot
    }

    /// Where a search begins (multiplicative hashing).
    fn start(&self, ngram: u64) -> usize {
        (ngram.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ngram_is_found_and_no_other() {
        let ngrams: Vec<u64> = (0..5000).map(|number| number * 7 + 1).collect();
        let table = NgramTable::of(ngrams.iter().copied(), 0_u32..);
        for (ngram, place) in ngrams.iter().zip(0..) {
            assert_eq!(table.get(*ngram), Some(place));
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
    fn what_is_there_is_not_added_again() {
        let mut table = NgramTable::with_room(3);
        assert!(table.insert(4, 1));
        assert!(table.insert(5, 2));
        assert!(!table.insert(4, 3));
        assert_eq!(table.get(4), Some(1));
    }

    #[test]
    fn an_empty_one_has_nothing() {
        let table = NgramTable::<u32>::with_room(0);
        assert_eq!(table.get(3), None);
        assert_eq!(table.get_all(&[1, 2, 3]).count(), 0);
        assert_eq!(table.iter().count(), 0);
    }
}
