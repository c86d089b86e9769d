//! Chooses the device and the number format of activations, and states the reason.

use std::ffi::CStr;

use settings::{Device as DeviceSetting, ModelKind, ModelSettings, Precision, RunSettings};
use tch::{Device, Kind, Tensor};

use crate::compute_capability::{compute_capability, has_native_bf16};
use crate::{ClassifierError, Result, allow_tf32_products, enable_deterministic_algorithms};

/// The chosen device with the reason, which is printed and stored in the manifest.
#[derive(Clone, Debug)]
pub struct ChosenDevice {
    /// The device.
    pub device: Device,
    /// The reason for the choice.
    pub reason: String,
    /// Number of replicas of the network that work in parallel: the cores of a CPU, one on a GPU.
    pub replicas: usize,
    /// Whether the hardware multiplies bf16, so that `precision = "auto"` selects it.
    pub native_bf16: bool,
}

impl ChosenDevice {
    /// The number format of a model's activations in training, with the reason.
    pub fn training_kind(&self, model: &ModelSettings) -> (Kind, &'static str) {
        match model.kind {
            ModelKind::Transformer => self.activation_kind(model.training.precision),
            _ => (Kind::Float, "requested"),
        }
    }

    /// The number format of an encoder's activations on this device, with the reason.
    pub fn activation_kind(&self, precision: Precision) -> (Kind, &'static str) {
        match precision {
            Precision::Bf16 => (Kind::BFloat16, "requested"),
            Precision::F32 => (Kind::Float, "requested"),
            Precision::Auto if self.native_bf16 => {
                (Kind::BFloat16, "this device computes bf16 faster")
            }
            Precision::Auto => (Kind::Float, "this device does not compute bf16 faster"),
        }
    }

    /// The name of a number format, for people.
    pub fn kind_name(kind: Kind) -> &'static str {
        match kind {
            Kind::BFloat16 => "bf16",
            _ => "f32",
        }
    }

    /// The number format of a model's activations in prediction. A CPU always uses f32, so that predictions do not
    /// depend on the machine; a GPU uses the format of the training.
    pub fn prediction_kind(&self, model: &ModelSettings) -> Kind {
        match self.device {
            Device::Cuda(_) => self.training_kind(model).0,
            _ => Kind::Float,
        }
    }

    /// The device as text: `cpu, 2 threads (no CUDA: ...)`.
    pub fn describe(&self) -> String {
        match self.device {
            Device::Cuda(index) => format!("cuda:{index} ({})", self.reason),
            _ => format!("{} ({})", cpu_threads(self.replicas), self.reason),
        }
    }
}

/// Chooses the device. Only `run.device = "auto"` may use the CPU instead of a GPU; the reason says so.
///
/// On a CPU, batches are divided among the cores (see [`crate::Replica`]), and libtorch itself uses one thread: the
/// matrices are too small for several threads in one operation.
///
/// With `run.deterministic`, libtorch uses deterministic algorithms from now on. Programs must call this before their
/// first tensor.
///
/// # Errors
/// CUDA was requested and cannot be used.
pub fn choose_device(run: &RunSettings) -> Result<ChosenDevice> {
    if run.deterministic {
        enable_deterministic_algorithms();
    }
    tch::set_num_threads(1);
    keep_freed_memory();
    let cpu = |reason: String| ChosenDevice {
        device: Device::Cpu,
        reason,
        replicas: run.cores().max(1),
        native_bf16: cpu_has_bf16(),
    };
    let is_required = run.device == DeviceSetting::Cuda;
    if run.device == DeviceSetting::Cpu {
        return Ok(cpu("requested".to_owned()));
    }
    match load_cuda() {
        Ok(()) => {
            // Set here so that training, calibration and prediction multiply in the same way.
            allow_tf32_products();
            exit_with_75_on_abort();
            let reason = match is_required {
                true => "requested",
                false => "CUDA is available",
            };
            Ok(ChosenDevice {
                device: Device::Cuda(0),
                reason: reason.to_owned(),
                replicas: 1,
                native_bf16: compute_capability(0).is_ok_and(has_native_bf16),
            })
        }
        Err(reason) if is_required => Err(ClassifierError::NoCuda { reason }),
        Err(reason) => Ok(cpu(format!("no CUDA: {reason}"))),
    }
}

/// The CPU with its number of threads, as text: `cpu, 2 threads`.
pub fn cpu_threads(count: usize) -> String {
    let threads = artifact::format::plural(count as u64, "thread", "threads");
    format!("cpu, {threads}")
}

/// Makes the process exit with code 75 if it aborts; the code means that a new process may succeed.
///
/// After a GPU fault, libtorch also fails when it frees memory. That happens in a destructor, where it cannot be
/// caught, and aborts the process.
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

/// Makes the allocator keep freed memory. Every batch allocates and frees the same megabytes. If they were returned to
/// the system, it would clear and map every page again, which takes as long as the computation.
fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for (parameter, value) in [
        (libc::M_MMAP_THRESHOLD, 32 << 20),
        (libc::M_TRIM_THRESHOLD, i32::MAX),
        (libc::M_TOP_PAD, 64 << 20),
    ] {
        // SAFETY: `mallopt` takes two numbers and ignores parameters that it does not know.
        unsafe { libc::mallopt(parameter, value) };
    }
}

/// Loads the CUDA libraries of libtorch if they exist, and checks that a GPU works.
///
/// The programs link only the CPU libraries, so that they build and start without 3 GB of CUDA libraries. The CUDA
/// libraries register themselves when they are loaded, which must happen before the first tensor.
///
/// # Errors
/// A message: why CUDA cannot be used.
pub fn load_cuda() -> Result<(), String> {
    load(c"libtorch_cuda.so")?;
    if !tch::Cuda::is_available() {
        return Err("libtorch found no GPU with a driver".to_owned());
    }
    // A GPU can be too old for the kernels of this libtorch.
    let computes = ClassifierError::catch("use the GPU", || {
        let ones = Tensor::ones([1], (Kind::Float, Device::Cuda(0)));
        Ok((ones + 1.0).double_value(&[]) == 2.0)
    });
    match computes {
        Ok(true) => Ok(()),
        Ok(false) => Err("the GPU computed an incorrect result".to_owned()),
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
    // `RTLD_GLOBAL` lets the libraries of libtorch find each other's symbols.
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
        true => "this libtorch was built without CUDA".to_owned(),
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
    fn auto_selects_bf16_if_the_hardware_supports_it() {
        for device in [Device::Cpu, Device::Cuda(0)] {
            let kind = |native| chosen(device, native).activation_kind(Precision::Auto).0;
            assert_eq!([kind(true), kind(false)], [Kind::BFloat16, Kind::Float]);
        }
    }
}
