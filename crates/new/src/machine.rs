//! The machine that trains: cores, free memory, NVIDIA driver.

use std::fs;
use std::path::Path;

use settings::RunSettings;

/// What decides which models are practical.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    /// Free memory in bytes; `None` if the system does not report it.
    pub(crate) free_memory: Option<u64>,
    pub(crate) has_gpu: bool,
}

impl Machine {
    pub(crate) fn of_this_process() -> Self {
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let mut free = memory.lines().filter(|it| it.starts_with("MemAvailable:"));
        let free = free.next().and_then(|it| it.split_whitespace().nth(1));
        let kilobytes = free.and_then(|it| it.parse::<u64>().ok());
        Self {
            cores: RunSettings::default().cores(),
            free_memory: kilobytes.map(|kilobytes| kilobytes * 1024),
            has_gpu: Path::new("/proc/driver/nvidia/version").exists(),
        }
    }
}
