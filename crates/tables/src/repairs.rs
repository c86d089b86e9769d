//! Counts the values of JSON that were replaced.

use std::fmt;
use std::ops::AddAssign;

use artifact::format::plural;

/// Numbers of replaced values in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repairs {
    /// Values `NaN`, `Infinity` and `-Infinity`, read as missing.
    pub not_finite: u64,
    /// Halves of a surrogate pair, read as U+FFFD.
    pub lone_surrogates: u64,
}

impl Repairs {
    /// Whether nothing was replaced.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl AddAssign for Repairs {
    fn add_assign(&mut self, other: Self) {
        self.not_finite += other.not_finite;
        self.lone_surrogates += other.lone_surrogates;
    }
}

impl fmt::Display for Repairs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.not_finite > 0 {
            let values = plural(self.not_finite, "value", "values");
            parts.push(format!("{values} NaN or Infinity read as missing"));
        }
        if self.lone_surrogates > 0 {
            let halves = plural(self.lone_surrogates, "lone surrogate", "lone surrogates");
            parts.push(format!("{halves} read as U+FFFD"));
        }
        formatter.write_str(&parts.join(", "))
    }
}
