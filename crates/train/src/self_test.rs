//! `ressenti-train self-test`: checks that libtorch computes correctly, and on which devices. `ressenti doctor`, which
//! does not link libtorch, calls it.

use std::fs;
use std::io::Write;
use std::time::Instant;

use classifier::{LIBTORCH_VERSION, load_cuda};
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};

/// Number of rows and columns of the matrices.
const SIZE: i64 = 1024;

/// Number of products that are timed.
const REPEATS: u32 = 8;

/// The largest error that rounding explains: each entry is a sum of 1,024 products of numbers up to 1.
const TOLERANCE: f64 = 1e-2;

/// Prints the result as JSON.
///
/// # Errors
/// Standard output cannot be written.
pub fn self_test() -> std::io::Result<()> {
    let cuda = load_cuda();
    let mut devices = vec![test(Device::Cpu, "cpu".to_owned())];
    if cuda.is_ok() {
        let count = usize::try_from(tch::Cuda::device_count()).unwrap_or(0);
        devices.extend((0..count).map(|index| test(Device::Cuda(index), format!("cuda:{index}"))));
    }
    let outcome = json!({
        "version": LIBTORCH_VERSION,
        "library": library(),
        "cuda": {"loaded": cuda.is_ok(), "reason": cuda.err()},
        "devices": devices,
    });
    writeln!(anstream::stdout(), "{outcome}")
}

/// The path of the libtorch that this process uses.
fn library() -> Option<String> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let line = maps.lines().find(|line| line.contains("libtorch_cpu"))?;
    Some(line.split_whitespace().last()?.to_owned())
}

/// Times a matrix product on a device, and compares it with the same product in f64 on the CPU.
fn test(device: Device, name: String) -> Value {
    let matrix = |step: f64| {
        let entries = Tensor::arange(SIZE * SIZE, (Kind::Double, Device::Cpu)) * step;
        entries.sin().view([SIZE, SIZE])
    };
    let (one, two) = (matrix(0.37), matrix(0.11));
    let expected = one.matmul(&two);
    let [one, two] = [one, two].map(|matrix| matrix.to_kind(Kind::Float).to_device(device));
    let clock = Instant::now();
    let mut product = one.matmul(&two);
    for _ in 1..REPEATS {
        product = one.matmul(&two);
    }
    let product = product.to_device(Device::Cpu).to_kind(Kind::Double);
    let seconds = clock.elapsed().as_secs_f64();
    let error = (product - expected).abs().max().double_value(&[]);
    let operations = 2.0 * (SIZE as f64).powi(3) * f64::from(REPEATS);
    json!({"name": name, "right": error < TOLERANCE, "error": error, "gigaflops": operations / seconds / 1e9})
}
