//! States of a training on the disk, so that a crash costs a minute: written whole or not at all, in
//! the background, the newest few kept, and a damaged one never taken for a whole one.
//!
//! It knows nothing of what is trained: tensors, a position and a record go in and come out again.

mod file;
mod keeper;

pub use file::Checkpoint;
pub use keeper::{BeforeWrite, Keeper, Note};

/// Numbers by their bits, for `#[serde(with = "checkpoint::bits")]`: what is written in decimal may
/// come back a bit different.
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
