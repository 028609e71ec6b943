//! Direct I/O of the guest under KVM in the wall clock, in turn with the same blocks through its driver alone.

use nvme_model::{Controller, FaultPlan};

use super::Error;
use super::dio::{DRIVE_BLOCKS, FILE_BLOCKS, SHAPES, Shape};
use crate::bench::guest;
use crate::bench::nvme::rig::ram_disk;
use crate::bench::sample::Sample;

const DEPTH: usize = 32;
/// The least part of the raw device's speed.
const RATIO_MIN: f64 = 0.95;
/// Pairs of rounds: the first touches memory for the first time.
const PAIRS: usize = 48;

pub(super) fn run() -> Result<bool, Error> {
    println!("under KVM, wall clock, shadow doorbells, hybrid polling:");
    let mut is_met = true;
    for shape in SHAPES {
        for (way, write) in [("Read", "off"), ("Write", "on")] {
            is_met &= measure(shape, way, write)?;
        }
    }
    Ok(is_met)
}

fn measure(shape: Shape, way: &str, write: &str) -> Result<bool, Error> {
    let random = if shape.is_random { "on" } else { "off" };
    let (pages, count, rounds) = (shape.pages, shape.count, 2 * PAIRS);
    let words = format!(
        "program=bench-fs trace=off write={write} depth={DEPTH} commands={count} rounds={rounds} \
         file={FILE_BLOCKS} pages={pages} random={random}"
    );
    let controller = Controller::new(
        guest::immediate_drive(),
        Box::new(ram_disk(DRIVE_BLOCKS)?),
        FaultPlan::none(),
    )?;
    let times = guest::rounds(controller, words)?;
    let (mut raw, mut file, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for pair in times.chunks_exact(2).skip(1) {
        raw.push(pair[0] as f64 / count as f64);
        file.push(pair[1] as f64 / count as f64);
        ratios.push(pair[0] as f64 / pair[1] as f64);
    }
    let ratio = Sample::new(ratios).median();
    println!(
        "  dio {:<18} {way:<5} QD{DEPTH}: {:>6.0} ns, raw {:>6.0} ns, {:>5.1} % of raw  limit: >= {:.0} %",
        shape.name,
        Sample::new(file).median(),
        Sample::new(raw).median(),
        ratio * 100.0,
        RATIO_MIN * 100.0
    );
    Ok(ratio >= RATIO_MIN)
}
