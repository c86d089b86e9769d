//! In a process of its own, because the switch is the process's.

#![allow(missing_docs, reason = "tests")]

use classifier::{be_deterministic, is_deterministic};
use tch::{Device, Kind, Tensor};

#[test]
fn the_switch_of_libtorch_is_thrown() {
    assert!(!is_deterministic());
    be_deterministic();
    assert!(is_deterministic());
    // What training asks for goes on working.
    let values = Tensor::ones([3, 2], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    let chosen = values.index_select(0, &Tensor::from_slice(&[0_i64, 2, 2]));
    chosen.sum(Kind::Float).backward();
    let gradient = Vec::<f32>::try_from(values.grad().view([-1])).expect("six numbers");
    assert_eq!(gradient, [1.0, 1.0, 0.0, 0.0, 2.0, 2.0]);
}
