//! A bundle is read back unchanged, and a damaged or replaced file is named.

use std::fs;
use std::path::Path;

use artifact::{Digest, Failure, Normalization};
use bundle::{
    Calibration, ModelFile, Provenance, Scorer, Sizes, TokenizerReference, ValidationResult,
};
use classifier::{
    BatchSize, Bundle, ChosenDevice, Network, NetworkScorer, TorchFault, Weights, save_bundle,
};
use settings::{ModelKind, ModelSettings, Pooling, Truncation};
use tch::{Device, Tensor};

const TOKENIZER: &str = "{\"stands\": \"for a tokenizer\"}";

fn save(folder: &Path, train_embedding: bool) -> Weights {
    let architecture = ModelSettings {
        hidden: 3,
        bidirectional: true,
        pooling: Pooling::Attention,
        dropout: 0.0,
        embedding_dropout: 0.0,
        train_embedding,
        seed: 2,
        ..ModelSettings::new(ModelKind::Lstm)
    };
    let sizes = Sizes {
        vocabulary_size: 7,
        width: 4,
        classes: 2,
    };
    let values: Vec<f32> = (0..28).map(|n| n as f32 / 28.0).collect();
    let network = Network::new(&architecture, sizes, &values);
    let frozen = (!train_embedding).then(|| Tensor::from_slice(&values).view([7, 4]));
    let weights = Weights {
        flat: network.initial(Device::Cpu),
        frozen,
    };
    let tokenizer = folder.join("source.json");
    fs::write(&tokenizer, TOKENIZER).expect("a temporary file");
    let model = ModelFile {
        format: ModelFile::FORMAT,
        architecture,
        features: None,
        sizes,
        normalization: Some(Normalization::default()),
        languages: Vec::new(),
        tokenizer: TokenizerReference {
            fingerprint: Digest::of_bytes(TOKENIZER.as_bytes()),
            pad_id: 0,
            max_length: 9,
            truncation: Truncation::Head,
        },
        labels: vec!["negative".to_owned(), "positive".to_owned()],
        calibration: Calibration::Temperature(1.25),
        parameters: network.layout().len() as u64,
        penalty: None,
        epochs: 3,
        best_epoch: 2,
        validation: ValidationResult {
            rows: 10,
            loss: 0.5,
            accuracy: 0.8,
        },
        provenance: Provenance {
            tokens: Digest::of_bytes(b"t"),
            embedding: Some(Digest::of_bytes(b"e")),
        },
    };
    save_bundle(folder, &model, &network, &weights, &tokenizer).expect("it is written");
    weights
}

#[test]
fn a_bundle_is_read_back_unchanged() {
    for train_embedding in [true, false] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let weights = save(folder.path(), train_embedding);
        let bundle = Bundle::load(folder.path(), Device::Cpu).expect("it loads");
        assert_eq!(
            (&bundle.weights.flat - &weights.flat)
                .abs()
                .max()
                .double_value(&[]),
            0.0
        );
        assert_eq!(bundle.weights.frozen.is_some(), !train_embedding);
        assert_eq!(bundle.model.calibration, Calibration::Temperature(1.25));
    }
}

#[track_caller]
fn check_refused(damage: impl FnOnce(&Path), expected: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    save(folder.path(), true);
    damage(folder.path());
    let error = Bundle::load(folder.path(), Device::Cpu)
        .expect_err("it is refused")
        .to_string();
    assert!(error.contains(expected), "{error}");
}

fn edit(folder: &Path, name: &str, from: &str, to: &str) {
    let path = folder.join(name);
    let text = fs::read_to_string(&path).expect("a text file");
    assert!(text.contains(from), "{name} holds {from}");
    fs::write(path, text.replace(from, to)).expect("a temporary file");
}

#[test]
fn files_that_do_not_belong_together_are_refused() {
    check_refused(
        |folder| fs::write(folder.join("tokenizer.json"), "{}").expect("a file"),
        "`tokenizer.json` was replaced",
    );
    check_refused(
        |folder| edit(folder, "model.json", "\"hidden\": 3", "\"hidden\": 4"),
        "should be F32 of shape [16, 4]",
    );
    check_refused(
        |folder| {
            edit(
                folder,
                "model.json",
                "\"bidirectional\": true",
                "\"bidirectional\": false",
            )
        },
        "shape",
    );
    check_refused(
        |folder| edit(folder, "model.json", "\"attention\"", "\"max\""),
        "which its network does not have",
    );
    check_refused(
        |folder| edit(folder, "model.json", "\"lstm\"", "\"cnn\""),
        "is missing",
    );
    check_refused(
        |folder| edit(folder, "model.json", "\"hidden\": 3,", ""),
        "lacks required keys",
    );
    check_refused(
        |folder| edit(folder, "model.json", "\"format\": 1", "\"format\": 9"),
        "reads format 1",
    );
    check_refused(
        |folder| fs::write(folder.join("model.json"), "no").expect("a file"),
        "not a model description",
    );
    check_refused(
        |folder| {
            let path = folder.join("model.safetensors");
            let bytes = fs::read(&path).expect("a file");
            fs::write(path, &bytes[..bytes.len() / 2]).expect("a file");
        },
        "`model.safetensors` cannot be read",
    );
    check_refused(
        |folder| fs::remove_file(folder.join("model.safetensors")).expect("a file"),
        "Failed to read",
    );
}

/// A device that does not exist, with or without CUDA in libtorch.
fn missing_gpu() -> ChosenDevice {
    ChosenDevice {
        device: Device::Cuda(99),
        reason: "a test".to_owned(),
        replicas: 1,
        native_bf16: false,
    }
}

fn cpu(replicas: usize) -> ChosenDevice {
    ChosenDevice {
        device: Device::Cpu,
        replicas,
        ..missing_gpu()
    }
}

#[test]
fn a_missing_device_is_a_transient_failure() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    save(folder.path(), true);
    let error = NetworkScorer::load(folder.path(), missing_gpu(), BatchSize::Fixed(8))
        .expect_err("there is no such device");
    assert_eq!(error.fault(), Some(TorchFault::Device), "{error:?}");
    assert_eq!(error.to_string(), "libtorch failed to load the model");
    assert_eq!(Failure::from(error).code(), 75);
}

#[test]
fn scores_do_not_depend_on_the_number_of_cores() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    save(folder.path(), true);
    let rows: Vec<Vec<u32>> = (0..40)
        .map(|row| {
            (0..1 + row % 9)
                .map(|position| (row + position * 2) % 7)
                .collect()
        })
        .collect();
    let load = |replicas, batches| {
        NetworkScorer::load(folder.path(), cpu(replicas), batches).expect("it loads")
    };
    let alone = load(1, BatchSize::Fixed(8));
    let expected = alone.scores(&rows).expect("scores");
    assert_eq!(alone.scores(&rows).expect("scores"), expected);
    for batches in [BatchSize::Fixed(8), BatchSize::Spread { max: 4 }] {
        let scorer = load(3, batches);
        // One row needs one replica; many rows need more of them later.
        for count in [1, 40, 2, 40] {
            let found = scorer.scores(&rows[..count]).expect("scores");
            assert_eq!(found.len(), count);
            for (found, expected) in found.iter().zip(&expected) {
                assert!((found - expected).abs() < 1e-5, "{found} {expected}");
            }
        }
        assert!(scorer.take_notes().is_empty());
    }
}
