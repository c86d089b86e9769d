//! The GPU code of training, run on a CPU: it computes the same as the CPU code, with few operations, and never waits
//! for the GPU between two lines of the record.

#![allow(clippy::print_stdout, reason = "it prints a table for `--nocapture`")]

mod common;

use classifier::{ActivationWeights, BackwardPass, ComputePath, CounterRng, Mode};
use common::{Setup, run, setup, train_without_checkpoints};
use operators::{Operators, count_on_this_thread};
use settings::{ModelKind, Pooling};
use tch::Kind;
use training::Task;

fn every_model(steps: usize, dropout: f64) -> Vec<Setup> {
    let mut all = Vec::new();
    for kind in [
        ModelKind::Naive,
        ModelKind::Cnn,
        ModelKind::Rnn,
        ModelKind::Lstm,
        ModelKind::Gru,
    ] {
        all.push(setup(kind, "", steps, dropout));
    }
    for family in ["bert", "distilbert", "roberta", "mpnet"] {
        all.push(setup(ModelKind::Transformer, family, steps, dropout));
    }
    all
}

#[test]
fn the_gpu_code_and_the_cpu_code_train_the_same_weights() {
    for setup in every_model(6, 0.0) {
        let (one, record_one) = train_without_checkpoints(&setup, ComputePath::Cpu);
        let (two, record_two) = train_without_checkpoints(&setup, ComputePath::Gpu);
        let moved = (&one.flat - &setup.start.flat)
            .abs()
            .max()
            .double_value(&[]);
        let difference = (&one.flat - &two.flat).abs().max().double_value(&[]);
        let kind = setup.model.kind;
        assert!(moved > 0.01, "{kind:?} has not learned: {moved}");
        // AdamW changes every weight by about the learning rate, however small the gradient, so rounding errors grow.
        assert!(
            difference < 0.01 * moved,
            "{kind:?}: difference {difference}, change {moved}"
        );
        let losses = [&record_one, &record_two].map(|record| {
            let line = record.lines().last().expect("the epoch's line");
            let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(line["event"], "epoch");
            line["train_loss"].as_f64().expect("a number")
        });
        assert!((losses[0] - losses[1]).abs() < 1e-4, "{kind:?}: {losses:?}");
    }
}

#[test]
fn a_non_finite_step_of_the_gpu_code_is_reported_and_changes_nothing() {
    let mut setup = setup(ModelKind::Naive, "", 4, 0.0);
    setup.model.training.learning_rate = 1e30;
    setup.model.training.clip_norm = 0.0;
    setup.model.training.warm_up = 0.0;
    let folder = tempfile::tempdir().expect("a folder");
    let (trained, weights, record) = run(&setup, ComputePath::Gpu, folder.path(), 0);
    let error = trained
        .expect_err("the weights are huge after one step")
        .to_string();
    assert!(
        error.starts_with("The loss is not finite at step "),
        "{error}"
    );
    assert!(error.contains("in reviews "), "{error}");
    assert!(record.contains("\"backoff\""), "{record}");
    let finite = weights.flat.isfinite().all().int64_value(&[]);
    assert_eq!(finite, 1, "a non-finite gradient reached the weights");
}

/// The operators of trainings with four and with three steps, which differ by one step only, and the operators of one
/// forward and backward pass.
fn operators_of(kind: ModelKind, family: &str) -> (Operators, Operators, Operators) {
    let longer = setup(kind, family, 4, 0.1);
    let shorter = setup(kind, family, 3, 0.1);
    let (_, four) = count_on_this_thread(|| train_without_checkpoints(&longer, ComputePath::Gpu));
    let (_, three) = count_on_this_thread(|| train_without_checkpoints(&shorter, ComputePath::Gpu));
    let task = longer.task();
    let weights = longer.weights();
    let mut activation = ActivationWeights::new(task.layout(), &weights, Kind::Float);
    let batch = task.draw_batch(&[0, 1, 2, 3, 4, 5, 6, 7], CounterRng::new(1));
    let path = ComputePath::Gpu;
    let part = task
        .prepare_part(&batch, 0..8, CounterRng::new(1), path)
        .expect("a part");
    let (_, passes) = count_on_this_thread(|| {
        activation.refresh();
        BackwardPass::compute(task.layout(), &activation, 0.1, |parameters| {
            task.loss(&part, &activation, parameters, Mode::TrainOnGpu)
        })
        .expect("a gradient")
    });
    (four, three, passes)
}

#[test]
fn a_step_of_the_gpu_code_has_at_most_forty_operators_beside_its_passes() {
    let transformer = ModelKind::Transformer;
    for (kind, family) in [
        (ModelKind::Naive, ""),
        (ModelKind::Cnn, ""),
        (ModelKind::Rnn, ""),
        (ModelKind::Lstm, ""),
        (ModelKind::Gru, ""),
        (transformer, "bert"),
        (transformer, "mpnet"),
    ] {
        let (four, three, passes) = operators_of(kind, family);
        let step = four.top_level() - three.top_level();
        let beside = step - passes.top_level();
        println!("{kind:?} {family}: {step} operators, {beside} beside the passes");
        assert!(
            (20..=40).contains(&beside),
            "{kind:?} {family}: {beside} of {step}\n{:?}",
            four.table()
        );
        // The end of an epoch reads its sums once, for any number of steps.
        assert_eq!(
            four.synchronising(),
            three.synchronising(),
            "{kind:?} {family}"
        );
        assert!(
            passes.synchronising().is_empty(),
            "{:?}",
            passes.synchronising()
        );
    }
}

#[test]
fn pooled_networks_train_the_same_weights_on_both_paths() {
    // Every pooling reads padding differently.
    for pooling in [
        Pooling::Last,
        Pooling::Mean,
        Pooling::Max,
        Pooling::Attention,
    ] {
        let mut setup = setup(ModelKind::Gru, "", 3, 0.0);
        setup.model.pooling = pooling;
        let (one, _) = train_without_checkpoints(&setup, ComputePath::Cpu);
        let (two, _) = train_without_checkpoints(&setup, ComputePath::Gpu);
        let difference = (&one.flat - &two.flat).abs().max().double_value(&[]);
        assert!(difference < 1e-4, "{pooling:?}: {difference}");
    }
}
