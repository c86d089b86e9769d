//! Checkpoints: the state of a training on the disk, so that a crash costs about a minute. They are written in the
//! background and by one rename; the newest few are kept, and damaged ones are never used.

mod file;
mod manager;

pub use file::Checkpoint;
pub use manager::{CheckpointManager, Note};

/// Serializes an `f64` by its bits, for `#[serde(with = "bits")]`, because a decimal number may be read back slightly
/// different.
pub mod bits {
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the bits.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(value.to_bits())
    }

    /// Reads the bits.
    ///
    /// # Errors
    /// Those of the deserializer.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        u64::deserialize(from).map(f64::from_bits)
    }
}

#[cfg(test)]
mod tests;
