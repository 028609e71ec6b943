//! A conformance test of an NVMe controller, as a program of the guest.
//!
//! It drives registers and queues itself, without the driver: what it checks is the controller. It is
//! the same source on the host engine, under KVM and in QEMU, so our model is held against the same
//! questions as a controller that other people wrote, and the questions against both.
//!
//! Every check begins with a controller reset and knows nothing of the others. What a controller does
//! not advertise is not asked for: the check is skipped, and says why. It writes to the namespace
//! without asking: never run it on a drive with data.
//!
//! [`watch_namespaces`] is the other half of a check that takes two: whoever owns the drive changes its namespaces.
//!
//! What it does not do: it leaves out what the standard leaves to the controller, and judges no
//! speed. It asks nothing of MSI-X tables or PCI configuration.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod bench;
mod checks;
mod namespaces;
mod queue;
mod report;
mod verdict;
mod watch;

use alloc::string::String;

use hal::Platform;

pub use report::{Line, Summary};
pub use verdict::Verdict;
pub use watch::watch_namespaces;

use bench::Bench;

/// Runs every check on the machine's controller; tells `tell` the name and verdict of each.
///
/// The controller needs two interrupt vectors and a namespace 1. It is disabled afterwards.
///
/// # Errors
/// What keeps the controller from being used at all.
pub fn run<P: Platform>(platform: &P, mut tell: impl FnMut(&Line)) -> Result<Summary, String> {
    let mut bench = Bench::new(platform).map_err(|trouble| trouble.text())?;
    let mut summary = Summary::default();
    for (name, check) in checks::all::<P>() {
        let outcome = bench.reset().and_then(|()| check(&mut bench));
        let line = Line { name: name.into(), verdict: Verdict::from(outcome) };
        summary.count(&line.verdict);
        tell(&line);
    }
    bench.disable().map_err(|trouble| trouble.text())?;
    Ok(summary)
}
