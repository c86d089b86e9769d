//! What lies in the store: manifests, tables, arrays.
#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("manifest.json");
    fs::write(&path, bytes).expect("written");
    match kind % 4 {
        0 => {
            let _ = artifact::Artifact::open(folder.path()).and_then(|artifact| artifact.verify());
        }
        1 => {
            if let Ok(batches) = artifact::read_table(&path, &artifact::schema::reviews()) {
                batches.for_each(drop);
            }
        }
        2 => {
            if let Ok(arrays) = artifact::map_arrays(&path, &artifact::schema::tokens(false)) {
                let _ = arrays.batches();
            }
        }
        _ => {
            if let Ok(arrays) = artifact::map_arrays(&path, &artifact::schema::embedding(3)) {
                let _ = arrays.batches();
            }
        }
    }
});
