//! A fuzzer without feedback: bytes from a seeded generator, varied from a pool of earlier ones.
//!
//! It finds less in the same time than a coverage-guided one, and finds it again on every machine.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use crate::targets::Target;

/// The longest input.
const BYTES_MAX: u64 = 2048;
/// Earlier inputs that are varied.
const POOL_MAX: usize = 256;
/// Findings after which a target is given up.
const FINDINGS_MAX: usize = 8;

/// How much, from where, and where to keep what was found.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Operations, as the target counts them.
    pub ops: u64,
    /// The generator's seed.
    pub seed: u64,
    /// The folder for bytes that break something.
    pub crashes: PathBuf,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Inputs that were run.
    pub inputs: u64,
    /// Operations that were carried out.
    pub ops: u64,
    /// The files of inputs that broke something.
    pub findings: Vec<PathBuf>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inputs, ops, findings } = self;
        write!(f, "{ops} operations in {inputs} inputs, {} findings", findings.len())?;
        findings.iter().try_for_each(|path| write!(f, "\n  {}", path.display()))
    }
}

/// Runs a target until it has carried out enough operations.
#[must_use]
pub fn run(target: &Target, plan: &Plan) -> Report {
    let mut report = Report::default();
    for input in Inputs::new(plan.seed, target.seeds) {
        if report.ops >= plan.ops || report.findings.len() >= FINDINGS_MAX {
            break;
        }
        report.inputs += 1;
        match catch_unwind(AssertUnwindSafe(|| (target.run)(&input))) {
            Ok(ops) => report.ops += ops.max(1),
            Err(_) => report.findings.push(keep(target, plan, &input, report.inputs)),
        }
    }
    report
}

/// Inputs without end, new ones and changed earlier ones.
struct Inputs {
    random: Random,
    pool: Vec<Vec<u8>>,
}

impl Inputs {
    fn new(seed: u64, seeds: &[&[u8]]) -> Self {
        let pool = seeds.iter().map(|seed| seed.to_vec()).collect();
        Self { random: Random(seed ^ 0x9e37_79b9_7f4a_7c15), pool }
    }
}

impl Iterator for Inputs {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let input = self.random.input(&self.pool);
        if self.pool.len() < POOL_MAX {
            self.pool.push(input.clone());
        } else {
            let victim = self.random.below(POOL_MAX as u64) as usize;
            self.pool[victim].clone_from(&input);
        }
        Some(input)
    }
}

/// Inputs as a target without examples gets them.
#[cfg(test)]
pub(crate) fn inputs(seed: u64) -> impl Iterator<Item = Vec<u8>> {
    Inputs::new(seed, &[])
}

fn keep(target: &Target, plan: &Plan, input: &[u8], number: u64) -> PathBuf {
    let name = format!("{}-seed{}-{number}.bin", target.name, plan.seed);
    let path = plan.crashes.join(name);
    let written =
        std::fs::create_dir_all(&plan.crashes).and_then(|()| std::fs::write(&path, input));
    if let Err(error) = written {
        eprintln!("{}: {error}", path.display());
    }
    path
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// New bytes, or earlier ones with a change.
    fn input(&mut self, pool: &[Vec<u8>]) -> Vec<u8> {
        if pool.is_empty() || self.below(4) == 0 {
            let length = self.below(BYTES_MAX) + 1;
            return (0..length).map(|_| self.next() as u8).collect();
        }
        let mut input = pool[self.below(pool.len() as u64) as usize].clone();
        for _ in 0..=self.below(8) {
            self.vary(&mut input, pool);
        }
        input.truncate(BYTES_MAX as usize);
        input
    }

    fn vary(&mut self, input: &mut Vec<u8>, pool: &[Vec<u8>]) {
        let at = self.below(input.len() as u64 + 1) as usize;
        match self.below(5) {
            0 => input.truncate(at.max(1)),
            1 => input.insert(at, self.next() as u8),
            2 => {
                let other = &pool[self.below(pool.len() as u64) as usize];
                let tail = other.get(at..).unwrap_or_default().to_vec();
                input.truncate(at);
                input.extend(tail);
            }
            3 => {
                let copy = input[..at].to_vec();
                input.extend(copy);
            }
            _ => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << (self.next() & 7);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets;

    fn plan(folder: &str) -> Plan {
        Plan { ops: 5_000, seed: 3, crashes: std::env::temp_dir().join(folder) }
    }

    #[test]
    fn every_target_holds_for_a_while() {
        for target in targets::ALL {
            let report = run(target, &plan("swaplab-fuzz-none"));
            assert!(report.findings.is_empty() && report.ops >= 5_000, "{}: {report}", target.name);
        }
    }

    #[test]
    fn a_body_that_breaks_is_found_and_its_bytes_are_kept() {
        fn breaks(data: &[u8]) -> u64 {
            assert!(data.len() < 1000, "too long");
            1
        }
        let target = Target { name: "breaks", run: breaks, seeds: &[] };
        let report = run(&target, &plan("swaplab-fuzz-some"));
        let kept = std::fs::read(&report.findings[0]).expect("the bytes");
        assert!(kept.len() >= 1000);
        std::fs::remove_dir_all(std::env::temp_dir().join("swaplab-fuzz-some")).expect("a folder");
    }

    #[test]
    fn the_same_seed_makes_the_same_inputs() {
        let inputs = || (0..20).map(|_| Random(9).input(&[vec![1, 2, 3]])).collect::<Vec<_>>();
        assert_eq!(inputs(), inputs());
    }
}
