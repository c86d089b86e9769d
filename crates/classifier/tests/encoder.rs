//! Compares encoders with the reference implementation. `xtask/scripts/golden_encoders.py` made the files in `golden/`.

#![allow(missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};

use artifact::{Digest, Normalization};
use bundle::{Calibration, ModelFile, Provenance, Sizes, TokenizerReference, ValidationResult};
use classifier::{
    Bundle, Encoder, ForwardContext, InputFormat, LoadedEncoder, Mode, ParameterLayout, Parameters,
    PreparedBatch, Replica, RnnLayout,
};
use safetensors::SafeTensors;
use settings::{ModelKind, ModelSettings, Truncation};
use tch::{Device, Kind, Tensor, no_grad};

const FAMILIES: [&str; 4] = ["bert", "roberta", "distilbert", "mpnet"];

/// A format for every network, without windows.
const UNDIVIDED: InputFormat = InputFormat {
    min_length: 1,
    windows: None,
    rnn_layout: RnnLayout::Reversed,
};

fn golden(family: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(family)
}

/// The values of the reference implementation.
struct Expected(Vec<u8>);

impl Expected {
    fn of(family: &str) -> Self {
        Self(fs::read(golden(family).join("expected.safetensors")).expect("golden values"))
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        let tensors = SafeTensors::deserialize(&self.0).expect("a file of tensors");
        tensors.tensor(name).expect(name).data().to_vec()
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        let bytes = self.bytes(name);
        bytes
            .chunks_exact(4)
            .map(|four| f32::from_le_bytes(four.try_into().expect("four")))
            .collect()
    }

    fn ids(&self, row: usize) -> Vec<i64> {
        let bytes = self.bytes(&format!("ids.{row}"));
        bytes
            .chunks_exact(8)
            .map(|eight| i64::from_le_bytes(eight.try_into().expect("eight")))
            .collect()
    }
}

/// An encoder with its parameters.
struct LoadedReference {
    encoder: Encoder,
    parameters: Parameters,
    words: Tensor,
}

impl LoadedReference {
    fn load(folder: &Path) -> Self {
        let mut layout = ParameterLayout::default();
        let LoadedEncoder { encoder, .. } = Encoder::load(folder, &mut layout).expect("an encoder");
        let words = Encoder::read_word_table(folder, encoder.config()).expect("a word table");
        let parameters = Parameters::view(&layout, &layout.initial(Device::Cpu));
        let words = Tensor::from_slice(&words).view([-1, encoder.config().width]);
        Self {
            encoder,
            parameters,
            words,
        }
    }

    /// The states after every layer, `[B, T, W]` each.
    fn states(&self, rows: &[Vec<i64>]) -> Vec<Tensor> {
        let labels = vec![0; rows.len()];
        let pad = self.encoder.config().pad_id;
        let batch = PreparedBatch::read(rows, &labels, pad, UNDIVIDED).open();
        let size = batch.ids.size();
        let width = self.encoder.config().width;
        let vectors = self
            .words
            .index_select(0, &batch.ids.view([-1]))
            .view([size[0], size[1], width]);
        let context = ForwardContext::new(&batch, &self.parameters, Mode::Evaluate);
        no_grad(|| self.encoder.states(&vectors, context, 0.1))
    }
}

fn largest_difference(found: &Tensor, expected: &[f32]) -> f64 {
    let expected = Tensor::from_slice(expected).view(found.size().as_slice());
    (found - expected).abs().max().double_value(&[])
}

#[test]
fn states_match_the_reference() {
    for family in FAMILIES {
        let encoder = LoadedReference::load(&golden(family));
        let expected = Expected::of(family);
        let rows: Vec<Vec<i64>> = (0..5).map(|row| expected.ids(row)).collect();
        let states = encoder.states(&rows).pop().expect("a last layer");
        for (row, ids) in rows.iter().enumerate() {
            let found = states.get(row as i64).narrow(0, 0, ids.len() as i64);
            let difference = largest_difference(&found, &expected.floats(&format!("states.{row}")));
            assert!(difference < 1e-4, "{family}, text {row}: {difference}");
        }
    }
}

#[test]
fn padding_and_other_rows_change_no_state() {
    for family in FAMILIES {
        let encoder = LoadedReference::load(&golden(family));
        let expected = Expected::of(family);
        let rows: Vec<Vec<i64>> = (0..5).map(|row| expected.ids(row)).collect();
        let together = encoder.states(&rows).pop().expect("a last layer");
        for (row, ids) in rows.iter().enumerate() {
            let alone = encoder
                .states(std::slice::from_ref(ids))
                .pop()
                .expect("a last layer")
                .get(0);
            let found = together.get(row as i64).narrow(0, 0, ids.len() as i64);
            let difference = (found - alone).abs().max().double_value(&[]);
            assert!(difference < 1e-5, "{family}, text {row}: {difference}");
        }
    }
}

/// A bundle with the reference's own classifier: its names, shapes and head.
fn bundle_of(family: &str) -> Bundle {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["config.json", "model.safetensors"] {
        fs::copy(golden(family).join(name), folder.path().join(name)).expect("copied");
    }
    let config = Encoder::read_config(folder.path()).expect("a config");
    let tokenizer = "{}";
    fs::write(folder.path().join("tokenizer.json"), tokenizer).expect("written");
    let model = ModelFile {
        format: ModelFile::FORMAT,
        architecture: settings(),
        features: None,
        sizes: Sizes {
            vocabulary_size: config.vocabulary_size as u32,
            width: config.width as u32,
            classes: 2,
        },
        normalization: Some(Normalization::default()),
        languages: Vec::new(),
        tokenizer: TokenizerReference {
            fingerprint: Digest::of_bytes(tokenizer.as_bytes()),
            pad_id: config.pad_id,
            max_length: 512,
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
            embedding: Some(Digest::of_bytes(b"")),
        },
    };
    let text = serde_json::to_string(&model).expect("plain data");
    fs::write(folder.path().join("model.json"), text).expect("written");
    Bundle::load(folder.path(), Device::Cpu).expect("a bundle")
}

fn settings() -> ModelSettings {
    ModelSettings {
        seed: 1,
        ..ModelSettings::new(ModelKind::Transformer)
    }
}

#[test]
fn logits_match_the_reference_with_and_without_other_rows() {
    for family in FAMILIES {
        let bundle = bundle_of(family);
        let expected = Expected::of(family);
        let rows: Vec<Vec<i64>> = (0..5).map(|row| expected.ids(row)).collect();
        let replica = Replica::new(&bundle.network, &bundle.weights, Kind::Float);
        let logits = |rows: &[Vec<i64>]| {
            let labels = vec![0; rows.len()];
            let pad = bundle.model.tokenizer.pad_id;
            let batch = PreparedBatch::read(rows, &labels, pad, UNDIVIDED).open();
            replica.logits(&bundle.network, &batch)
        };
        let together = logits(&rows);
        let difference = largest_difference(&together, &expected.floats("logits"));
        assert!(difference < 1e-4, "{family}: {difference}");
        for (row, ids) in rows.iter().enumerate() {
            let alone = logits(std::slice::from_ref(ids)).get(0);
            let difference = (together.get(row as i64) - alone)
                .abs()
                .max()
                .double_value(&[]);
            assert!(difference < 1e-5, "{family}, text {row}: {difference}");
        }
    }
}

/// The real MiniLM, which `cargo xtask setup` downloads.
#[test]
fn minilm_matches_the_reference() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/encoders/all-minilm-l6-v2");
    let exists = folder.join("model.safetensors").is_file();
    assert!(exists, "run `cargo xtask setup` to download the encoder");
    let encoder = LoadedReference::load(&folder);
    let expected = Expected::of("minilm");
    let rows: Vec<Vec<i64>> = (0..3).map(|row| expected.ids(row)).collect();
    let states = encoder.states(&rows);
    for (row, ids) in rows.iter().enumerate() {
        for layer in [0, 3, 6] {
            let states = states[layer].get(row as i64).narrow(0, 0, ids.len() as i64);
            let mean = states.mean_dim(Some([0].as_slice()), false, Kind::Float);
            let difference =
                largest_difference(&mean, &expected.floats(&format!("mean.{layer}.{row}")));
            assert!(difference < 1e-4, "text {row}, layer {layer}: {difference}");
        }
    }
}

#[test]
fn an_encoder_folder_with_problems_is_refused() {
    let check = |change: &dyn Fn(&Path), expected: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["config.json", "model.safetensors"] {
            fs::copy(golden("bert").join(name), folder.path().join(name)).expect("copied");
        }
        change(folder.path());
        let error =
            Encoder::load(folder.path(), &mut ParameterLayout::default()).expect_err(expected);
        let message = error
            .to_string()
            .replace(&folder.path().display().to_string(), "FOLDER");
        assert_eq!(message, expected);
    };
    let edit = |folder: &Path, from: &str, to: &str| {
        let path = folder.join("config.json");
        let text = fs::read_to_string(&path).expect("a config");
        assert!(text.contains(from), "{from}");
        fs::write(path, text.replace(from, to)).expect("written");
    };
    check(
        &|folder| {
            edit(
                folder,
                "\"num_hidden_layers\": 2",
                "\"num_hidden_layers\": 3",
            )
        },
        "Failed to load the encoder `FOLDER`: `model.safetensors` lacks the tensor `bert.encoder.layer.2.attention.self.query.weight`",
    );
    check(
        &|folder| {
            edit(
                folder,
                "\"num_hidden_layers\": 2",
                "\"num_hidden_layers\": 1",
            )
        },
        "Failed to load the encoder `FOLDER`: `model.safetensors` has tensors that an encoder of this `config.json` does \
         not have: `bert.encoder.layer.1.attention.output.LayerNorm.bias` and 15 more",
    );
    check(
        &|folder| {
            edit(
                folder,
                "\"intermediate_size\": 12",
                "\"intermediate_size\": 13",
            )
        },
        "Failed to load the encoder `FOLDER`: by `config.json` the tensor \
                  `bert.encoder.layer.0.intermediate.dense.weight` should have the shape [13, 8], but it has [12, 8]",
    );
    check(
        &|folder| {
            fs::rename(
                folder.join("model.safetensors"),
                folder.join("pytorch_model.bin"),
            )
            .expect("renamed");
        },
        "Failed to load the encoder `FOLDER`: it has no `model.safetensors`. Its `pytorch_model.bin` is a pickle, which can \
                  execute any code and is never read",
    );
    check(
        &|folder| {
            let path = folder.join("model.safetensors");
            let bytes = fs::read(&path).expect("weights");
            fs::write(path, &bytes[..bytes.len() - 1]).expect("written");
        },
        "Failed to load the encoder `FOLDER`: `model.safetensors` is damaged: incomplete metadata, file not fully covered",
    );
    check(
        &|folder| fs::write(folder.join("config.json"), "{").expect("written"),
        "Failed to load the encoder `FOLDER`: its `config.json` cannot be used: line 1, column 1 is not valid",
    );
}
