//! Huge folios: written whole by `swap`, split by `extents`, as Linux does for a file.

use campaign::rig::{Rig, Setup};
use swap_path::{PathKind, ReclaimPolicy};

use super::{Error, ROUNDS, against};
use crate::bench::nvme::load::cpu_ns;
use crate::bench::sample::Sample;

/// How many times the throughput of split folios whole ones must have.
const WHOLE_MIN: f64 = 5.0;

/// Prints both; whether the limit is met.
pub(super) fn run() -> Result<bool, Error> {
    let (mut whole, mut split) = (Vec::new(), Vec::new());
    let mut ratios = Vec::new();
    let mut tag = 0;
    for _ in 0..ROUNDS {
        // New each time: pages that came back by extents are no folios any more.
        for (path, rates) in [(PathKind::Swap, &mut whole), (PathKind::Extents, &mut split)] {
            let mut rig = Rig::new(&setup(path))?;
            rig.disk.is_copying.set(false);
            rates.push(out_per_s(&mut rig, &mut tag));
        }
        ratios.push(whole[whole.len() - 1] / split[split.len() - 1]);
    }
    let ratio = Sample::new(ratios).median();
    let gib = |rates: Vec<f64>| Sample::new(rates).median() * 4096.0 / f64::from(1 << 30);
    let is_met = ratio >= WHOLE_MIN;
    println!(
        "  swap, whole {:.1} GiB/s; extents, split {:.1} GiB/s; ratio {}",
        gib(whole),
        gib(split),
        against(ratio, WHOLE_MIN, is_met)
    );
    Ok(is_met)
}

/// Who is oldest goes first: with a second chance, half of the time would be that of looking at folios that stay.
const fn setup(path: PathKind) -> Setup {
    Setup {
        folio_order: 9,
        pages: 2048,
        resident_pages: 2048,
        transfer_blocks_max: 128,
        policy: ReclaimPolicy::Fifo,
        ..Setup::new(path)
    }
}

/// Pages for each second of this thread that reclaim sends out.
fn out_per_s(rig: &mut Rig, tag: &mut u64) -> f64 {
    *tag += 1;
    rig.store_pass(*tag);
    let start = cpu_ns();
    let pages = rig.page_out();
    pages as f64 / (cpu_ns() - start) * 1e9
}
