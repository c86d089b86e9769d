//! Features of frozen encoders, compared with the encoder's own states, which other tests compare with the reference
//! implementation.

#![allow(missing_docs)]

use std::path::{Path, PathBuf};

use classifier::{
    Batch, Encoder, ForwardContext, InputFormat, Mode, Network, ParameterLayout, Parameters,
    PreparedBatch, Replica, RnnLayout, WindowOwners,
};
use settings::{FeaturePooling, FeatureSettings, Precision, WindowSettings};
use tch::{Device, Kind, Tensor, no_grad};

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

fn rows() -> Vec<Vec<i64>> {
    let row = |length: i64| {
        (0..length)
            .map(|position| 4 + (position * position + length) % 11)
            .collect()
    };
    [1, 7, 3, 12].into_iter().map(row).collect()
}

fn settings(layers: &[i32], pooling: &[FeaturePooling]) -> FeatureSettings {
    FeatureSettings {
        layers: layers.to_vec(),
        pooling: pooling.to_vec(),
        windows: None,
        precision: Precision::F32,
    }
}

fn batch(family: &str, rows: &[Vec<i64>]) -> Batch {
    let pad = Encoder::read_config(&golden(family))
        .expect("a config")
        .pad_id;
    PreparedBatch::read(rows, &vec![0; rows.len()], pad, UNDIVIDED).open()
}

fn features(family: &str, settings: &FeatureSettings, batch: &Batch) -> Vec<Vec<f32>> {
    let pretrained = Network::frozen(settings, &golden(family), 2).expect("an encoder");
    let weights = pretrained.weights(Device::Cpu);
    let network = pretrained.network;
    let replica = Replica::new(&network, &weights, Kind::Float);
    let states = replica.states(&network, batch);
    assert_eq!(states.size()[1], network.state_width());
    Vec::<Vec<f32>>::try_from(states).expect("a matrix")
}

/// The states of one row alone after every layer, `[T][W]` each.
fn states_of(family: &str, row: &[i64]) -> Vec<Vec<Vec<f32>>> {
    let mut layout = ParameterLayout::default();
    let encoder = Encoder::load(&golden(family), &mut layout)
        .expect("an encoder")
        .encoder;
    let parameters = Parameters::view(&layout, &layout.initial(Device::Cpu));
    let width = encoder.config().width;
    let words = Encoder::read_word_table(&golden(family), encoder.config()).expect("a word table");
    let words = Tensor::from_slice(&words).view([-1, width]);
    let batch = batch(family, &[row.to_vec()]);
    let vectors = words
        .index_select(0, &batch.ids.view([-1]))
        .view([row.len() as i64, 1, width]);
    let context = ForwardContext::new(&batch, &parameters, Mode::Evaluate);
    let states = no_grad(|| encoder.states(&vectors, context, 0.0));
    let states = states.iter().map(|states| states.get(0));
    states
        .map(|states| Vec::try_from(states).expect("a matrix"))
        .collect()
}

fn pooled(states: &[Vec<f32>], pooling: FeaturePooling) -> Vec<f32> {
    let column = |component: usize| states.iter().map(move |state| state[component]);
    let pool = |component: usize| match pooling {
        FeaturePooling::Cls => states[0][component],
        FeaturePooling::Mean => column(component).sum::<f32>() / states.len() as f32,
        FeaturePooling::Max => column(component).fold(f32::NEG_INFINITY, f32::max),
    };
    (0..states[0].len()).map(pool).collect()
}

fn assert_near(found: &[f32], expected: &[f32], about: &str) {
    assert_eq!(found.len(), expected.len(), "{about}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() < 1e-5,
            "{about}: {found} is not {expected}"
        );
    }
}

const POOLINGS: [FeaturePooling; 3] = [
    FeaturePooling::Cls,
    FeaturePooling::Mean,
    FeaturePooling::Max,
];

#[test]
fn features_are_pooled_states_in_the_order_of_the_settings() {
    for family in ["bert", "roberta", "distilbert", "mpnet"] {
        let settings = settings(&[-1, 0, 1], &POOLINGS);
        let found = features(family, &settings, &batch(family, &rows()));
        for (row, found) in rows().iter().zip(found) {
            let states = states_of(family, row);
            let last = states.len() - 1;
            let expected: Vec<f32> = [last, 0, 1]
                .into_iter()
                .flat_map(|layer| POOLINGS.map(|pooling| pooled(&states[layer], pooling)))
                .flatten()
                .collect();
            assert_near(
                &found,
                &expected,
                &format!("{family}, {} tokens", row.len()),
            );
        }
    }
}

/// If only the first state is used, it is computed without the states of the other tokens.
#[test]
fn the_first_state_is_the_same_if_it_is_computed_alone() {
    for family in ["bert", "mpnet"] {
        let batch = batch(family, &rows());
        let alone = features(family, &settings(&[-1], &[FeaturePooling::Cls]), &batch);
        let together = features(family, &settings(&[-1], &POOLINGS[..2]), &batch);
        for (alone, together) in alone.iter().zip(&together) {
            assert_near(alone, &together[..alone.len()], family);
        }
    }
}

#[test]
fn windows_of_a_long_row_are_pooled_like_states() {
    let (short, long) = (rows().swap_remove(1), rows().swap_remove(3));
    // The windows that `windows_of` makes of twelve tokens, with seven tokens each and two shared.
    let (first, last) = (long[0], long[11]);
    let window = |from: usize| [&[first], &long[from..from + 5], &[last]].concat();
    let windows = [window(1), window(4), window(6)];
    for pooling in POOLINGS {
        let with_windows = FeatureSettings {
            windows: Some(WindowSettings {
                length: 7,
                overlap: 2,
            }),
            ..settings(&[-1], &[pooling])
        };
        let rows: Vec<Vec<i64>> = [std::slice::from_ref(&short), &windows].concat();
        let together = Batch {
            owners: Some(WindowOwners::new(&[1, 3], Device::Cpu)),
            ..batch("bert", &rows)
        };
        let found = features("bert", &with_windows, &together);
        let alone = features("bert", &settings(&[-1], &[pooling]), &batch("bert", &rows));
        let (one, parts) = alone.split_first().expect("four rows");
        assert_near(&found[0], one, "a row that fits");
        let expected: Vec<f32> = (0..one.len())
            .map(|component| {
                let parts = parts.iter().map(|part| part[component]);
                match pooling {
                    FeaturePooling::Max => parts.fold(f32::NEG_INFINITY, f32::max),
                    // All windows have the same length.
                    _ => parts.sum::<f32>() / 3.0,
                }
            })
            .collect();
        assert_near(&found[1], &expected, "a row of three windows");
    }
}
