//! The machine: system, cores, memory, and an NVIDIA driver.

use std::fs;
use std::num::NonZero;

use artifact::format;

use super::Finding;

/// Less memory than this is short for the default pipeline.
const LITTLE_MEMORY: u64 = 2 << 30;

pub(super) fn examine() -> Vec<Finding> {
    vec![system(), cores(), memory(), driver()]
}

fn system() -> Finding {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let found = format!(
        "{} {}, kernel {}",
        std::env::consts::OS,
        std::env::consts::ARCH,
        release.trim()
    );
    Finding::ok("system", found)
}

fn cores() -> Finding {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get) as u64;
    Finding::ok("cores", format::count(cores))
}

fn memory() -> Finding {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let read = |name: &str| -> Option<u64> {
        let line = text.lines().find(|line| line.starts_with(name))?;
        let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kilobytes * 1024)
    };
    match (read("MemTotal:"), read("MemAvailable:")) {
        (Some(total), Some(free)) => {
            let found = format!(
                "{}, of which {} free",
                format::bytes(total),
                format::bytes(free)
            );
            if free < LITTLE_MEMORY {
                Finding::warning(
                    "memory",
                    found,
                    "Close other programs, or take fewer threads with `--set run.threads=1`",
                )
            } else {
                Finding::ok("memory", found)
            }
        }
        _ => Finding::warning(
            "memory",
            "the system does not say",
            "Nothing to do: this is only to be shown",
        ),
    }
}

fn driver() -> Finding {
    match fs::read_to_string("/proc/driver/nvidia/version") {
        Ok(text) => Finding::ok(
            "NVIDIA driver",
            text.lines().next().unwrap_or_default().trim(),
        ),
        Err(_) => Finding::ok("NVIDIA driver", "none: the processor will do the work"),
    }
}
