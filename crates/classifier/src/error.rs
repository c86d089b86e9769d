//! What can go wrong between an artifact and a tensor.

use std::path::{Path, PathBuf};

use artifact::{ArtifactError, Failure, FailureKind};
use bundle::BundleError;

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// The result of something that may fail with a [`ClassifierError`].
pub type Result<T, E = ClassifierError> = std::result::Result<T, E>;

/// What went wrong with a network, its data or its device.
#[derive(Debug, thiserror::Error)]
pub enum ClassifierError {
    /// CUDA was asked for and cannot be had.
    #[error("CUDA was asked for and cannot be used: {reason}")]
    NoCuda {
        /// Why not.
        reason: String,
    },
    /// Two artifacts do not fit together.
    #[error("The {left} and the {right} do not fit together: {reason}")]
    Misfit {
        /// One side.
        left: &'static str,
        /// The other side.
        right: &'static str,
        /// Expected and found.
        reason: String,
    },
    /// A row holds what no network may see.
    #[error("Row {row} of `{}` {problem}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// Row number from 0.
        row: usize,
        /// What is wrong, as the rest of the sentence.
        problem: String,
    },
    /// A model bundle cannot be understood.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A folder with a pretrained encoder cannot be understood.
    #[error("The encoder `{}` cannot be used: {problem}", folder.display())]
    Encoder {
        /// Its folder.
        folder: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// An operation of libtorch failed.
    #[error("libtorch could not {action}")]
    Torch {
        /// What was attempted.
        action: &'static str,
        /// Why.
        source: BoxedError,
    },
    /// A single row is too large for the memory: nothing is left to halve.
    #[error("A single row of {tokens} tokens does not fit into memory")]
    RowTooLarge {
        /// Tokens of the row.
        tokens: usize,
        /// The memory error.
        source: Box<ClassifierError>,
    },
    /// The caller stopped the work.
    #[error("The work was stopped")]
    Stopped,
    /// An artifact could not be read.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
}

/// The kind of a libtorch error, which decides how a program can recover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The device's memory is full: a smaller batch may fit.
    DeviceMemory,
    /// The machine's memory is full: a smaller batch may fit.
    HostMemory,
    /// This process cannot use the device any more, or never could: a failed assertion, an illegal
    /// address, an uncorrectable memory error, a device that is gone. A new process may recover.
    Device,
    /// Anything else: a retry would fail in the same way.
    Other,
}

/// Parts of messages, in lower case, with the fault that they identify. The first match decides.
const MESSAGES: [(&str, Fault); 26] = [
    // A GPU or an operation that this libtorch has no kernel for: no process can do it.
    ("no kernel image is available", Fault::Other),
    ("_status_not_supported", Fault::Other),
    ("_status_arch_mismatch", Fault::Other),
    ("_status_bad_param", Fault::Other),
    ("_status_invalid_value", Fault::Other),
    ("cuda out of memory", Fault::DeviceMemory),
    ("cuda error: out of memory", Fault::DeviceMemory),
    ("cuda driver error: out of memory", Fault::DeviceMemory),
    ("cublas_status_alloc_failed", Fault::DeviceMemory),
    ("cudnn_status_alloc_failed", Fault::DeviceMemory),
    ("device_allocation_failed", Fault::DeviceMemory),
    ("can't allocate memory", Fault::HostMemory),
    ("cannot allocate memory", Fault::HostMemory),
    ("defaultcpuallocator", Fault::HostMemory),
    ("std::bad_alloc", Fault::HostMemory),
    ("host_allocation_failed", Fault::HostMemory),
    ("cuda error", Fault::Device),
    ("cuda driver error", Fault::Device),
    ("cublas_status", Fault::Device),
    ("cudnn_status", Fault::Device),
    ("uncorrectable ecc", Fault::Device),
    // No kernels for CUDA in this process: its half of libtorch is not loaded.
    ("arguments from the 'cuda' backend", Fault::Device),
    ("cannot initialize cuda", Fault::Device),
    ("no cuda gpus are available", Fault::Device),
    ("no cuda-capable device", Fault::Device),
    ("no nvidia driver", Fault::Device),
];

impl Fault {
    /// The fault behind an error message of libtorch or CUDA. This is the only place that reads such
    /// messages.
    pub fn of(message: &str) -> Self {
        let message = message.to_lowercase();
        let found = MESSAGES.iter().find(|(part, _)| message.contains(part));
        found.map_or(Self::Other, |(_, fault)| *fault)
    }

    /// Whether a smaller batch may succeed.
    pub fn is_memory(self) -> bool {
        matches!(self, Self::DeviceMemory | Self::HostMemory)
    }

    /// What to do about it.
    fn hint(self) -> Option<&'static str> {
        match self {
            Self::DeviceMemory => Some(
                "Read less at a time: `--set training.batch_size=8`, or a smaller `max_length` of the tokenizer",
            ),
            Self::HostMemory => Some(
                "Close other programs, or use fewer cores: each computes a batch of its own, `--set run.threads=1`",
            ),
            Self::Device => Some(
                "Look at the device with `ressenti doctor`; `--set run.device=cpu` goes on without it",
            ),
            Self::Other => None,
        }
    }
}

impl ClassifierError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoCuda { .. } => {
                "Take `--set run.device=auto` to use the processor where there is no CUDA, or set libtorch up with CUDA by `cargo xtask setup --cuda`"
            }
            Self::Misfit { .. } | Self::Row { .. } => {
                "Rebuild what was made from other inputs with `ressenti run`"
            }
            Self::Encoder { .. } => {
                "Name a folder with `config.json`, `model.safetensors` and `tokenizer.json` of one encoder, as the Hugging Face hub has them"
            }
            Self::Torch { .. } => self.fault()?.hint()?,
            Self::RowTooLarge { .. } => {
                "Use a tokenizer with a smaller `max_length`, or the machine's memory instead of the device's: `--set run.device=cpu`"
            }
            Self::Stopped => return None,
            Self::Bundle(error) => return error.hint(),
            Self::Artifact(error) => return error.hint(),
        };
        Some(hint.to_owned())
    }

    /// The kind of the libtorch error; `None` for an error of another origin.
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Self::Torch { source, .. } => Some(Fault::of(&source.to_string())),
            Self::RowTooLarge { source, .. } => source.fault(),
            _ => None,
        }
    }

    /// Does `work` and turns a panic of libtorch into an error. Most tensor operations panic where
    /// they fail, for example because the memory is full.
    ///
    /// # Errors
    /// Those of `work`, and its panic.
    pub fn catch<T>(
        action: &'static str,
        work: impl FnOnce() -> Result<T, Self>,
    ) -> Result<T, Self> {
        artifact::catch_panics(|source| Self::Torch { action, source }, work)
    }

    /// A torch error with what was attempted: `map_err(ClassifierError::torch("add"))`.
    pub fn torch(action: &'static str) -> impl Fn(tch::TchError) -> Self {
        move |error| Self::Torch {
            action,
            source: error.into(),
        }
    }

    /// What is wrong with a folder of an encoder.
    pub(crate) fn encoder(folder: &Path) -> impl Fn(String) -> Self + use<'_> {
        move |problem| Self::Encoder {
            folder: folder.to_owned(),
            problem,
        }
    }

    /// Why two artifacts do not fit together.
    pub fn misfit(left: &'static str, right: &'static str) -> impl Fn(String) -> Self {
        move |reason| Self::Misfit {
            left,
            right,
            reason,
        }
    }

    /// Whether the memory is full, so that less at a time may succeed.
    pub fn is_memory(&self) -> bool {
        self.fault().is_some_and(Fault::is_memory)
    }
}

/// Does all work of a program that computes with tensors. What [`ClassifierError::catch`] has not caught on
/// the way, such as a GPU that fails while results are copied, still ends with the exit code of its fault.
///
/// # Errors
/// Those of `work`, and a panic of libtorch.
///
/// # Panics
/// `work` panics for another reason.
pub fn guard<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let caught = |panic: BoxedError| match Fault::of(&panic.to_string()) {
        Fault::Other => Err(panic),
        _ => Ok(Failure::from(ClassifierError::Torch {
            action: "complete the computation",
            source: panic,
        })),
    };
    artifact::catch_panics(caught, || work().map_err(Ok))
        .map_err(|ended| ended.unwrap_or_else(|panic| panic!("{panic}")))
}

/// The only place that maps device faults to an exit code. A device fault is transient: ids and labels
/// are checked before they reach a device, so the fault is the device's, and a new process may recover.
impl From<ClassifierError> for Failure {
    fn from(error: ClassifierError) -> Self {
        let hint = error.hint();
        let kind = match error.fault() {
            Some(Fault::Device) => FailureKind::Transient,
            _ => FailureKind::Fixable,
        };
        Self::from_error(error).with_hint(hint).with_kind(kind)
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;

    /// The messages of a GPU, which a processor cannot produce.
    #[test]
    fn messages_of_cuda_are_classified() {
        let check = |message: &str, fault| assert_eq!(Fault::of(message), fault, "{message}");
        check(
            "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 7.79 GiB",
            Fault::DeviceMemory,
        );
        check(
            "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
            Fault::DeviceMemory,
        );
        check("CUDA error: device-side assert triggered", Fault::Device);
        check(
            "CUDA error: an illegal memory access was encountered",
            Fault::Device,
        );
        check(
            "CUDA error: uncorrectable ECC error encountered",
            Fault::Device,
        );
        check(
            "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
            Fault::DeviceMemory,
        );
        check(
            "CUDA error: no kernel image is available for execution on the device",
            Fault::Other,
        );
    }

    #[test]
    fn a_panic_that_nothing_caught_ends_with_the_code_of_its_fault() {
        let lost = || {
            let _ = Tensor::zeros([1], (Kind::Float, Device::Cuda(99)));
            Ok(())
        };
        let failure = guard(lost).expect_err("there is no such device");
        assert_eq!(failure.kind(), FailureKind::Transient);
        let refused = guard(|| Err::<(), _>(Failure::new("no")));
        assert_eq!(refused.expect_err("refused").kind(), FailureKind::Fixable);
        let other = std::panic::catch_unwind(|| guard(|| -> Result<(), _> { panic!("a bug") }));
        assert!(other.is_err(), "a bug is not a failure of libtorch");
    }

    #[track_caller]
    fn check_real(work: impl FnOnce() -> Tensor, fault: Fault, kind: FailureKind) {
        let error = ClassifierError::catch("make a tensor", || Ok(work()));
        let error = error.expect_err("the operation fails");
        assert_eq!(error.to_string(), "libtorch could not make a tensor");
        assert_eq!(error.fault(), Some(fault), "{error:?}");
        assert_eq!(Failure::from(error).kind(), kind);
    }

    #[test]
    fn operations_that_fail_are_classified() {
        let zeros = |size: i64, device| Tensor::zeros([size], (Kind::Float, device));
        let memory = || zeros(1 << 50, Device::Cpu);
        check_real(memory, Fault::HostMemory, FailureKind::Fixable);
        let shape = || zeros(7, Device::Cpu).view([2, 3]);
        check_real(shape, Fault::Other, FailureKind::Fixable);
        // There is no device of this number, with or without CUDA.
        let far = Device::Cuda(99);
        let allocated = || zeros(1, far);
        check_real(allocated, Fault::Device, FailureKind::Transient);
        let copied = || zeros(1, Device::Cpu).to_device(far);
        check_real(copied, Fault::Device, FailureKind::Transient);
    }
}
