//! Helpers for tests of several crates: a tiny corpus, a project in a temporary folder, artifacts without a stage,
//! the built programs, and their output in comparable form. Not part of any program.

pub mod artifacts;
pub mod binaries;
pub mod browser;
pub mod corpus;
pub mod encoder;
pub mod executables;
pub mod filters;
pub mod project;
pub mod stages;

pub use artifacts::TestArtifact;
pub use binaries::{ProgramOutput, fault_injection_program, program, programs};
pub use encoder::write_tiny_encoder;
pub use executables::{copy_program, write_script};
pub use project::{Project, tiny_pipeline};
pub use stages::run_stage;
