//! Single pages, path by path: the whole of it, and what the path has of that.

use campaign::rig::{Rig, Setup};
use swap_path::PathKind;

use super::{Error, ROUNDS, against, moved};
use crate::bench::nvme::load::cpu_ns;
use crate::bench::sample::Sample;

/// Store and load passes of one measurement.
const PASSES: u64 = 8;

/// The most that a page may cost by `swap`, as parts of what it costs by `extents`.
const OF_EXTENTS_MAX: f64 = 1.05;
/// The most that the path `swap` may cost, as parts of what the path `dio` costs.
const OF_DIO_MAX: f64 = 0.5;

/// What is measured in turn; the first is what the others are compared with.
const PATHS: [PathKind; 4] =
    [PathKind::Swap, PathKind::Extents, PathKind::DioSwapMap, PathKind::Dio];

/// Prints a row for each path; whether the limits are met.
pub(super) fn run(read_cluster_pages: usize) -> Result<bool, Error> {
    let setup = |path| Setup { read_cluster_pages, ..Setup::new(path) };
    let mut alone = Rig::without_path(&setup(PathKind::Swap))?;
    let mut rigs = Vec::new();
    for path in PATHS {
        rigs.push(Rig::new(&setup(path))?);
    }
    let (mut memory, mut tag) = (Vec::new(), 0);
    let mut whole = vec![Vec::new(); PATHS.len()];
    for _ in 0..ROUNDS {
        memory.push(page_ns(&mut alone, &mut tag));
        for (rig, costs) in rigs.iter_mut().zip(&mut whole) {
            costs.push(page_ns(rig, &mut tag));
        }
    }
    let of = |costs: &Vec<f64>| {
        let ratios = whole[0].iter().zip(costs).map(|(swap, other)| swap / other);
        Sample::new(ratios.collect()).median()
    };
    let whole_ratios: Vec<_> = whole.iter().map(of).collect();
    let memory = Sample::new(memory).median();
    println!("  {:<12} {memory:>6.0} ns", "memory side");
    let medians: Vec<_> = whole.into_iter().map(|costs| Sample::new(costs).median()).collect();
    let swap_path = medians[0] - memory;
    let mut is_met = true;
    for ((path, ns), of_whole) in PATHS.into_iter().zip(&medians).zip(whole_ratios) {
        let of_path = swap_path / (ns - memory);
        let (mut of_whole_text, mut of_path_text) =
            (format!("{of_whole:.2}"), format!("{of_path:.2}"));
        match path {
            PathKind::Extents => {
                is_met &= of_whole <= OF_EXTENTS_MAX;
                of_whole_text = against(of_whole, OF_EXTENTS_MAX, of_whole <= OF_EXTENTS_MAX);
            }
            PathKind::Dio => {
                is_met &= of_path <= OF_DIO_MAX;
                of_path_text = against(of_path, OF_DIO_MAX, of_path <= OF_DIO_MAX);
            }
            _ => {}
        }
        println!(
            "  {path:<12} {ns:>6.0} ns, path {:>4.0} ns   swap: {of_whole_text} of it, path {of_path_text}",
            ns - memory
        );
    }
    Ok(is_met)
}

/// Nanoseconds of this thread for each page that went out or came in.
fn page_ns(rig: &mut Rig, tag: &mut u64) -> f64 {
    rig.disk.is_copying.set(false);
    let (before, start) = (moved(rig), cpu_ns());
    for _ in 0..PASSES {
        *tag += 1;
        rig.store_pass(*tag);
        rig.load_pass();
    }
    (cpu_ns() - start) / (moved(rig) - before).max(1) as f64
}
