//! How long a fault really takes, against one block read through the same driver, and the exception alone.

use nvme_model::{Controller, FaultPlan};
use swap_path::PathKind;

use super::Error;
use crate::bench::guest;
use crate::bench::nvme::rig::ram_disk;
use crate::bench::sample::Sample;

/// Blocks of the drive: 64 MiB.
const DRIVE_BLOCKS: u64 = 16 << 10;
/// Pages of memory, each of which is brought back once a round.
const PAGES: u64 = 1024;
/// Threes of rounds; the first touches everything for the first time.
const THREES: usize = 12;
/// What is measured.
const PATHS: [PathKind; 3] = [PathKind::Extents, PathKind::Dio, PathKind::Swap];

/// Half of a round's times, and 99 in 100 of them, are not above these nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Measured {
    p50_ns: f64,
    p99_ns: f64,
}

/// Prints rows for each path. There is no limit: it says what a fault costs above the drive.
pub(super) fn run() -> Result<(), Error> {
    if let Err(error) = vmm::check_host() {
        println!("  not measured: {error}");
        return Ok(());
    }
    for path in PATHS {
        let threes = measure(path)?;
        let raw = median_of(&threes, |three| three[0]);
        let exception = median_of(&threes, |three| three[1]);
        let fault = median_of(&threes, |three| three[2]);
        let ratio = |of: fn(&Measured) -> f64| {
            let ratios = threes.iter().map(|[raw, _, fault]| of(fault) / of(raw));
            Sample::new(ratios.collect()).median()
        };
        println!(
            "  {path:<12} p50 {:>5.2} us, {:.2} of a raw read's {:.2} us; p99 {:>5.2} us, {:.2} of {:.2} us; \
             exception alone {:.2} us",
            fault.p50_ns / 1e3,
            ratio(|measured| measured.p50_ns),
            raw.p50_ns / 1e3,
            fault.p99_ns / 1e3,
            ratio(|measured| measured.p99_ns),
            raw.p99_ns / 1e3,
            exception.p50_ns / 1e3,
        );
    }
    Ok(())
}

/// Raw reads, exceptions and faults, three by three.
fn measure(path: PathKind) -> Result<Vec<[Measured; 3]>, Error> {
    let rounds = 3 * THREES;
    let words = format!("program=bench-fault trace=off path={path} file={PAGES} rounds={rounds}");
    let disk = Box::new(ram_disk(DRIVE_BLOCKS)?);
    let controller = Controller::new(guest::immediate_drive(), disk, FaultPlan::none())?;
    let said = guest::run(controller, words)?;
    let console = String::from_utf8_lossy(&said.console);
    let lines = console.lines().filter(|line| line.contains(" round="));
    let measured: Option<Vec<_>> =
        lines.zip(&said.times).map(|(line, round_ns)| in_ns(line, *round_ns)).collect();
    let measured = measured.filter(|all| all.len() == rounds);
    let measured = measured.ok_or_else(|| format!("the guest said something else: {console}"))?;
    Ok(measured.chunks_exact(3).skip(1).map(|three| [three[0], three[1], three[2]]).collect())
}

/// What a line says in ticks, of which there were `round=` in `round_ns`.
fn in_ns(line: &str, round_ns: u64) -> Option<Measured> {
    let number = |key: &str| {
        let value = line.split(' ').find_map(|word| word.strip_prefix(key))?;
        value.trim_end().parse::<f64>().ok()
    };
    let tick_ns = round_ns as f64 / number("round=")?;
    Some(Measured { p50_ns: number("p50=")? * tick_ns, p99_ns: number("p99=")? * tick_ns })
}

/// The middle of what `pick` takes of each.
fn median_of(threes: &[[Measured; 3]], pick: impl Fn(&[Measured; 3]) -> Measured) -> Measured {
    let of = |part: fn(Measured) -> f64| {
        Sample::new(threes.iter().map(|three| part(pick(three))).collect()).median()
    };
    Measured { p50_ns: of(|m| m.p50_ns), p99_ns: of(|m| m.p99_ns) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_in_ticks_is_a_measurement_in_nanoseconds() {
        let measured = in_ns("fault p50=200 p99=3000 round=1000000\r", 500_000).unwrap();
        assert_eq!((measured.p50_ns, measured.p99_ns), (100.0, 1500.0));
        assert!(in_ns("fault p50=200 round=1000", 1).is_none());
    }
}
