//! Default values of settings as functions, because `serde` refers to defaults by function name.

/// A whole number.
pub(crate) fn number<const N: u32>() -> u32 {
    N
}

/// A fraction, given in percent.
pub(crate) fn percent<const N: u32>() -> f64 {
    f64::from(N) / 100.0
}
