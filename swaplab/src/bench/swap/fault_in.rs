//! How long a fault waits for its page, against what the drive needs for one block.

use campaign::engine::KvmEngine;
use campaign::report::Latency;
use campaign::run::run_unit;
use campaign::{Role, scenario};
use nvme_model::{FaultPlan, Timing};
use swap_path::PathKind;

use super::Error;

/// Prints a row for each path. There is no limit: it says what waits above the drive.
pub(super) fn run() -> Result<bool, Error> {
    if let Err(error) = vmm::check_host() {
        println!("  not measured: {error}");
        return Ok(true);
    }
    let mut engine = KvmEngine::new()?;
    let timing = Timing::default();
    let read_us = (timing.read_ns + timing.block_ns) as f64 / 1e3;
    let units = scenario::find("latency").map(|definition| definition.units().to_vec());
    for mut unit in units.unwrap_or_default() {
        let is_wanted = unit.case == "steady" && unit.spec.path != PathKind::Net;
        if unit.role != Role::Experiment || !is_wanted {
            continue;
        }
        unit.faults = FaultPlan::none();
        let result = run_unit(&mut engine, &unit)?;
        let latency = Latency::of(&result.facts.fault_ns).ok_or("no fault brought a page back")?;
        let p50_us = latency.p50_ns as f64 / 1e3;
        println!(
            "  {:<12} {:>5} faults, p50 {p50_us:.1} us: {:.2} of the drive's {read_us:.1} us",
            unit.spec.path,
            latency.faults,
            p50_us / read_us
        );
    }
    Ok(true)
}
