//! `--cross N`: some of the units that were run, on the other engine.
//!
//! Both records of a unit go to the ledger. If they are equal they are one; if not, merging raises the determinism
//! alarm, now and whenever the ledger is read again.

use campaign::engine::EngineKind;
use campaign::fleet::{self, Laboratory, Orders, Progress, Task};
use results::Record;
use results::ledger::Ledger;

use super::run::given_up;
use crate::exit::Exit;

/// Runs `count` of the units in `done`, or all, on the engine that `engine` is not.
///
/// # Errors
/// The other engine cannot be used here, or the ledger cannot be written.
pub(super) fn check(
    done: &[Task<'_>],
    count: usize,
    engine: EngineKind,
    orders: &Orders<'_>,
    ledger: &mut Ledger,
) -> Result<(), Exit> {
    let other = match engine {
        EngineKind::Host => EngineKind::Kvm,
        EngineKind::Kvm => EngineKind::Host,
    };
    let sample = spread(done, count);
    let mut seen = Seen::default();
    let flown =
        fleet::run(&sample, orders, &Laboratory::new(other, orders.jobs), ledger, &mut seen);
    flown.map_err(given_up)?;
    println!("cross-check: {} of {} units once more on {}", seen.judged, done.len(), other.name());
    if seen.failed > 0 {
        println!("  {} units learned nothing there: the machine failed", seen.failed);
    }
    Ok(())
}

/// So many of them, evenly spread. Plans are in the order of hashes, so that is chance.
fn spread<T: Copy>(all: &[T], count: usize) -> Vec<T> {
    let count = count.min(all.len());
    (0..count).map(|nth| all[nth * all.len() / count]).collect()
}

/// Counts what a sample came to.
#[derive(Debug, Default)]
struct Seen {
    judged: u64,
    failed: u64,
}

impl Progress for Seen {
    fn record(&mut self, record: &Record) {
        if record.outcome.is_infra() {
            self.failed += 1;
        } else {
            self.judged += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_over_everything_and_takes_none_twice() {
        let all: Vec<u32> = (0..10).collect();
        assert_eq!(spread(&all, 4), [0, 2, 5, 7]);
        assert_eq!(spread(&all, 99), all);
        assert!(spread(&all, 0).is_empty() && spread::<u32>(&[], 3).is_empty());
    }
}
