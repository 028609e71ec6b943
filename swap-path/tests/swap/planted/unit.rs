//! One seeded unit: a machine with two swap areas, random work, and oracles that watch it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use block::ram::{Fault, OpKind};
use hal::{UserAddr, UserPage};
use swap_path::events::Event;
use swap_path::{Bug, Bugs};

use super::machine::{BAD_SLOTS, Machine, PAGES, folio_order};
use crate::bench::{DISK_BLOCKS, MEDIUM};
use crate::host::PAGE;

/// Steps of a unit.
const STEPS: u32 = 400;

/// Who objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Oracle {
    /// An access that succeeded saw the last store, and nothing else.
    PageContent,
    /// Nobody is answered with a bus error as long as nothing was made to fail.
    NothingLost,
    /// No swap-out fails while nothing is made to fail.
    SwapOuts,
    /// Only slots of the two files are written: no header, no bad page, nothing beyond the end.
    OwnBlocksOnly,
    /// An area of a higher priority is filled first.
    Priority,
    /// Pages, folios, frames and slots agree with each other; no assertion breaks.
    Invariants,
}

/// SplitMix64: the unit's only source of chance.
struct Rng(u64);

impl Rng {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// Runs the unit; the first objection, if there is one.
pub(super) fn run(seed: u64, bug: Option<Bug>) -> Option<Oracle> {
    let bugs = bug.map_or(Bugs::default(), Bugs::from);
    let played = catch_unwind(AssertUnwindSafe(|| {
        let mut unit = Unit {
            rng: Rng(seed),
            machine: Machine::new(bugs, seed),
            expected: vec![0; PAGES * PAGE as usize],
            is_healthy: true,
            has_faults: false,
            has_folios: folio_order(seed) > 0,
            preferred_free: 0,
        };
        (0..STEPS).find_map(|_| unit.step().err()).or_else(|| unit.the_end().err())
    }));
    played.unwrap_or(Some(Oracle::Invariants))
}

struct Unit {
    rng: Rng,
    machine: Machine,
    expected: Vec<u8>,
    /// Nothing was made to fail since memory was last known to be complete.
    is_healthy: bool,
    /// Something fails now.
    has_faults: bool,
    has_folios: bool,
    /// Free slots of the area of the highest priority before the step.
    preferred_free: u32,
}

/// So many slots cannot be handed out and given back in one step.
const AMPLE: u32 = 24;

impl Unit {
    fn step(&mut self) -> Result<(), Oracle> {
        self.preferred_free = self.machine.preferred_free();
        match self.rng.below(40) {
            0..12 => self.store()?,
            12..26 => self.load()?,
            26..29 => {
                let pages = self.rng.below(PAGES as u64) as usize;
                self.machine.mm.page_out(pages);
            }
            29..32 => self.fork()?,
            32..34 => {
                let page = self.rng.below(PAGES as u64);
                self.machine.mm.discard(UserPage(page));
                self.expected[(page * PAGE) as usize..][..PAGE as usize].fill(0);
            }
            34..36 => self.break_something(),
            36..38 => {
                self.machine.disk.clear_faults();
                self.has_faults = false;
            }
            38 => self.swapoff()?,
            _ => self.machine.swapon_again(),
        }
        self.check()
    }

    /// Whole pages: data, zeros, or zeros with one word in the middle.
    fn store(&mut self) -> Result<(), Oracle> {
        let (page, pages) = (self.rng.below(PAGES as u64 - 4), 1 + self.rng.below(4));
        let kind = self.rng.below(6);
        let tag = self.rng.below(u64::MAX);
        let mut data = Vec::new();
        for page in page..page + pages {
            data.extend((0..PAGE / 8).flat_map(|word| {
                let word = match kind {
                    0 => 0,
                    1 => tag * u64::from(word == 300),
                    _ => tag ^ page << 32 ^ word,
                };
                word.to_le_bytes()
            }));
        }
        let start = (page * PAGE) as usize;
        let result = self.machine.mm.store(UserAddr(page * PAGE), &data);
        let done = result.map_or_else(|error| error.addr.0 as usize - start, |()| data.len());
        self.expected[start..][..done].copy_from_slice(&data[..done]);
        self.told(result.is_err())
    }

    fn load(&mut self) -> Result<(), Oracle> {
        let (page, pages) = (self.rng.below(PAGES as u64 - 4), 1 + self.rng.below(4));
        self.look_at((page * PAGE) as usize, (pages * PAGE) as usize)
    }

    fn look_at(&mut self, start: usize, bytes: usize) -> Result<(), Oracle> {
        let mut seen = vec![0xee; bytes];
        let result = self.machine.mm.load(UserAddr(start as u64), &mut seen);
        let done = result.map_or_else(|error| error.addr.0 as usize - start, |()| bytes);
        if seen[..done] != self.expected[start..][..done] {
            return Err(Oracle::PageContent);
        }
        self.told(result.is_err())
    }

    fn told(&self, is_told: bool) -> Result<(), Oracle> {
        if is_told && self.is_healthy { Err(Oracle::NothingLost) } else { Ok(()) }
    }

    fn fork(&mut self) -> Result<(), Oracle> {
        let (parent, pages) = (self.rng.below(24), 1 + self.rng.below(16));
        let child = 44 + self.rng.below(4);
        for page in child..child + pages {
            self.machine.mm.discard(UserPage(page));
            self.expected[(page * PAGE) as usize..][..PAGE as usize].fill(0);
        }
        let forked = self.machine.mm.fork(UserPage(parent), UserPage(child), pages);
        if forked.is_ok() {
            let (from, bytes) = ((parent * PAGE) as usize, (pages * PAGE) as usize);
            self.expected.copy_within(from..from + bytes, (child * PAGE) as usize);
        }
        self.told(forked.is_err())
    }

    fn break_something(&mut self) {
        (self.is_healthy, self.has_faults) = (false, true);
        let op = if self.rng.below(2) == 0 { OpKind::Read } else { OpKind::Write };
        let block = self.rng.below(DISK_BLOCKS);
        self.machine.disk.add_fault(match self.rng.below(3) {
            0 => Fault::nth(op, self.rng.below(8), MEDIUM),
            1 => Fault::on_blocks(op, block..block + 8, MEDIUM),
            _ => Fault::on_blocks(op, 0..DISK_BLOCKS, MEDIUM),
        });
    }

    fn swapoff(&mut self) -> Result<(), Oracle> {
        let areas = self.machine.mm.areas();
        if areas.len() < 2 {
            return Ok(());
        }
        let id = areas[self.rng.below(2) as usize].id();
        let report = self.machine.mm.swapoff(id);
        let is_lost = report.is_ok_and(|report| !report.poisoned.is_empty());
        // Less room from now on: running out of memory is possible.
        self.told(is_lost).map(|()| self.is_healthy = false)
    }

    fn check(&mut self) -> Result<(), Oracle> {
        for (block, blocks) in self.machine.writes() {
            if !(block..block + blocks).all(|block| self.machine.is_own(block)) {
                return Err(Oracle::OwnBlocksOnly);
            }
        }
        for event in self.machine.events() {
            match event {
                Event::WriteError { .. } if !self.has_faults => return Err(Oracle::SwapOuts),
                Event::SlotAlloc { entry, .. } => {
                    let is_bad = entry.slot == 0 || BAD_SLOTS.contains(&entry.slot);
                    if is_bad && self.machine.is_first(entry.area) {
                        return Err(Oracle::OwnBlocksOnly);
                    }
                    let free = self.preferred_free.min(self.machine.preferred_free());
                    if self.machine.is_first(entry.area) && free >= AMPLE && !self.has_folios {
                        return Err(Oracle::Priority);
                    }
                }
                _ => {}
            }
        }
        self.machine.mm.check_invariants().map_err(|_| Oracle::Invariants)
    }

    /// Everything is looked at once more.
    fn the_end(&mut self) -> Result<(), Oracle> {
        self.machine.disk.clear_faults();
        self.has_faults = false;
        (0..PAGES).try_for_each(|page| self.look_at(page * PAGE as usize, PAGE as usize))?;
        self.check()
    }
}
