//! Names of machines, processes and cluster jobs. Several machines may use one artifacts folder on a shared file
//! system, so a process id identifies a process only together with its machine.

use std::env;
use std::ffi::CStr;

/// The name of this machine.
pub fn host_name() -> String {
    let mut buffer = [0_u8; 256];
    // SAFETY: `gethostname` writes at most the given number of bytes, so the last byte of the buffer stays zero.
    let written = unsafe { libc::gethostname(buffer.as_mut_ptr().cast(), buffer.len() - 1) };
    let name = CStr::from_bytes_until_nul(&buffer).ok();
    let name = name.filter(|_| written == 0);
    let name = name.map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "unknown-host".to_owned())
}

/// A part of a file name that no other running process uses, on any machine. In containers, processes of one machine
/// can have the same id; then their jobs differ.
pub fn process_name() -> String {
    let host = host_name().replace('/', "-");
    let process = std::process::id();
    match cluster_job() {
        Some(job) => format!("{host}-{process}-{job}"),
        None => format!("{host}-{process}"),
    }
}

/// This process for messages: its id, its machine, and its job on a cluster.
pub(crate) fn describe_process() -> String {
    let text = format!("process {} on {}", std::process::id(), host_name());
    match cluster_job() {
        Some(job) => format!("{text}, job {job}"),
        None => text,
    }
}

/// The id of the Slurm job of this process; for a job array with the index of the task.
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
    fn host_name_is_the_name_of_the_kernel() {
        let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").expect("Linux");
        assert_eq!(host_name(), kernel.trim());
        assert!(process_name().contains(&format!("-{}", std::process::id())));
    }
}
