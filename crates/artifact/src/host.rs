//! Who works on an artifacts folder: processes of several machines may, where it lies on a shared file
//! system, and a process's number says something only together with its machine.

use std::env;
use std::ffi::CStr;

/// The name of this machine.
pub fn host_name() -> String {
    let mut buffer = [0_u8; 256];
    // SAFETY: `gethostname` writes at most the given number of bytes into the buffer, which keeps its last
    // byte zero.
    let written = unsafe { libc::gethostname(buffer.as_mut_ptr().cast(), buffer.len() - 1) };
    let name = CStr::from_bytes_until_nul(&buffer)
        .ok()
        .filter(|_| written == 0);
    let name = name.map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "unknown-host".to_owned())
}

/// A part of a file's name that no other living process uses, on whichever machine: within containers
/// processes of one machine can have the same number, and then their jobs differ.
pub fn process_name() -> String {
    let host = host_name().replace('/', "-");
    let process = std::process::id();
    match cluster_job() {
        Some(job) => format!("{host}-{process}-{job}"),
        None => format!("{host}-{process}"),
    }
}

/// This process in words: its number, its machine, and its job where a cluster runs it.
pub(crate) fn this_process() -> String {
    let text = format!("process {} on {}", std::process::id(), host_name());
    match cluster_job() {
        Some(job) => format!("{text}, job {job}"),
        None => text,
    }
}

/// The job of a cluster that this process belongs to: its number, with that of the task in an array.
pub fn cluster_job() -> Option<String> {
    let variable = |name| env::var(name).ok();
    let array = variable("SLURM_ARRAY_JOB_ID").zip(variable("SLURM_ARRAY_TASK_ID"));
    match array {
        Some((array, task)) => Some(format!("{array}_{task}")),
        None => variable("SLURM_JOB_ID"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_a_name() {
        let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").expect("a Linux");
        assert_eq!(host_name(), kernel.trim());
        assert!(process_name().contains(&format!("-{}", std::process::id())));
    }
}
