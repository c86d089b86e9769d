//! Properties of every network: padding and other rows change no logit, gradients are those of the loss, and equal
//! seeds give equal weights.

use bundle::Sizes;
use classifier::{
    ActivationWeights, BackwardPass, Batch, ComputePath, CounterRng, ForwardContext, Gradient,
    InputFormat, Mode, Network, PreparedBatch, Replica, RnnLayout, Weights,
};
use settings::{ModelKind, ModelSettings, Pooling};
use tch::{Device, Kind, Tensor};

const SIZES: Sizes = Sizes {
    vocabulary_size: 30,
    width: 6,
    classes: 2,
};
const PAD: u32 = 0;

fn settings(kind: ModelKind, pooling: Pooling, bidirectional: bool, layers: u32) -> ModelSettings {
    ModelSettings {
        hidden: 5,
        layers,
        bidirectional,
        pooling,
        dropout: 0.3,
        embedding_dropout: 0.3,
        filters: 4,
        kernel_widths: vec![2, 3],
        seed: 11,
        ..ModelSettings::new(kind)
    }
}

fn every_network() -> Vec<ModelSettings> {
    let mut all = vec![
        settings(ModelKind::Naive, Pooling::Last, false, 0),
        settings(ModelKind::Naive, Pooling::Last, false, 2),
        settings(ModelKind::Cnn, Pooling::Last, false, 1),
    ];
    for kind in [ModelKind::Rnn, ModelKind::Lstm, ModelKind::Gru] {
        for pooling in [
            Pooling::Last,
            Pooling::Mean,
            Pooling::Max,
            Pooling::Attention,
        ] {
            all.push(settings(kind, pooling, false, 1));
            all.push(settings(kind, pooling, true, 2));
        }
    }
    all
}

fn embedding() -> Vec<f32> {
    let rng = CounterRng::new(5);
    (0..SIZES.vocabulary_size * SIZES.width)
        .map(|n| rng.normal(u64::from(n)) as f32)
        .collect()
}

fn build(settings: &ModelSettings) -> (Network, Weights) {
    let network = Network::new(settings, SIZES, &embedding());
    let frozen = network.embedding().is_none().then(|| {
        Tensor::from_slice(&embedding())
            .view([i64::from(SIZES.vocabulary_size), i64::from(SIZES.width)])
    });
    let weights = Weights {
        flat: network.initial(Device::Cpu),
        frozen,
    };
    (network, weights)
}

fn texts() -> Vec<Vec<i64>> {
    let lengths = [1, 2, 3, 5, 8, 13, 4, 7];
    let word = |row: usize, position: usize| 1 + ((row * 7 + position * 5) % 29) as i64;
    lengths
        .iter()
        .enumerate()
        .map(|(row, &length)| (0..length).map(|position| word(row, position)).collect())
        .collect()
}

fn labels() -> Vec<i64> {
    vec![0, 1, 0, 1, 1, 0, 1, 0]
}

fn batch(network: &Network, texts: &[Vec<i64>], labels: &[i64], min_length: usize) -> Batch {
    let format = InputFormat {
        min_length: min_length.max(network.input_format().min_length),
        windows: None,
        rnn_layout: RnnLayout::Reversed,
    };
    PreparedBatch::read(texts, labels, PAD, format).open()
}

fn logits(settings: &ModelSettings, network: &Network, weights: &Weights, batch: &Batch) -> Tensor {
    let logits = Replica::new(network, weights, Kind::Float).logits(network, batch);
    assert_eq!(logits.size(), [batch.rows, 2], "{settings:?}");
    logits
}

#[test]
fn padding_and_other_rows_change_no_logit() {
    for settings in every_network() {
        let (network, weights) = build(&settings);
        let together = logits(
            &settings,
            &network,
            &weights,
            &batch(&network, &texts(), &labels(), 0),
        );
        let padded = logits(
            &settings,
            &network,
            &weights,
            &batch(&network, &texts(), &labels(), 40),
        );
        let difference = (&together - &padded).abs().max().double_value(&[]);
        assert!(
            difference < 1e-5,
            "padding changed a logit by {difference}: {settings:?}"
        );
        for (row, text) in texts().into_iter().enumerate() {
            let alone = batch(&network, &[text], &labels()[row..=row], 0);
            let alone = logits(&settings, &network, &weights, &alone);
            let difference = (alone - together.narrow(0, row as i64, 1))
                .abs()
                .max()
                .double_value(&[]);
            assert!(
                difference < 1e-5,
                "other rows changed row {row} by {difference}: {settings:?}"
            );
        }
    }
}

#[test]
fn only_the_naive_network_ignores_the_order_of_words() {
    for settings in every_network() {
        let (network, weights) = build(&settings);
        let text = vec![3, 9, 17, 4, 22];
        let reversed: Vec<i64> = text.iter().rev().copied().collect();
        let found = logits(
            &settings,
            &network,
            &weights,
            &batch(&network, &[text, reversed], &[0, 0], 0),
        );
        let difference = (found.get(0) - found.get(1)).abs().max().double_value(&[]);
        assert_eq!(
            difference > 1e-4,
            settings.kind != ModelKind::Naive,
            "{difference}: {settings:?}"
        );
    }
}

/// The loss and the flat gradient of one pass, computed by this code.
fn gradient_on(
    network: &Network,
    weights: &Weights,
    batch: &Batch,
    mode: Mode,
    path: ComputePath,
) -> (f64, Tensor) {
    let layout = network.layout();
    let activation = ActivationWeights::new(layout, weights, Kind::Float);
    let pass = BackwardPass::compute(layout, &activation, 1.0, |parameters| {
        network.loss(
            &activation,
            ForwardContext::new(batch, parameters, mode),
            0.0,
        )
    });
    let pass = pass.expect("libtorch works");
    let mut gradient = Gradient::zeros(layout, Device::Cpu);
    gradient.add(&pass, true, path);
    (pass.loss.double_value(&[]), gradient.total().copy())
}

fn gradient_of(network: &Network, weights: &Weights, batch: &Batch) -> (f64, Tensor) {
    let path = ComputePath::Cpu;
    gradient_on(network, weights, batch, Mode::Evaluate, path)
}

#[test]
fn gradients_of_the_gpu_code_match_those_of_the_cpu_code() {
    for settings in every_network() {
        let (network, weights) = build(&settings);
        let (_, expected) =
            gradient_of(&network, &weights, &batch(&network, &texts(), &labels(), 0));
        let format = network.input_format().for_gpu();
        let prepared = PreparedBatch::read(&texts(), &labels(), PAD, format);
        let packed = prepared.open();
        let path = ComputePath::Gpu;
        let (_, found) = gradient_on(&network, &weights, &packed, Mode::Evaluate, path);
        let largest = expected.abs().max().double_value(&[]);
        let difference = (found - expected).abs().max().double_value(&[]);
        assert!(
            difference <= 1e-6 * largest,
            "{difference} of {largest}: {settings:?}"
        );
    }
}

#[test]
fn gradients_match_finite_differences_of_the_loss() {
    for settings in every_network() {
        let (network, mut weights) = build(&settings);
        let batch = batch(&network, &texts(), &labels(), 0);
        let (_, gradient) = gradient_of(&network, &weights, &batch);
        // The loss must change along a random direction as the gradient predicts. The step is a compromise: the kinks
        // of maxima and ReLUs need a small one, the precision of f32 needs a large one.
        let rng = CounterRng::new(3);
        let direction: Vec<f32> = (0..network.layout().len())
            .map(|n| rng.normal(n as u64) as f32)
            .collect();
        let direction = Tensor::from_slice(&direction);
        let direction = &direction / direction.norm();
        let expected = (&gradient * &direction).sum(Kind::Double).double_value(&[]);
        let step = 0.002;
        let start = weights.flat.copy();
        let mut loss_at = |offset: f64| {
            weights.flat = &start + &direction * offset;
            gradient_of(&network, &weights, &batch).0
        };
        let found = (loss_at(step) - loss_at(-step)) / (2.0 * step);
        let tolerance = 0.02 * expected.abs().max(0.5);
        assert!(
            (found - expected).abs() < tolerance,
            "{found} instead of {expected}: {settings:?}"
        );
    }
}

#[test]
fn the_gradients_of_two_halves_add_up_to_the_whole() {
    for settings in every_network() {
        let (network, weights) = build(&settings);
        let (texts, labels) = (texts(), labels());
        let (loss, whole) = gradient_of(&network, &weights, &batch(&network, &texts, &labels, 0));
        let (loss_one, one) = gradient_of(
            &network,
            &weights,
            &batch(&network, &texts[..3], &labels[..3], 0),
        );
        let (loss_two, two) = gradient_of(
            &network,
            &weights,
            &batch(&network, &texts[3..], &labels[3..], 0),
        );
        let difference = (one + two - whole).abs().max().double_value(&[]);
        assert!(difference < 1e-4, "{difference}: {settings:?}");
        assert!((loss_one + loss_two - loss).abs() < 1e-4, "{settings:?}");
    }
}

#[test]
fn equal_seeds_give_equal_weights() {
    for settings in every_network() {
        let (_, one) = build(&settings);
        let (_, two) = build(&settings);
        let (_, other) = build(&ModelSettings {
            seed: 12,
            ..settings.clone()
        });
        assert_eq!(
            (&one.flat - &two.flat).abs().max().double_value(&[]),
            0.0,
            "{settings:?}"
        );
        assert!(
            (&one.flat - &other.flat).abs().max().double_value(&[]) > 0.0,
            "{settings:?}"
        );
    }
}

#[test]
fn dropout_depends_on_the_step_alone() {
    let settings = settings(ModelKind::Naive, Pooling::Last, false, 1);
    let (network, weights) = build(&settings);
    let batch = batch(&network, &texts(), &labels(), 0);
    let loss = |step: u64| {
        let mode = Mode::Train(CounterRng::new(1).child(step));
        gradient_on(&network, &weights, &batch, mode, ComputePath::Cpu).0
    };
    assert_eq!(loss(1), loss(1));
    assert_ne!(loss(1), loss(2));
}

#[test]
fn a_frozen_embedding_is_used_and_not_learned() {
    let learned = settings(ModelKind::Gru, Pooling::Max, true, 1);
    let frozen = ModelSettings {
        train_embedding: false,
        ..learned.clone()
    };
    let (learned_network, learned_weights) = build(&learned);
    let (frozen_network, frozen_weights) = build(&frozen);
    let elements = (SIZES.vocabulary_size * SIZES.width) as usize;
    assert_eq!(
        learned_network.layout().len() - frozen_network.layout().len(),
        elements
    );
    let one = logits(
        &learned,
        &learned_network,
        &learned_weights,
        &batch(&learned_network, &texts(), &labels(), 0),
    );
    let two = logits(
        &frozen,
        &frozen_network,
        &frozen_weights,
        &batch(&frozen_network, &texts(), &labels(), 0),
    );
    assert!((one - two).abs().max().double_value(&[]) < 1e-6);
}
