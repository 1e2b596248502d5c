//! What this process has used so far, as the kernel counts it.

use std::fs;

use serde::Serialize;

/// Processor time and memory of this process. Absent where there is no `/proc` of Linux.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct ResourceUse {
    /// Processor seconds of all threads that still live.
    pub(crate) cpu_s: Option<f64>,
    /// Resident memory now, MB of 2^20 bytes.
    pub(crate) resident_mb: Option<f64>,
    /// The highest resident memory since the start, or since [`ResourceUse::forget_peak`].
    pub(crate) peak_mb: Option<f64>,
}

impl ResourceUse {
    /// What was used up to now.
    pub(crate) fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        Self {
            cpu_s: cpu_seconds(),
            resident_mb: megabytes(&status, "VmRSS:"),
            peak_mb: megabytes(&status, "VmHWM:"),
        }
    }

    /// Lets the peak start anew from what is resident now.
    pub(crate) fn forget_peak() {
        // Where it cannot be forgotten the peak stays that since the start: an upper bound.
        let _ = fs::write("/proc/self/clear_refs", "5");
    }
}

fn megabytes(status: &str, field: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kilobytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes / 1024.0)
}

/// The first number of a thread's schedstat is its time on a processor, in nanoseconds.
fn cpu_seconds() -> Option<f64> {
    let mut nanoseconds = 0.0;
    for thread in fs::read_dir("/proc/self/task").ok()? {
        let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        nanoseconds += text.split_whitespace().next()?.parse::<f64>().ok()?;
    }
    Some(nanoseconds / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_the_status_are_megabytes() {
        let status = "Name:\ttrainer\nVmHWM:\t  204800 kB\nVmRSS:\t  102400 kB\n";
        assert_eq!(megabytes(status, "VmHWM:"), Some(200.0));
        assert_eq!(megabytes(status, "VmRSS:"), Some(100.0));
        assert_eq!(megabytes(status, "VmSwap:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_that_is_touched_is_counted() {
        let before = ResourceUse::now();
        let touched = vec![1_u8; 64 << 20];
        let after = ResourceUse::now();
        assert!(touched.iter().all(|byte| *byte == 1));
        assert!(after.peak_mb >= after.resident_mb);
        assert!(after.peak_mb.unwrap() >= 64.0);
        assert!(after.cpu_s.unwrap() >= before.cpu_s.unwrap());
    }
}
