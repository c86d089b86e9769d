//! What can go wrong between an artifact and a tensor.

use std::path::PathBuf;

use artifact::ArtifactError;
use bundle::BundleError;
use stage::Failure;

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
    /// libtorch refused an operation.
    #[error("libtorch could not {action}")]
    Torch {
        /// What was attempted.
        action: &'static str,
        /// Why.
        source: tch::TchError,
    },
    /// libtorch panicked, as most of its operations do where they cannot go on.
    #[error("libtorch could not {action}")]
    Operation {
        /// What was attempted.
        action: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Whoever asked does not want the answer any more.
    #[error("The work was stopped")]
    Stopped,
    /// An artifact could not be read.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
}

/// What kind of fault made libtorch refuse, which decides what can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The device's memory is full: less at a time may fit.
    DeviceMemory,
    /// The machine's memory is full.
    HostMemory,
    /// The device is in a state that only a new process can leave: a failed assertion, an illegal
    /// address, an uncorrectable memory error, a device that is gone.
    Device,
    /// Anything else: trying again would end the same way.
    Other,
}

impl Fault {
    /// The fault behind a message of libtorch or CUDA.
    fn of(message: &str) -> Self {
        let message = message.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|words| message.contains(words));
        if has(&[
            "cuda out of memory",
            "cuda error: out of memory",
            "cublas_status_alloc_failed",
        ]) {
            Self::DeviceMemory
        } else if has(&[
            "can't allocate memory",
            "cannot allocate memory",
            "defaultcpuallocator",
        ]) {
            Self::HostMemory
        } else if has(&[
            "cuda error",
            "cublas_status",
            "cudnn_status",
            "nccl",
            "device lost",
            "uncorrectable ecc",
        ]) {
            Self::Device
        } else {
            Self::Other
        }
    }
}

impl ClassifierError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoCuda { .. } => Some(
                "Take `--set run.device=auto` to use the processor where there is no CUDA, or set libtorch up with CUDA by `cargo xtask setup --cuda`"
                    .to_owned(),
            ),
            Self::Misfit { .. } | Self::Row { .. } => {
                Some("Rebuild what was made from other inputs with `ressenti run`".to_owned())
            }
            Self::Bundle(error) => error.hint(),
            Self::Encoder { .. } => Some(
                "Name a folder with `config.json`, `model.safetensors` and `tokenizer.json` of one encoder, as the Hugging Face hub has them"
                    .to_owned(),
            ),
            Self::Torch { .. } | Self::Operation { .. } => match self.fault()? {
                Fault::DeviceMemory => Some(
                    "Read less at a time: `--set training.batch_size=8`, or a smaller `max_length` of the tokenizer"
                        .to_owned(),
                ),
                Fault::HostMemory => Some(
                    "Close other programs, or use fewer cores: each computes a batch of its own, `--set run.threads=1`"
                        .to_owned(),
                ),
                Fault::Device => Some(
                    "Look at the device with `ressenti doctor`; `--set run.device=cpu` goes on without it"
                        .to_owned(),
                ),
                Fault::Other => None,
            },
            Self::Stopped => None,
            Self::Artifact(error) => error.hint(),
        }
    }

    /// What made libtorch refuse; `None` where it was not libtorch.
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Self::Torch { source, .. } => Some(Fault::of(&source.to_string())),
            Self::Operation { source, .. } => Some(Fault::of(&source.to_string())),
            _ => None,
        }
    }

    /// Whether less computed at once may fit into memory.
    pub fn is_out_of_memory(&self) -> bool {
        let fault = self.fault();
        matches!(fault, Some(Fault::DeviceMemory | Fault::HostMemory))
    }

    /// Does `work`, and makes a panic of libtorch an error: what cannot be done for want of memory,
    /// for one, is told by a panic.
    ///
    /// # Errors
    /// Those of `work`, and its panic.
    pub fn catch<T>(
        action: &'static str,
        work: impl FnOnce() -> Result<T, Self>,
    ) -> Result<T, Self> {
        artifact::guarded(|source| Self::Operation { action, source }, work)
    }

    /// A torch error with what was attempted: `map_err(ClassifierError::torch("add"))`.
    pub fn torch(action: &'static str) -> impl Fn(tch::TchError) -> Self {
        move |source| Self::Torch { action, source }
    }
}

impl From<ClassifierError> for Failure {
    fn from(error: ClassifierError) -> Self {
        let hint = error.hint();
        Self::from_error(error).with_hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_told_from_each_other_by_what_libtorch_says() {
        let check = |message: &str, fault| assert_eq!(Fault::of(message), fault, "{message}");
        check(
            "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 7.79 GiB",
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
            "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes",
            Fault::HostMemory,
        );
        check(
            "shape '[2, 3]' is invalid for input of size 7",
            Fault::Other,
        );
    }

    #[test]
    fn a_panic_within_libtorch_is_an_error_that_says_what_it_was() {
        let tensor = tch::Tensor::zeros([7], (tch::Kind::Float, tch::Device::Cpu));
        let error = ClassifierError::catch("turn a tensor", || Ok(tensor.view([2, 3])))
            .expect_err("seven are not six");
        assert_eq!(error.fault(), Some(Fault::Other));
        assert_eq!(error.to_string(), "libtorch could not turn a tensor");
    }
}
