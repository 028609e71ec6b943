//! The load: random 4 KiB blocks.

use std::collections::VecDeque;

use block::{Bio, BlockDevice, Op};
use rustix::time::{ClockId, clock_gettime};

use super::rig::{DISK_BLOCKS, Driver};

/// Blocks of the buffers (4 MiB).
pub(crate) const BUFFER_BLOCKS: usize = 1024;

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Read,
    Write,
}

/// The time that this thread has had a processor. What else runs on the machine does not count, as far
/// as it leaves the caches alone.
pub(crate) fn cpu_ns() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// Numbers that look random (xorshift64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// The driver with its buffers.
pub(crate) struct Load {
    driver: Driver,
    free: VecDeque<Bio<<Driver as BlockDevice>::Page>>,
    random: Random,
}

impl Load {
    /// Takes buffers for the whole load.
    pub(crate) fn new(driver: Driver) -> Result<Self, hal::OutOfMemory> {
        let bio = |_| Ok(Bio { op: Op::Read, block: 0, pages: vec![driver.alloc_page()?] });
        let free = (0..BUFFER_BLOCKS).map(bio).collect::<Result<_, _>>()?;
        Ok(Self { driver, free, random: Random::new() })
    }

    /// Nanoseconds a command with `depth` of them in flight.
    pub(crate) fn run(&mut self, way: Way, depth: usize, count: u64) -> Result<f64, String> {
        let op = match way {
            Way::Read => Op::Read,
            Way::Write => Op::Write { fua: false },
        };
        let mut in_flight = VecDeque::with_capacity(depth);
        let start = cpu_ns();
        for number in 0..count + depth as u64 {
            if in_flight.len() == depth || number >= count {
                let Some(ticket) = in_flight.pop_front() else { break };
                let done = self.driver.wait(ticket);
                done.result.map_err(|error| format!("block {}: {error}", done.bio.block))?;
                self.free.push_back(done.bio);
            }
            if number < count {
                let bio = self.free.pop_front().ok_or("more in flight than buffers")?;
                let bio = Bio { op, block: self.random.below(DISK_BLOCKS), ..bio };
                let ticket = self.driver.submit(bio).map_err(|refused| refused.why.to_string())?;
                in_flight.push_back(ticket);
            }
        }
        Ok((cpu_ns() - start) / count as f64)
    }
}
