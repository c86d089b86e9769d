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

/// A part of a file's name that no other living process uses, on whichever machine.
pub fn process_name() -> String {
    format!("{}-{}", host_name().replace('/', "-"), std::process::id())
}

/// This process in words: its number, its machine, and its job where a cluster runs it.
pub(crate) fn this_process() -> String {
    let text = format!("process {} on {}", std::process::id(), host_name());
    let variable = |name| env::var(name).ok();
    let job = match (
        variable("SLURM_ARRAY_JOB_ID"),
        variable("SLURM_ARRAY_TASK_ID"),
    ) {
        (Some(array), Some(task)) => Some(format!("{array}_{task}")),
        _ => variable("SLURM_JOB_ID"),
    };
    match job {
        Some(job) => format!("{text}, job {job}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_a_name() {
        let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").expect("a Linux");
        assert_eq!(host_name(), kernel.trim());
        assert!(process_name().ends_with(&format!("-{}", std::process::id())));
    }
}
