//! Recovery from full memory: the amount computed at once is halved, and the new limit is kept for
//! all later work.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{ClassifierError, Result};

/// No limit: the memory was never full.
const UNLIMITED: usize = usize::MAX;

/// The largest amount that is computed at once, in tokens with padding. It falls whenever the memory
/// is full and never rises. All threads that use one device share it.
#[derive(Debug)]
pub struct MemoryLimit {
    tokens: AtomicUsize,
    /// The limit that [`MemoryLimit::take_note`] returned last.
    reported: AtomicUsize,
}

impl Default for MemoryLimit {
    fn default() -> Self {
        Self {
            tokens: AtomicUsize::new(UNLIMITED),
            reported: AtomicUsize::new(UNLIMITED),
        }
    }
}

impl MemoryLimit {
    /// The largest number of tokens to compute at once; `usize::MAX` if the memory was never full.
    pub fn tokens(&self) -> usize {
        self.tokens.load(Ordering::Relaxed)
    }

    /// Records that `tokens` at once did not fit. Several threads may report the same shortage: the
    /// limit becomes half of the smallest amount that failed, not a quarter.
    pub fn reduce(&self, tokens: usize) {
        let limit = (tokens / 2).max(1);
        self.tokens.fetch_min(limit, Ordering::Relaxed);
    }

    /// A message for the user, once after each time that the limit has fallen.
    pub fn take_note(&self) -> Option<String> {
        let tokens = self.tokens();
        let before = self.reported.swap(tokens, Ordering::Relaxed);
        (before != tokens).then(|| {
            format!(
                "the device's memory is full: computing at most {} at a time from now on",
                artifact::format::plural(tokens as u64, "token", "tokens")
            )
        })
    }

    /// Computes rows together or, where they exceed the limit or the memory is full, in halves. The
    /// results come in the order of the rows. `tokens_of` is the padded size of some rows, which
    /// must not grow when rows are removed. The memory of a failed attempt is free before the next
    /// one starts.
    ///
    /// # Errors
    /// A single row does not fit, or any other error of `compute`.
    pub fn compute_in_parts<R, T>(
        &self,
        rows: &[R],
        tokens_of: impl Fn(&[R]) -> usize,
        mut compute: impl FnMut(&[R]) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut found = Vec::new();
        // The next part is the last of them.
        let mut parts = vec![rows];
        while let Some(part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            let tokens = tokens_of(part);
            let is_single = part.len() == 1;
            if tokens <= self.tokens() || is_single {
                match compute(part) {
                    Ok(result) => {
                        found.push(result);
                        continue;
                    }
                    Err(source) if source.is_memory() => {
                        if is_single {
                            let source = Box::new(source);
                            return Err(ClassifierError::RowTooLarge { tokens, source });
                        }
                        self.reduce(tokens);
                    }
                    Err(error) => return Err(error),
                }
            }
            let (first, second) = part.split_at(part.len() / 2);
            parts.extend([second, first]);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests;
