//! Integrated gradients of every kind of network: the attributions add up to the change of the score.

#![allow(missing_docs)]

use std::fs;
use std::path::Path;

use artifact::{Digest, Normalization};
use bundle::{Calibration, ModelFile, Provenance, Sizes, TokenizerReference, ValidationResult};
use classifier::{
    Attributions, Bundle, ClassifierError, CounterRng, Encoder, MemoryLimit, Network, Weights,
    attributions_of_rows,
};
use settings::{ModelKind, ModelSettings, Pooling, Truncation, WindowSettings};
use tch::Device;

const SIZES: Sizes = Sizes {
    vocabulary_size: 30,
    width: 6,
    classes: 2,
};
const ROW: [u32; 9] = [4, 9, 17, 2, 2, 29, 11, 5, 8];

fn description(architecture: ModelSettings, sizes: Sizes) -> ModelFile {
    ModelFile {
        format: ModelFile::FORMAT,
        architecture,
        features: None,
        sizes,
        normalization: Some(Normalization::default()),
        languages: Vec::new(),
        tokenizer: TokenizerReference {
            fingerprint: Digest::of_bytes(b"{}"),
            pad_id: 0,
            max_length: 64,
            truncation: Truncation::Head,
        },
        labels: vec!["negative".to_owned(), "positive".to_owned()],
        calibration: Calibration::Temperature(1.0),
        parameters: 0,
        penalty: None,
        epochs: 1,
        best_epoch: 1,
        validation: ValidationResult {
            rows: 1,
            loss: 0.0,
            accuracy: 1.0,
        },
        provenance: Provenance {
            tokens: Digest::of_bytes(b""),
            embedding: None,
        },
    }
}

/// The word table; the vector of padding is zero.
fn vectors() -> Vec<f32> {
    let rng = CounterRng::new(5);
    let count = SIZES.vocabulary_size * SIZES.width;
    let value = |index: u32| match index < SIZES.width {
        true => 0.0,
        false => 2.0 * rng.normal(u64::from(index)) as f32,
    };
    (0..count).map(value).collect()
}

fn bundle(settings: ModelSettings) -> Bundle {
    let network = Network::new(&settings, SIZES, &vectors());
    let weights = Weights {
        flat: network.initial(Device::Cpu) * 1.3,
        frozen: None,
    };
    Bundle {
        model: description(settings, SIZES),
        network,
        weights,
    }
}

fn attributions(
    bundle: &Bundle,
    ids: &[u32],
    added: &[bool],
) -> Result<Attributions, ClassifierError> {
    let rows = [(ids.to_vec(), added.to_vec())];
    let found = attributions_of_rows(bundle, &rows, 1, &MemoryLimit::default());
    found.map(|mut found| found.pop().expect("one for each row"))
}

fn check_sum(bundle: &Bundle, row: &[u32], added: &[bool]) -> Attributions {
    let found = attributions(bundle, row, added).expect("a row it can read");
    assert_eq!(found.tokens.len(), row.len());
    let sum: f64 = found.tokens.iter().sum();
    let change = found.score - found.baseline;
    let kind = bundle.model.architecture.kind;
    assert!(
        (sum - change).abs() <= 0.02 * change.abs() + 0.01,
        "{kind:?}: {sum} instead of {change}"
    );
    assert!(change.abs() > 0.03, "{kind:?}: too small, {change}");
    for (value, added) in found.tokens.iter().zip(added) {
        assert!(!added || *value == 0.0, "an added token has {value}");
    }
    found
}

#[test]
fn attributions_add_up_for_every_network() {
    for kind in [
        ModelKind::Naive,
        ModelKind::Cnn,
        ModelKind::Rnn,
        ModelKind::Gru,
        ModelKind::Lstm,
    ] {
        for pooling in [Pooling::Last, Pooling::Max, Pooling::Attention] {
            let settings = ModelSettings {
                hidden: 5,
                layers: 1,
                bidirectional: true,
                pooling,
                filters: 4,
                kernel_widths: vec![2, 3],
                seed: 11,
                ..ModelSettings::new(kind)
            };
            check_sum(&bundle(settings), &ROW, &[false; ROW.len()]);
        }
    }
}

/// With thirty-two equal segments the sum is -27 nats instead of 10.
#[test]
fn attributions_add_up_for_a_steep_network() {
    let settings = ModelSettings {
        hidden: 5,
        bidirectional: true,
        pooling: Pooling::Max,
        seed: 11,
        ..ModelSettings::new(ModelKind::Lstm)
    };
    let mut bundle = bundle(settings);
    bundle.weights.flat = &bundle.weights.flat * 8.0;
    check_sum(&bundle, &ROW, &[false; ROW.len()]);
}

#[test]
fn rows_have_the_same_attributions_together_and_alone() {
    let settings = ModelSettings {
        hidden: 5,
        seed: 11,
        ..ModelSettings::new(ModelKind::Gru)
    };
    let bundle = bundle(settings);
    let row = |length: usize| (ROW[..length].to_vec(), vec![false; length]);
    let rows: Vec<_> = (0..20).map(|number| row(1 + number % ROW.len())).collect();
    let alone = |(ids, added): &(Vec<u32>, Vec<bool>)| attributions(&bundle, ids, added);
    let expected: Vec<Attributions> = rows.iter().map(|row| alone(row).expect("a row")).collect();
    for threads in [1, 3, 64] {
        let found =
            attributions_of_rows(&bundle, &rows, threads, &MemoryLimit::default()).expect("rows");
        assert_eq!(found, expected, "{threads} threads");
    }
    let none =
        attributions_of_rows(&bundle, &[], 2, &MemoryLimit::default()).expect("nothing to do");
    assert!(none.is_empty());
    let mut bad = rows;
    bad[7].0[0] = 30;
    let error = attributions_of_rows(&bundle, &bad, 2, &MemoryLimit::default())
        .expect_err("the id is not in the vocabulary");
    assert!(error.to_string().contains("has the token id 30"), "{error}");
}

/// A network without a hidden layer is linear in the vectors: the attribution of a token is its share of the mean.
#[test]
fn attributions_of_a_linear_network_are_exact() {
    let settings = ModelSettings {
        layers: 0,
        seed: 3,
        ..ModelSettings::new(ModelKind::Naive)
    };
    let bundle = bundle(settings);
    let found = check_sum(&bundle, &ROW, &[false; ROW.len()]);
    for (id, value) in ROW.iter().zip(&found.tokens) {
        let alone = attributions(&bundle, &[*id], &[false]).expect("a row");
        let expected = (alone.score - alone.baseline) / ROW.len() as f64;
        assert!((value - expected).abs() < 1e-5, "{id}: {value} {expected}");
    }
    let error =
        attributions(&bundle, &[30], &[false]).expect_err("the id is not in the vocabulary");
    assert!(error.to_string().contains("has the token id 30"), "{error}");
}

#[test]
fn attributions_of_an_encoder_add_up_with_and_without_windows() {
    for windows in [
        None,
        Some(WindowSettings {
            length: 6,
            overlap: 2,
        }),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/bert");
        for name in ["config.json", "model.safetensors"] {
            fs::copy(golden.join(name), folder.path().join(name)).expect("copied");
        }
        fs::write(folder.path().join("tokenizer.json"), "{}").expect("written");
        let config = Encoder::read_config(folder.path()).expect("a config");
        let sizes = Sizes {
            vocabulary_size: config.vocabulary_size as u32,
            width: config.width as u32,
            classes: 2,
        };
        let settings = ModelSettings {
            windows,
            ..ModelSettings::new(ModelKind::Transformer)
        };
        let text = serde_json::to_string(&description(settings, sizes)).expect("plain data");
        fs::write(folder.path().join("model.json"), text).expect("written");
        let mut bundle = Bundle::load(folder.path(), Device::Cpu).expect("a bundle");
        bundle.weights.flat = &bundle.weights.flat * 3.0;
        let mut added = [false; ROW.len()];
        (added[0], added[ROW.len() - 1]) = (true, true);
        check_sum(&bundle, &ROW, &added);
    }
}
