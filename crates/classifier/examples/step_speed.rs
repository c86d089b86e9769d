//! Measures the training speed of one network in reviews per second, on made-up rows, without data and optimizer:
//! `cargo run --example step_speed -- gru 200`

#![allow(clippy::print_stdout, reason = "it prints its result")]

use std::time::Instant;

use bundle::Sizes;
use classifier::{
    ActivationWeights, BackwardPass, ComputePath, CounterRng, ForwardContext, Gradient, Mode,
    Network, PreparedBatch, Weights, choose_device,
};
use rayon::prelude::*;
use settings::{Device, ModelKind, ModelSettings, Pooling, RunSettings};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let kind = match arguments.next().as_deref() {
        Some("naive") => ModelKind::Naive,
        Some("rnn") => ModelKind::Rnn,
        Some("lstm") => ModelKind::Lstm,
        Some("cnn") => ModelKind::Cnn,
        _ => ModelKind::Gru,
    };
    let length: usize = arguments
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(200);
    let threads: usize = arguments
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(2);
    let rows = 64 / threads;
    let sizes = Sizes {
        vocabulary_size: 20_000,
        width: 100,
        classes: 2,
    };
    let settings = ModelSettings {
        bidirectional: true,
        pooling: Pooling::Max,
        embedding_dropout: 0.0,
        seed: 1,
        ..ModelSettings::new(kind)
    };
    let run = RunSettings {
        device: Device::Cpu,
        threads,
        ..RunSettings::default()
    };
    let device = choose_device(&run).expect("the CPU is available");
    let network = Network::new(&settings, sizes, &vec![0.1; 2_000_000]);
    let weights = Weights {
        flat: network.initial(device.device),
        frozen: None,
    };
    let layout = network.layout();
    let first = ActivationWeights::new(layout, &weights, tch::Kind::Float);
    let mut replicas: Vec<ActivationWeights> = (0..threads).map(|_| first.share()).collect();
    let rng = CounterRng::new(1);
    let texts: Vec<Vec<i64>> = (0..rows)
        .map(|row| {
            (0..length)
                .map(|position| (rng.bits((row * length + position) as u64) % 20_000) as i64)
                .collect()
        })
        .collect();
    let labels = vec![1; rows];
    let mut gradient = Gradient::zeros(layout, device.device);
    let mut clock = Instant::now();
    let steps = 12;
    for step in 0..steps + 2 {
        if step == 2 {
            clock = Instant::now();
        }
        let passes: Vec<BackwardPass> = replicas
            .par_iter_mut()
            .map(|weights| {
                let format = network.input_format().for_device(device.device);
                let batch = PreparedBatch::read(&texts, &labels, 0, format).open_on(device.device);
                let mode = Mode::Train(rng.child(step));
                BackwardPass::compute(layout, weights, 1.0, |parameters| {
                    network.loss(weights, ForwardContext::new(&batch, parameters, mode), 0.0)
                })
                .expect("libtorch works")
            })
            .collect();
        for (number, pass) in passes.iter().enumerate() {
            gradient.add(pass, number == 0, ComputePath::Cpu);
        }
    }
    let seconds = clock.elapsed().as_secs_f64() / steps as f64;
    let rate = (rows * threads) as f64 / seconds;
    println!("{kind:?}: {rate:.0} reviews/s of {length} tokens, {threads} threads");
}
