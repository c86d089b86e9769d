//! Deterministic algorithms and TF32 products. This file is a separate process, because the switches apply to the
//! process.

#![allow(missing_docs, reason = "tests")]

use classifier::{allow_tf32_products, are_tf32_products_allowed, choose_device, is_deterministic};
use settings::RunSettings;
use tch::{Device, Kind, Tensor};

#[test]
fn choosing_a_device_enables_deterministic_algorithms() {
    let run = |deterministic| RunSettings {
        device: settings::Device::Cpu,
        deterministic,
        ..RunSettings::default()
    };
    choose_device(&run(false)).expect("the CPU is available");
    assert!(!is_deterministic());
    // Twice, as in a program that loads several models.
    for _ in 0..2 {
        choose_device(&run(true)).expect("the CPU is available");
        assert!(is_deterministic());
    }
    assert_eq!(
        std::env::var("CUBLAS_WORKSPACE_CONFIG").as_deref(),
        Ok(":4096:8")
    );
    // The operations of training still work.
    let values = Tensor::ones([3, 2], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    let chosen = values.index_select(0, &Tensor::from_slice(&[0_i64, 2, 2]));
    chosen.sum(Kind::Float).backward();
    let gradient = Vec::<f32>::try_from(values.grad().view([-1])).expect("six numbers");
    assert_eq!(gradient, [1.0, 1.0, 0.0, 0.0, 2.0, 2.0]);
}

#[test]
fn tf32_products_are_allowed_on_request() {
    assert!(!are_tf32_products_allowed());
    allow_tf32_products();
    assert!(are_tf32_products_allowed());
}
