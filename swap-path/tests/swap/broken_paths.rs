//! Paths that are broken on purpose: the checks of these tests must notice.

use std::rc::Rc;

use block::BlockDevice;
use block::ram::{OpKind, RamDisk};
use hal::testing::PoolDma;
use iomap::{Context, Direction, IoFailure};
use swap_path::{PathKind, SwapArea, SwapIo, swapon};

use crate::bench::{Bench, Setup};
use crate::host::{Host, Inode};

/// What is wrong.
#[derive(Clone, Copy, Debug)]
enum Bug {
    /// Errors are dropped: what the mail feared.
    DropErrors,
    /// Reads come from the next slot.
    OffByOne,
    /// Every write after the first 20 goes nowhere.
    LostWrites,
    /// None: the control.
    None,
}

/// A `swap` path that goes straight to the block device, with a bug.
struct Broken {
    bug: Bug,
    host: Rc<Host>,
    disk: Rc<RamDisk>,
    writes: u64,
}

impl SwapIo<PoolDma> for Broken {
    fn kind(&self) -> PathKind {
        PathKind::Swap
    }

    fn rw(
        &mut self,
        direction: Direction,
        slot: u32,
        pages: &mut Vec<PoolDma>,
        context: Context,
    ) -> Result<(), IoFailure> {
        let is_write = direction == Direction::Write;
        self.writes += u64::from(is_write);
        let slot = match self.bug {
            Bug::OffByOne if !is_write => slot + 1,
            Bug::LostWrites if is_write && self.writes > 20 => return Ok(()),
            _ => slot,
        };
        let mut pool = iomap::BioPool::new(1, 32);
        let mut transfer = iomap::Transfer {
            direction,
            pos: u64::from(slot) * 4096,
            pages: std::mem::take(pages),
        };
        let result = iomap::swap_rw(
            iomap::SwapHost::swap_ops(&*self.host),
            &*self.disk,
            Inode,
            &mut transfer,
            context,
            &mut pool,
        );
        *pages = transfer.pages;
        match self.bug {
            Bug::DropErrors => Ok(()),
            _ => result.map(|_| ()),
        }
    }

    fn deactivate(&mut self) {
        iomap::SwapHost::release_swapfile(&*self.host, Inode);
    }
}

fn bench_with(bug: Bug) -> Bench {
    let mut bench = Setup::new(PathKind::Swap).build();
    bench.mm.swapoff(bench.area).unwrap();
    let area = swapon(&bench.host, &bench.disk, Inode, PathKind::Swap).unwrap();
    let broken =
        Broken { bug, host: Rc::clone(&bench.host), disk: Rc::clone(&bench.disk), writes: 0 };
    let extents = area.extents().to_vec();
    let area = SwapArea::from_parts(*area.header(), 100, extents, Box::new(broken));
    bench.area = bench.mm.add_area(area);
    bench
}

/// Pages that are wrong although nobody was told. `op` fails while they are stored.
fn silent_garbage(bug: Bug, op: Option<OpKind>) -> usize {
    let mut bench = bench_with(bug);
    assert!(bench.disk.geometry().size_blocks > 0);
    if let Some(op) = op {
        bench.break_disk(op);
    }
    bench.store_all(1);
    bench.disk.clear_faults();
    (0..64).filter(|&page| bench.load_is_right(page) == Ok(false)).count()
}

#[test]
fn dropped_errors_are_noticed_as_silent_garbage() {
    assert!(silent_garbage(Bug::DropErrors, Some(OpKind::Write)) > 0);
    assert_eq!(silent_garbage(Bug::None, Some(OpKind::Write)), 0);
}

#[test]
fn a_misdirected_read_is_noticed() {
    assert!(silent_garbage(Bug::OffByOne, None) > 0);
    assert_eq!(silent_garbage(Bug::None, None), 0);
}

#[test]
fn lost_writes_are_noticed() {
    let mut bench = bench_with(Bug::LostWrites);
    for tag in 1..=4 {
        bench.store_all(tag);
    }
    let right = |page: &usize| bench.load_is_right(*page) == Ok(true);
    assert!((0..64).filter(right).count() < 64);
}
