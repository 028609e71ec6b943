//! `swaplab bench swap`: what a swapped page costs by each path, as ratios of what was measured in one run.
//!
//! On a device that costs nothing, with the real filesystem above it: with a controller underneath, its cost
//! would hide the path's.

use std::time::Instant;

use campaign::rig::{Rig, Setup};
use swap_path::PathKind;

use super::BenchResult;
use super::sample::Sample;

/// Measurements of each thing, in turn with what it is compared with.
const ROUNDS: usize = 15;

/// Store and load passes of one measurement.
const PASSES: u64 = 8;

/// The most that `swap` may cost, as parts of the other path's cost.
const OF_EXTENTS_MAX: f64 = 1.05;
const OF_DIO_MAX: f64 = 0.5;

/// How many times the throughput of split folios whole ones must have.
const WHOLE_MIN: f64 = 5.0;

pub(super) fn swap() -> BenchResult {
    println!("CPU time for each swapped page, 4 MiB of memory in use in 1 MiB, no device under it");
    let mut is_met = true;
    for read_cluster_pages in [1, 8] {
        println!(" pages read with one I/O: {read_cluster_pages}");
        is_met &= pages(read_cluster_pages)?;
    }
    println!("2 MiB folios out, one extent, commands of up to 512 KiB");
    is_met &= folios()?;
    Ok(is_met)
}

/// Nanoseconds for each page that went out or came in.
fn page_ns(rig: &mut Rig, tag: &mut u64) -> f64 {
    let moved = |rig: &Rig| rig.stats().swapped_out_pages + rig.stats().swapped_in_pages;
    let (before, start) = (moved(rig), Instant::now());
    for _ in 0..PASSES {
        *tag += 1;
        rig.store_pass(*tag);
        rig.load_pass();
    }
    start.elapsed().as_secs_f64() * 1e9 / (moved(rig) - before).max(1) as f64
}

fn pages(read_cluster_pages: usize) -> Result<bool, Box<dyn std::error::Error>> {
    let paths = [PathKind::Swap, PathKind::Extents, PathKind::DioSwapMap, PathKind::Dio];
    let mut rigs = Vec::new();
    for path in paths {
        let rig = Rig::new(&Setup { read_cluster_pages, ..Setup::new(path) })?;
        rig.disk.is_copying.set(false);
        rigs.push((path, rig, Vec::new()));
    }
    let mut tag = 0;
    let mut ratios = vec![Vec::new(); paths.len()];
    for _ in 0..ROUNDS {
        for (_, rig, ns) in &mut rigs {
            ns.push(page_ns(rig, &mut tag));
        }
        let last = |at: usize| rigs[at].2.last().copied().unwrap_or(f64::NAN);
        (0..paths.len()).for_each(|at| ratios[at].push(last(0) / last(at)));
    }
    let mut is_met = true;
    for ((path, _, ns), ratios) in rigs.into_iter().zip(ratios) {
        let (ns, ratio) = (Sample::new(ns).median(), Sample::new(ratios).median());
        let limit = match path {
            PathKind::Extents => Some(OF_EXTENTS_MAX),
            PathKind::Dio => Some(OF_DIO_MAX),
            _ => None,
        };
        let verdict = limit.map_or(String::new(), |max| {
            is_met &= ratio <= max;
            format!("  limit {max:.2}: {}", if ratio <= max { "met" } else { "MISSED" })
        });
        println!("  {path:<12} {ns:>8.0} ns   swap costs {ratio:>5.2} of it{verdict}");
    }
    Ok(is_met)
}

/// Pages for each second that reclaim sends out.
fn out_per_s(rig: &mut Rig, tag: &mut u64) -> f64 {
    *tag += 1;
    rig.store_pass(*tag);
    let start = Instant::now();
    let pages = rig.page_out() + rig.page_out();
    pages as f64 / start.elapsed().as_secs_f64()
}

fn folios() -> Result<bool, Box<dyn std::error::Error>> {
    let setup = |path| Setup {
        folio_order: 9,
        pages: 2048,
        resident_pages: 2048,
        transfer_blocks_max: 128,
        ..Setup::new(path)
    };
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
    let (whole, split) = (gib(whole), gib(split));
    let is_met = ratio >= WHOLE_MIN;
    println!(
        "  swap, whole {whole:.1} GiB/s; extents, split {split:.1} GiB/s; ratio {ratio:.1}  limit {WHOLE_MIN:.0}: {}",
        if is_met { "met" } else { "MISSED" }
    );
    Ok(is_met)
}
