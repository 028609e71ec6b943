//! `swaplab bench`: figures with their limits. Timings on shared machines are noisy: medians and 99th
//! percentiles, never a mean alone, and ratios of what was measured in the same run.

mod boot;
mod campaign;
mod fs;
mod guest;
mod nvme;
mod results;
mod sample;
mod swap;
mod watched;
mod workers;

use crate::args::{Bench, BenchKind};
use crate::exit::Exit;

/// Whether every limit was met.
type BenchResult = Result<bool, Box<dyn std::error::Error>>;

pub(crate) fn run(args: &Bench) -> Exit {
    let outcome = match args.what {
        BenchKind::Boot => boot::boot(),
        BenchKind::BootOnce => boot::boot_once(),
        BenchKind::Campaign => campaign::campaign(),
        BenchKind::Nvme => nvme::nvme(),
        BenchKind::Fs => fs::fs(),
        BenchKind::Swap => swap::swap(),
    };
    match outcome {
        Ok(true) => Exit::Expected,
        Ok(false) => Exit::Findings.with(&"a limit was missed"),
        Err(error) => Exit::Usage.with(&error),
    }
}
