//! `swap_rw`.

use block::ram::{Fault, OpKind};
use block::{BlockError, DeviceStatus};
use hal::trace::Layer;

use super::rig::{PAGE, Table, disk, fills, transfer};
use crate::Direction::{Read, Write};
use crate::MapKind::{Delalloc, Hole, Mapped, Unwritten};
use crate::{BioPool, Context, Errno, FailureKind, Intent, MapFlags, SwapRefusal, swap_rw};

#[test]
fn unwritten_blocks_are_read_as_they_are_and_nothing_is_completed() {
    let disk = disk();
    let table = Table::new(&[(0, 3, Unwritten, 100), (3, 10, Mapped, 50)]);
    let mut pool = BioPool::new(8, 4);
    let mut out = transfer(&disk, Write, 0, 9);
    assert_eq!(swap_rw(&table, &disk, (), &mut out, Context::SwapOut, &mut pool), Ok(9 * PAGE));
    let mut back = transfer(&disk, Read, PAGE, 8);
    swap_rw(&table, &disk, (), &mut back, Context::SwapIn, &mut pool).unwrap();
    assert_eq!(fills(&back), (2..=9).collect::<Vec<_>>());
    assert_eq!(*table.ends.borrow(), []);
    let calls = table.calls.borrow();
    assert_eq!(calls[0].1, Intent::SWAP | Intent::DIRECT | Intent::WRITE);
    assert!(
        calls
            .iter()
            .all(|(_, intent, context)| { intent.contains(Intent::SWAP) && context.is_swap_io() })
    );
}

#[test]
fn a_pool_of_one_small_bio_carries_a_large_transfer() {
    let disk = disk();
    let table = Table::new(&[(0, 64, Mapped, 10)]);
    for (bios, pages) in [(1, 1), (1, 3), (2, 1), (3, 4)] {
        let mut pool = BioPool::new(bios, pages);
        let mut out = transfer(&disk, Write, 0, 20);
        for _ in 0..3 {
            let written = swap_rw(&table, &disk, (), &mut out, Context::SwapOut, &mut pool);
            assert_eq!(written, Ok(20 * PAGE));
            assert_eq!(fills(&out), (1..=20).collect::<Vec<_>>());
        }
        assert_eq!(pool.bio_pages_max(), pages);
    }
}

#[test]
fn everything_but_an_overwrite_is_refused_with_its_reason() {
    let disk = disk();
    let refuse = |kind, flags| {
        let mut table = Table::new(&[(0, 2, Mapped, 10), (2, 8, kind, 20)]);
        table.flags = flags;
        let mut out = transfer(&disk, Write, 0, 6);
        let mut pool = BioPool::new(2, 4);
        let failure = swap_rw(&table, &disk, (), &mut out, Context::SwapOut, &mut pool);
        assert_eq!(fills(&out), [1, 2, 3, 4, 5, 6]);
        let failure = failure.unwrap_err();
        assert_eq!((failure.errno, failure.learned_by), (Errno::EIO, Layer::Iomap));
        assert!(failure.kind.is_submission());
        failure.kind
    };
    let none = MapFlags::empty();
    let not = FailureKind::NotOverwrite;
    assert_eq!(refuse(Hole, none), not(SwapRefusal::Hole));
    assert_eq!(refuse(Delalloc, none), not(SwapRefusal::Delalloc));
    assert_eq!(refuse(Mapped, MapFlags::SHARED), not(SwapRefusal::Shared));
    assert_eq!(refuse(Unwritten, MapFlags::DIRTY), not(SwapRefusal::Dirty));
    assert_eq!(refuse(Mapped, MapFlags::NEW), not(SwapRefusal::Changed));
    assert_eq!(refuse(Mapped, MapFlags::SIZE_CHANGED), not(SwapRefusal::Changed));
}

#[test]
fn the_first_failing_bio_is_reported_and_the_pool_is_whole_again() {
    let disk = disk();
    let table = Table::new(&[(0, 64, Mapped, 10)]);
    let error = BlockError::Io(DeviceStatus(6));
    let mut pool = BioPool::new(2, 2);
    for n in 0..5 {
        disk.add_fault(Fault { op: OpKind::Write, blocks: None, skip: n, times: 2, error });
        let mut out = transfer(&disk, Write, 0, 10);
        let failure = swap_rw(&table, &disk, (), &mut out, Context::SwapOut, &mut pool);
        assert_eq!(failure.unwrap_err().pos, n * 2 * PAGE);
        assert_eq!(fills(&out), (1..=10).collect::<Vec<_>>());
        disk.clear_faults();
        swap_rw(&table, &disk, (), &mut out, Context::SwapOut, &mut pool).unwrap();
    }
}
