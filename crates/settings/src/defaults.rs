//! Defaults of settings, as `serde` takes them by name.

/// A whole number.
pub(crate) fn number<const N: u32>() -> u32 {
    N
}

/// A share, in percent.
pub(crate) fn percent<const N: u32>() -> f64 {
    f64::from(N) / 100.0
}
