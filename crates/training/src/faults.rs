//! Fault injection for tests, in programs that are built with the feature `faults`. The plan is in `RESSENTI_FAULTS`,
//! for example `oom@120,device@300,kill@512,term@8,nan@40,stall@7,enospc@write:3`. Each fault happens once, also over
//! several processes, because a file in the folder `RESSENTI_FAULTS_DONE` records it.
//!
//! Every fault is a real failure of an operation: an allocation of a petabyte, a tensor on a GPU that does not exist,
//! an index out of range on an existing GPU, or a gradient full of NaN.

use std::env;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use classifier::{ClassifierError, Result};
use tch::{Device, Kind, Tensor};

/// Number of checkpoints that this process has written.
static WRITES: AtomicU64 = AtomicU64::new(0);

/// Whether the plan has this fault and it has not happened yet.
fn is_due(fault: &str) -> bool {
    let plan = env::var("RESSENTI_FAULTS").unwrap_or_default();
    let done = env::var("RESSENTI_FAULTS_DONE").unwrap_or_default();
    let record = Path::new(&done).join(fault);
    plan.split(',').any(|planned| planned == fault) && File::create_new(record).is_ok()
}

fn fail(work: impl FnOnce() -> Tensor) -> Result<()> {
    ClassifierError::catch("compute the gradient", || {
        let _ = work().sum(Kind::Float).double_value(&[]);
        Ok(())
    })
}

/// Triggers the faults that are due before the gradient of a step is computed, on the device of `gradient`.
pub(crate) fn before(step: u64, gradient: &Tensor) -> Result<()> {
    let is_due = |fault: &str| is_due(&format!("{fault}@{step}"));
    if is_due("kill") {
        // SAFETY: both take any numbers; this process does not outlive the signal.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    }
    if is_due("term") {
        // SAFETY: it takes any number; the stage's own handler notes the signal.
        unsafe { libc::raise(libc::SIGTERM) };
    }
    if is_due("stall") {
        std::thread::sleep(std::time::Duration::from_secs(3600));
    }
    if is_due("oom") {
        fail(|| Tensor::empty([1 << 48], (Kind::Float, gradient.device())))?;
    }
    if is_due("device") {
        // On a GPU this fails an assertion, and the process cannot use the GPU any more. Without a GPU the device does
        // not exist.
        fail(|| {
            let device = Device::Cuda(0);
            let values = Tensor::zeros([4], (Kind::Float, device));
            let invalid = Tensor::from_slice(&[9_i64]).to_device(device);
            values.index_select(0, &invalid)
        })?;
    }
    Ok(())
}

/// Triggers the faults in the gradient of a step.
pub(crate) fn after(step: u64, gradient: &mut Tensor) {
    if is_due(&format!("nan@{step}")) {
        let _ = gradient.fill_(f64::NAN);
    }
}

/// Triggers the fault before a checkpoint is written.
pub(crate) fn on_write() -> io::Result<()> {
    let number = 1 + WRITES.fetch_add(1, Ordering::Relaxed);
    if is_due(&format!("enospc@write:{number}")) {
        return Err(io::Error::from_raw_os_error(libc::ENOSPC));
    }
    Ok(())
}
