//! Errors of networks, their inputs and their devices.

use std::path::{Path, PathBuf};

use artifact::{ArtifactError, Failure, FailureKind};
use bundle::BundleError;

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// A result with a [`ClassifierError`].
pub type Result<T, E = ClassifierError> = std::result::Result<T, E>;

/// An error of a network, its inputs or its device.
#[derive(Debug, thiserror::Error)]
pub enum ClassifierError {
    /// CUDA was requested and is not available.
    #[error("Failed to use CUDA: {reason}")]
    NoCuda {
        /// The reason.
        reason: String,
    },
    /// Two artifacts do not match.
    #[error("The {left} and the {right} do not match: {reason}")]
    Mismatch {
        /// The first artifact, by name.
        left: &'static str,
        /// The second artifact, by name.
        right: &'static str,
        /// How they differ.
        reason: String,
    },
    /// A row that a network must not read.
    #[error("Row {row} of `{}` {problem}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// Row number, from 0.
        row: usize,
        /// The problem, as the rest of the sentence.
        problem: String,
    },
    /// A model bundle cannot be used.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The folder of a pretrained encoder cannot be used.
    #[error("Failed to load the encoder `{}`: {problem}", folder.display())]
    Encoder {
        /// The folder of the encoder.
        folder: PathBuf,
        /// The problem.
        problem: String,
    },
    /// An operation of libtorch failed.
    #[error("libtorch failed to {action}")]
    Torch {
        /// The failed action, as an infinitive.
        action: &'static str,
        /// The error of libtorch.
        source: BoxedError,
    },
    /// A single row does not fit into memory, so the batch cannot be halved again.
    #[error("A single row of {tokens} tokens does not fit into memory")]
    RowTooLarge {
        /// Number of tokens of the row.
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
pub enum TorchFault {
    /// The device's memory is full: a smaller batch may fit.
    DeviceMemory,
    /// The machine's memory is full: a smaller batch may fit.
    HostMemory,
    /// This process cannot use the device: a failed assertion, an illegal address, an uncorrectable memory error, or
    /// a missing device. A new process may succeed.
    Device,
    /// Any other error: a retry would fail in the same way.
    Other,
}

/// Parts of messages in lower case, with the kind of error that they identify. The first match decides.
const MESSAGES: [(&str, TorchFault); 26] = [
    // This libtorch has no kernel for the GPU or the operation: a new process would fail, too.
    ("no kernel image is available", TorchFault::Other),
    ("_status_not_supported", TorchFault::Other),
    ("_status_arch_mismatch", TorchFault::Other),
    ("_status_bad_param", TorchFault::Other),
    ("_status_invalid_value", TorchFault::Other),
    ("cuda out of memory", TorchFault::DeviceMemory),
    ("cuda error: out of memory", TorchFault::DeviceMemory),
    ("cuda driver error: out of memory", TorchFault::DeviceMemory),
    ("cublas_status_alloc_failed", TorchFault::DeviceMemory),
    ("cudnn_status_alloc_failed", TorchFault::DeviceMemory),
    ("device_allocation_failed", TorchFault::DeviceMemory),
    ("can't allocate memory", TorchFault::HostMemory),
    ("cannot allocate memory", TorchFault::HostMemory),
    ("defaultcpuallocator", TorchFault::HostMemory),
    ("std::bad_alloc", TorchFault::HostMemory),
    ("host_allocation_failed", TorchFault::HostMemory),
    ("cuda error", TorchFault::Device),
    ("cuda driver error", TorchFault::Device),
    ("cublas_status", TorchFault::Device),
    ("cudnn_status", TorchFault::Device),
    ("uncorrectable ecc", TorchFault::Device),
    // This process has not loaded the CUDA libraries of libtorch.
    ("arguments from the 'cuda' backend", TorchFault::Device),
    ("cannot initialize cuda", TorchFault::Device),
    ("no cuda gpus are available", TorchFault::Device),
    ("no cuda-capable device", TorchFault::Device),
    ("no nvidia driver", TorchFault::Device),
];

impl TorchFault {
    /// The kind of error, from a message of libtorch or CUDA. No other code reads such messages.
    pub fn from_message(message: &str) -> Self {
        let message = message.to_lowercase();
        let found = MESSAGES.iter().find(|(part, _)| message.contains(part));
        found.map_or(Self::Other, |(_, fault)| *fault)
    }

    /// Whether memory is full, so that a smaller batch may succeed.
    pub fn is_memory(self) -> bool {
        matches!(self, Self::DeviceMemory | Self::HostMemory)
    }

    /// A hint for the user.
    fn hint(self) -> Option<&'static str> {
        match self {
            Self::DeviceMemory => Some(
                "Compute less at a time with `--set training.batch_size=8`, or use a smaller `max_length` of the tokenizer",
            ),
            Self::HostMemory => Some(
                "Close other programs, or use fewer cores with `--set run.threads=1`: each core computes its own batch",
            ),
            Self::Device => Some(
                "Check the device with `ressenti doctor`, or use the CPU with `--set run.device=cpu`",
            ),
            Self::Other => None,
        }
    }
}

impl ClassifierError {
    /// A hint for the user.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoCuda { .. } => {
                "Use `--set run.device=auto` to compute on the CPU if CUDA is not available, or install libtorch with CUDA: `cargo xtask setup --cuda`"
            }
            Self::Mismatch { .. } | Self::Row { .. } => {
                "Build the outdated artifacts again with `ressenti run`"
            }
            Self::Encoder { .. } => {
                "Use a folder with the files `config.json`, `model.safetensors` and `tokenizer.json` of one encoder from the Hugging Face Hub"
            }
            Self::Torch { .. } => self.fault()?.hint()?,
            Self::RowTooLarge { .. } => {
                "Use a tokenizer with a smaller `max_length`, or the machine's memory with `--set run.device=cpu`"
            }
            Self::Stopped => return None,
            Self::Bundle(error) => return error.hint(),
            Self::Artifact(error) => return error.hint(),
        };
        Some(hint.to_owned())
    }

    /// The kind of the libtorch error; `None` for an error of another origin.
    pub fn fault(&self) -> Option<TorchFault> {
        match self {
            Self::Torch { source, .. } => Some(TorchFault::from_message(&source.to_string())),
            Self::RowTooLarge { source, .. } => source.fault(),
            _ => None,
        }
    }

    /// Runs `work` and turns a panic of libtorch into an error. Most tensor operations panic when they fail, for
    /// example because memory is full.
    ///
    /// # Errors
    /// An error or a panic of `work`.
    pub fn catch<T>(action: &'static str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        artifact::catch_panics(|source| Self::Torch { action, source }, work)
    }

    /// Makes an error from an action: `map_err(ClassifierError::torch("add"))`.
    pub fn torch(action: &'static str) -> impl Fn(tch::TchError) -> Self {
        move |error| Self::Torch {
            action,
            source: error.into(),
        }
    }

    /// Makes an error from a problem of an encoder's folder.
    pub(crate) fn encoder(folder: &Path) -> impl Fn(String) -> Self + use<'_> {
        move |problem| Self::Encoder {
            folder: folder.to_owned(),
            problem,
        }
    }

    /// Makes an error from the way in which two artifacts differ.
    pub fn mismatch(left: &'static str, right: &'static str) -> impl Fn(String) -> Self {
        move |reason| Self::Mismatch {
            left,
            right,
            reason,
        }
    }

    /// Whether memory is full, so that a smaller batch may succeed.
    pub fn is_memory(&self) -> bool {
        self.fault().is_some_and(TorchFault::is_memory)
    }
}

/// Runs the whole work of a program that uses tensors. Panics of libtorch that [`ClassifierError::catch`] has not
/// caught, for example of a GPU that fails while results are copied, become errors with the right exit code.
///
/// # Errors
/// An error of `work`, or a panic of libtorch.
///
/// # Panics
/// `work` panics for another reason.
pub fn guard<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let action = "complete the computation";
    let as_error = |source: BoxedError| match TorchFault::from_message(&source.to_string()) {
        TorchFault::Other => Err(source),
        _ => Ok(Failure::from(ClassifierError::Torch { action, source })),
    };
    artifact::catch_panics(as_error, || work().map_err(Ok))
        .map_err(|error| error.unwrap_or_else(|panic| panic!("{panic}")))
}

/// The exit code of a device fault. The fault is transient: token ids and labels are checked before they reach a
/// device, so the device itself has failed and a new process may succeed.
impl From<ClassifierError> for Failure {
    fn from(error: ClassifierError) -> Self {
        let hint = error.hint();
        let kind = match error.fault() {
            Some(TorchFault::Device) => FailureKind::Transient,
            _ => FailureKind::Fixable,
        };
        Self::from_error(error).with_hint(hint).with_kind(kind)
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;

    /// Messages of a GPU, which a CPU cannot produce.
    #[test]
    fn messages_of_cuda_are_classified() {
        let check = |message: &str, fault| {
            assert_eq!(TorchFault::from_message(message), fault, "{message}")
        };
        check(
            "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 7.79 GiB",
            TorchFault::DeviceMemory,
        );
        check(
            "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
            TorchFault::DeviceMemory,
        );
        check(
            "CUDA error: device-side assert triggered",
            TorchFault::Device,
        );
        check(
            "CUDA error: an illegal memory access was encountered",
            TorchFault::Device,
        );
        check(
            "CUDA error: uncorrectable ECC error encountered",
            TorchFault::Device,
        );
        check(
            "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
            TorchFault::DeviceMemory,
        );
        check(
            "CUDA error: no kernel image is available for execution on the device",
            TorchFault::Other,
        );
    }

    #[test]
    fn an_uncaught_panic_of_libtorch_becomes_a_transient_failure() {
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
    fn check_real(work: impl FnOnce() -> Tensor, fault: TorchFault, kind: FailureKind) {
        let error = ClassifierError::catch("make a tensor", || Ok(work()));
        let error = error.expect_err("the operation fails");
        assert_eq!(error.to_string(), "libtorch failed to make a tensor");
        assert_eq!(error.fault(), Some(fault), "{error:?}");
        assert_eq!(Failure::from(error).kind(), kind);
    }

    #[test]
    fn operations_that_fail_are_classified() {
        let zeros = |size: i64, device| Tensor::zeros([size], (Kind::Float, device));
        let memory = || zeros(1 << 50, Device::Cpu);
        check_real(memory, TorchFault::HostMemory, FailureKind::Fixable);
        let shape = || zeros(7, Device::Cpu).view([2, 3]);
        check_real(shape, TorchFault::Other, FailureKind::Fixable);
        // No machine has a device with this number.
        let missing = Device::Cuda(99);
        let allocated = || zeros(1, missing);
        check_real(allocated, TorchFault::Device, FailureKind::Transient);
        let copied = || zeros(1, Device::Cpu).to_device(missing);
        check_real(copied, TorchFault::Device, FailureKind::Transient);
    }
}
