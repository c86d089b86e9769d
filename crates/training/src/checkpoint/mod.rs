//! States of a training on the disk, so that a crash costs a minute: written whole or not at all, in
//! the background, the newest few kept, and a damaged one never used.

mod file;
mod manager;

pub use file::Checkpoint;
pub use manager::{CheckpointManager, Note};

/// Numbers by their bits, for `#[serde(with = "bits")]`: a decimal number may be read back slightly
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
