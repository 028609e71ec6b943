//! `swaplab bench swap`: what a swapped page costs by each path, as ratios of what was measured in one run.
//!
//! On a device that costs nothing, with the real filesystem above it: with a controller underneath, its cost
//! would hide the path's. Only how long a fault waits is asked of a machine with a drive.

mod fault_in;
mod fault_time;
mod folios;
mod pages;

use campaign::rig::Rig;

use super::BenchResult;

/// Measurements of each thing, in turn with what it is compared with.
const ROUNDS: usize = 15;

type Error = Box<dyn std::error::Error>;

pub(super) fn swap() -> BenchResult {
    println!(
        "processor time for each swapped page, 4 MiB of memory in use in 1 MiB, no device under it"
    );
    println!("(path: what is left when the memory side is taken off, which is the same for all)");
    let mut is_met = true;
    for read_cluster_pages in [1, 8] {
        println!(" pages read with one I/O: {read_cluster_pages}");
        is_met &= pages::run(read_cluster_pages)?;
    }
    println!("2 MiB folios out, one extent, commands of up to 512 KiB, the oldest first");
    is_met &= folios::run()?;
    println!("a fault under KVM, virtual time");
    is_met &= fault_in::run()?;
    println!(
        "a fault of ring-3 memory under KVM, wall clock, a drive that takes no time of its own"
    );
    fault_time::run()?;
    Ok(is_met)
}

/// Pages that went out or came in so far.
fn moved(rig: &Rig) -> u64 {
    rig.stats().swapped_out_pages + rig.stats().swapped_in_pages
}

/// `limit 0.50: met`; says whether it is.
fn against(value: f64, limit: f64, is_met: bool) -> String {
    let verdict = if is_met { "met" } else { "MISSED" };
    format!("{value:.2} (limit {limit:.2}: {verdict})")
}
