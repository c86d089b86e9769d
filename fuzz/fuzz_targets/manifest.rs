//! The manifest of an artifact, with the right seal, and the proof of files it names.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ressenti_fuzz::{as_file, sealed};

fuzz_target!(|bytes: &[u8]| {
    as_file(artifact::MANIFEST_NAME, &sealed(bytes), |path| {
        let folder = path.parent().expect("a file lies in a folder");
        let _ = artifact::Artifact::open(folder).and_then(|artifact| artifact.verify());
    });
});
