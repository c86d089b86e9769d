//! Which device tensors live on, and why; and in which number format it computes.

use std::ffi::CStr;

use settings::{Device as DeviceSetting, ModelKind, ModelSettings, Precision, RunSettings};
use tch::{Device, Kind, Tensor};

use crate::compute_capability::{compute_capability, has_native_bf16};
use crate::{ClassifierError, Result, allow_tf32_products, enable_deterministic_algorithms};

/// A device with the reason for it, which is printed and kept in the manifest.
#[derive(Clone, Debug)]
pub struct ChosenDevice {
    /// The device.
    pub device: Device,
    /// Why this one.
    pub reason: String,
    /// Networks trained side by side, each on its part of a batch: the cores on a CPU, one
    /// on a GPU.
    pub replicas: usize,
    /// Whether its hardware multiplies bf16, so that `precision = "auto"` selects it.
    pub native_bf16: bool,
}

impl ChosenDevice {
    /// The number format of a model's activations on this device, with the reason where it was
    /// chosen here.
    pub fn training_kind(&self, model: &ModelSettings) -> (Kind, &'static str) {
        match model.kind {
            ModelKind::Transformer => self.activation_kind(model.training.precision),
            _ => (Kind::Float, "asked for"),
        }
    }

    /// The number format of an encoder's activations on this device, with the reason.
    pub fn activation_kind(&self, precision: Precision) -> (Kind, &'static str) {
        match precision {
            Precision::Bf16 => (Kind::BFloat16, "asked for"),
            Precision::F32 => (Kind::Float, "asked for"),
            Precision::Auto if self.native_bf16 => {
                (Kind::BFloat16, "this device multiplies it faster")
            }
            Precision::Auto => (Kind::Float, "this device is not faster in bf16"),
        }
    }

    /// A number format as people call it.
    pub fn kind_name(kind: Kind) -> &'static str {
        match kind {
            Kind::BFloat16 => "bf16",
            _ => "f32",
        }
    }

    /// The number format of a model's activations when it predicts. A CPU always uses f32, so
    /// that a prediction does not depend on the machine; a GPU uses the format of the training.
    pub fn prediction_kind(&self, model: &ModelSettings) -> Kind {
        match self.device {
            Device::Cuda(_) => self.training_kind(model).0,
            _ => Kind::Float,
        }
    }

    /// As printed: `cpu, 2 cores (no CUDA: ...)`.
    pub fn describe(&self) -> String {
        match self.device {
            Device::Cuda(index) => format!("cuda:{index} ({})", self.reason),
            _ => format!("cpu, {} threads ({})", self.replicas, self.reason),
        }
    }
}

/// Chooses the device. Only `auto` may fall back to the CPU, and says so.
///
/// On the CPU, work is spread over cores by splitting batches (see [`crate::Replica`]) and not
/// inside each operation, because the matrices are too small to pay for synchronising threads twice
/// per token; so libtorch itself uses one thread.
///
/// With `run.deterministic`, libtorch uses deterministic algorithms from now on. Programs call this
/// before their first tensor, so that no program can forget the setting.
///
/// # Errors
/// CUDA was requested and cannot be used.
pub fn choose_device(run: &RunSettings) -> Result<ChosenDevice> {
    if run.deterministic {
        enable_deterministic_algorithms();
    }
    tch::set_num_threads(1);
    keep_memory();
    let processor = |reason: String| ChosenDevice {
        device: Device::Cpu,
        reason,
        replicas: run.cores().max(1),
        native_bf16: cpu_has_bf16(),
    };
    let is_asked_for = run.device == DeviceSetting::Cuda;
    if run.device == DeviceSetting::Cpu {
        return Ok(processor("asked for".to_owned()));
    }
    match load_cuda() {
        Ok(()) => {
            // Training, calibration and prediction must multiply alike.
            allow_tf32_products();
            exit_with_75_on_abort();
            let reason = match is_asked_for {
                true => "asked for",
                false => "CUDA works here",
            };
            Ok(ChosenDevice {
                device: Device::Cuda(0),
                reason: reason.to_owned(),
                replicas: 1,
                native_bf16: compute_capability(0).is_ok_and(has_native_bf16),
            })
        }
        Err(reason) if is_asked_for => Err(ClassifierError::NoCuda { reason }),
        Err(reason) => Ok(processor(format!("no CUDA: {reason}"))),
    }
}

/// From now on a process that aborts ends with exit code 75, which says that a new process may succeed.
///
/// After a fault that a GPU cannot recover from, libtorch also fails where it frees memory: in a
/// destructor, which no program can catch and which aborts the process.
pub fn exit_with_75_on_abort() {
    extern "C" fn on_abort(_: libc::c_int) {
        const MESSAGE: &[u8] = b"error: the process aborted, probably because its GPU failed\n";
        // SAFETY: both calls are safe in a signal handler, and the message is as long as stated.
        unsafe {
            libc::write(libc::STDERR_FILENO, MESSAGE.as_ptr().cast(), MESSAGE.len());
            libc::_exit(75);
        }
    }
    let handler = on_abort as extern "C" fn(libc::c_int);
    // SAFETY: the handler takes the number of the signal and calls nothing that is unsafe in one.
    unsafe { libc::signal(libc::SIGABRT, handler as libc::sighandler_t) };
}

/// Whether this CPU has AVX-512 BF16.
fn cpu_has_bf16() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::is_x86_feature_detected!("avx512bf16");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// Lets the allocator keep what is freed. A batch allocates and frees the same megabytes over and
/// over; given back to the system each time, every page of them would be cleared and mapped anew,
/// which takes as long as the products that fill them.
fn keep_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for (parameter, value) in [
        (libc::M_MMAP_THRESHOLD, 32 << 20),
        (libc::M_TRIM_THRESHOLD, i32::MAX),
        (libc::M_TOP_PAD, 64 << 20),
    ] {
        // SAFETY: `mallopt` takes two numbers; what it does not understand it ignores.
        unsafe { libc::mallopt(parameter, value) };
    }
}

/// Loads the CUDA half of libtorch, if it is there, and asks whether it finds a GPU.
///
/// The binary links the CPU's half only, so that it builds and starts without 3 GB of CUDA
/// libraries. The other half registers itself when loaded, which must be before the first tensor.
///
/// # Errors
/// Why it cannot be used, in words.
pub fn load_cuda() -> Result<(), String> {
    load(c"libtorch_cuda.so")?;
    if !tch::Cuda::is_available() {
        return Err("libtorch has CUDA, and finds no GPU with a driver".to_owned());
    }
    // A GPU can be too old for the kernels of this libtorch.
    let computes = ClassifierError::catch("use the GPU", || {
        let ones = Tensor::ones([1], (Kind::Float, Device::Cuda(0)));
        Ok((ones + 1.0).double_value(&[]) == 2.0)
    });
    match computes {
        Ok(true) => Ok(()),
        Ok(false) => Err("the GPU calculates incorrectly".to_owned()),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let cause = cause.unwrap_or_else(|| error.to_string());
            let first_line = cause.lines().next().unwrap_or_default();
            Err(format!("the GPU cannot be used: {first_line}"))
        }
    }
}

fn load(library: &CStr) -> Result<(), String> {
    // SAFETY: the name is a C string, and loading libtorch runs its registration code only.
    // `RTLD_GLOBAL` lets the two halves of libtorch find each other's symbols.
    let handle = unsafe { libc::dlopen(library.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
    if !handle.is_null() {
        return Ok(());
    }
    // SAFETY: after a failed `dlopen`, `dlerror` gives a C string that stays valid until the next
    // call of the loader in this thread.
    let message = unsafe {
        match libc::dlerror() {
            text if text.is_null() => String::new(),
            text => CStr::from_ptr(text).to_string_lossy().into_owned(),
        }
    };
    let is_missing = message.contains("No such file") && message.starts_with("libtorch_cuda");
    Err(match is_missing {
        true => "this libtorch is the one for CPUs".to_owned(),
        false => message,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(device: Device, native_bf16: bool) -> ChosenDevice {
        ChosenDevice {
            device,
            reason: String::new(),
            replicas: 1,
            native_bf16,
        }
    }

    #[test]
    fn only_a_gpu_predicts_in_another_format_than_f32() {
        let check = |device, native_bf16, kind, precision, expected| {
            let mut model = ModelSettings::new(kind);
            model.training.precision = precision;
            let found = chosen(device, native_bf16).prediction_kind(&model);
            assert_eq!(found, expected, "{device:?} {kind:?} {precision:?}");
        };
        let (cpu, gpu) = (Device::Cpu, Device::Cuda(0));
        let transformer = ModelKind::Transformer;
        for precision in [Precision::Auto, Precision::Bf16, Precision::F32] {
            check(cpu, true, transformer, precision, Kind::Float);
            check(gpu, true, ModelKind::Lstm, precision, Kind::Float);
        }
        check(gpu, true, transformer, Precision::Auto, Kind::BFloat16);
        check(gpu, false, transformer, Precision::Auto, Kind::Float);
        check(gpu, false, transformer, Precision::Bf16, Kind::BFloat16);
        check(gpu, true, transformer, Precision::F32, Kind::Float);
    }

    #[test]
    fn auto_selects_bf16_where_the_hardware_has_it() {
        for device in [Device::Cpu, Device::Cuda(0)] {
            let kind = |native| chosen(device, native).activation_kind(Precision::Auto).0;
            assert_eq!([kind(true), kind(false)], [Kind::BFloat16, Kind::Float]);
        }
    }
}
