//! Faults on purpose, so that what is done about them can be tested without a GPU that breaks: only
//! in programs built with the feature `faults`, and there only by the plan in `RESSENTI_FAULTS`, for
//! example `oom@120,cuda@300,kill@512,term@8,nan@40,stall@7,enospc@write:3`. Each happens once, also over
//! several processes: what has happened is noted in the folder `RESSENTI_FAULTS_DONE`.

use classifier::{ClassifierError, Pass};

/// The faults due before a step's gradient is computed.
pub(crate) fn before(step: u64) -> Result<(), ClassifierError> {
    #[cfg(feature = "faults")]
    return plan::before(step);
    #[cfg(not(feature = "faults"))]
    {
        let _ = step;
        Ok(())
    }
}

/// The passes of a step, after the faults that are due.
pub(crate) fn after(step: u64, passes: Vec<Pass>) -> Vec<Pass> {
    #[cfg(feature = "faults")]
    return plan::after(step, passes);
    #[cfg(not(feature = "faults"))]
    {
        let _ = step;
        passes
    }
}

/// The faults due before a checkpoint is written.
pub(crate) fn on_write() -> std::io::Result<()> {
    #[cfg(feature = "faults")]
    return plan::on_write();
    #[cfg(not(feature = "faults"))]
    Ok(())
}

#[cfg(feature = "faults")]
mod plan {
    use std::env;
    use std::fs::OpenOptions;
    use std::io;
    use std::path::Path;
    use std::sync::atomic::{AtomicU64, Ordering};

    use classifier::{ClassifierError, Pass};
    use tch::{Device, Kind, Tensor};

    /// Checkpoints written by this process.
    static WRITES: AtomicU64 = AtomicU64::new(0);

    /// Whether the plan has this fault, and it has not happened yet.
    fn is_due(fault: &str) -> bool {
        let plan = env::var("RESSENTI_FAULTS").unwrap_or_default();
        if !plan.split(',').any(|planned| planned == fault) {
            return false;
        }
        let done = env::var("RESSENTI_FAULTS_DONE").unwrap_or_default();
        let note = Path::new(&done).join(fault);
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(note)
            .is_ok()
    }

    fn refuse(message: &str) -> Result<(), ClassifierError> {
        ClassifierError::catch("compute the gradient", || panic!("{message}"))
    }

    pub(super) fn before(step: u64) -> Result<(), ClassifierError> {
        if is_due(&format!("kill@{step}")) {
            // SAFETY: both take any numbers; this process does not outlive the signal.
            unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
        }
        if is_due(&format!("term@{step}")) {
            // SAFETY: it takes any number; the signal is taken note of by the stage's own handler.
            unsafe { libc::raise(libc::SIGTERM) };
        }
        if is_due(&format!("stall@{step}")) {
            std::thread::sleep(std::time::Duration::from_secs(3600));
        }
        if is_due(&format!("oom@{step}")) {
            refuse("CUDA out of memory. Tried to allocate 2.00 GiB")?;
        }
        if is_due(&format!("assert@{step}")) {
            // No plan of words: an index that is out of range, where there is a GPU on that.
            return ClassifierError::catch("compute the gradient", || {
                let device = Device::cuda_if_available();
                let values = Tensor::zeros([4], (Kind::Float, device));
                let beyond = Tensor::from_slice(&[9_i64]).to_device(device);
                let sum = values.index_select(0, &beyond).sum(Kind::Float);
                let _ = sum.double_value(&[]);
                Ok(())
            });
        }
        if is_due(&format!("cuda@{step}")) {
            refuse("CUDA error: device-side assert triggered")?;
        }
        Ok(())
    }

    pub(super) fn after(step: u64, mut passes: Vec<Pass>) -> Vec<Pass> {
        if is_due(&format!("nan@{step}")) {
            passes[0].loss = f64::NAN;
        }
        passes
    }

    pub(super) fn on_write() -> io::Result<()> {
        let number = 1 + WRITES.fetch_add(1, Ordering::Relaxed);
        if is_due(&format!("enospc@write:{number}")) {
            return Err(io::Error::from_raw_os_error(libc::ENOSPC));
        }
        Ok(())
    }
}
