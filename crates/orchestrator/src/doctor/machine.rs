//! Checks of the machine: system, cores, memory and NVIDIA driver.

use std::env::consts::{ARCH, OS};
use std::fs;
use std::num::NonZero;

use artifact::format;

use super::Finding;

/// The file in which an NVIDIA driver reports its version.
pub(super) const DRIVER: &str = "/proc/driver/nvidia/version";

/// Bytes of free memory that the default pipeline needs.
const MIN_FREE_MEMORY: u64 = 2 << 30;

pub(super) fn examine() -> Vec<Finding> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let system = format!("{OS} {ARCH}, kernel {}", release.trim());
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let driver = match fs::read_to_string(DRIVER) {
        Ok(text) => text.lines().next().unwrap_or_default().trim().to_owned(),
        Err(_) => "none; models run on the CPU".to_owned(),
    };
    vec![
        Finding::ok("system", system),
        Finding::ok("cores", format::count(cores)),
        memory(),
        Finding::ok("NVIDIA driver", driver),
    ]
}

fn memory() -> Finding {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let read = |name: &str| -> Option<u64> {
        let line = text.lines().find(|line| line.starts_with(name))?;
        let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kilobytes * 1024)
    };
    let (Some(total), Some(free)) = (read("MemTotal:"), read("MemAvailable:")) else {
        let unknown = Finding::ok("memory", "unknown: `/proc/meminfo` cannot be read");
        return unknown.warn_if(true, "No action is needed");
    };
    let (total, available) = (format::bytes(total), format::bytes(free));
    let hint = "Close other programs, or use fewer threads with `--set run.threads=1`";
    Finding::ok("memory", format!("{total}, {available} free"))
        .warn_if(free < MIN_FREE_MEMORY, hint)
}
