//! A model bundle: `model.json`, `config.json` and `model.safetensors`, the lengths of the first two
//! before them. The tokenizer is what `model.json` says.
#![no_main]

use std::fs;

use classifier::Bundle;
use libfuzzer_sys::fuzz_target;
use ressenti_fuzz::part;

fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    let (model, config) = (part(&mut rest), part(&mut rest));
    let fingerprint = artifact::Digest::of_bytes(b"{}").to_hex();
    let model = String::from_utf8_lossy(model).replace("FINGERPRINT", &fingerprint);
    let folder = tempfile::tempdir().expect("a folder");
    let files = [
        ("model.json", model.as_bytes()),
        ("config.json", config),
        ("tokenizer.json", b"{}"),
        ("model.safetensors", rest),
    ];
    for (name, content) in files {
        fs::write(folder.path().join(name), content).expect("written");
    }
    let _ = Bundle::load(folder.path(), tch::Device::Cpu);
});
