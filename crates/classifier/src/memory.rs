//! Recovery from full memory: the amount computed at once is halved, and all later work keeps the new limit.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{ClassifierError, Result};

/// No limit: memory was never full.
const UNLIMITED: usize = usize::MAX;

/// The maximum amount that is computed at once, in tokens with padding. It falls whenever memory is full and never
/// rises. All threads that use a device share it.
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
    /// The maximum number of tokens to compute at once; `usize::MAX` if memory was never full.
    pub fn tokens(&self) -> usize {
        self.tokens.load(Ordering::Relaxed)
    }

    /// Records that `tokens` at once did not fit. If several threads report the same shortage, the limit is still
    /// half of the smallest amount that failed.
    pub fn reduce(&self, tokens: usize) {
        let limit = (tokens / 2).max(1);
        self.tokens.fetch_min(limit, Ordering::Relaxed);
    }

    /// A message for the user, returned once after each time that the limit has fallen.
    pub fn take_note(&self) -> Option<String> {
        let tokens = self.tokens();
        let before = self.reported.swap(tokens, Ordering::Relaxed);
        (before != tokens).then(|| {
            let most = artifact::format::plural(tokens as u64, "token", "tokens");
            format!("the device's memory is full: computing at most {most} at a time from now on")
        })
    }

    /// Computes all rows at once; if they exceed the limit or memory is full, computes them in halves. The results
    /// are in the order of the rows. `tokens_of` is the padded size of some rows, which must not grow when rows are
    /// removed. The memory of a failed attempt is freed before the next one.
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
        // The stack of remaining parts: the last one is computed next.
        let mut parts = vec![rows];
        while let Some(part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            let (tokens, is_single) = (tokens_of(part), part.len() == 1);
            if tokens <= self.tokens() || is_single {
                match compute(part) {
                    Err(source) if source.is_memory() && is_single => {
                        let source = Box::new(source);
                        return Err(ClassifierError::RowTooLarge { tokens, source });
                    }
                    Err(source) if source.is_memory() => self.reduce(tokens),
                    result => {
                        found.push(result?);
                        continue;
                    }
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
