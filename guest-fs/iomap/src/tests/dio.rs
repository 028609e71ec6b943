//! `dio_rw`.

use std::rc::Rc;

use block::ram::{Fault, Hooked, OpKind};
use block::{BlockError, DeviceStatus};
use hal::trace::Layer;

use super::rig::{Depth, PAGE, Table, disk, fills, transfer};
use crate::Direction::{Read, Write};
use crate::MapKind::{Hole, Mapped, Unwritten};
use crate::{Context, DioEnd, Errno, FailureKind, Intent, IocbFlags, Kiocb, Transfer, dio_rw};

#[test]
fn a_write_over_several_extents_is_split_and_ends_once() {
    let disk = disk();
    let table = Table::new(&[(0, 3, Mapped, 100), (3, 10, Unwritten, 50)]);
    let mut out = transfer(&disk, Write, PAGE, 10);
    assert_eq!(dio_rw(&table, &disk, (), &mut out, Kiocb::DIRECT), Ok(10 * PAGE));
    assert_eq!(fills(&out), (1..=10).collect::<Vec<_>>());
    let requests: Vec<_> = disk.take_requests().iter().map(|r| (r.block, r.blocks)).collect();
    assert_eq!(requests, [(101, 2), (50, 4), (54, 4)]);
    let end = (PAGE, 10 * PAGE, DioEnd::UNWRITTEN, Context::Completion);
    assert_eq!(*table.ends.borrow(), [end]);
    let mut back = transfer(&disk, Read, PAGE, 2);
    dio_rw(&table, &disk, (), &mut back, Kiocb::DIRECT).unwrap();
    assert_eq!(fills(&back), [1, 2]);
}

#[test]
fn holes_and_unwritten_blocks_read_as_zeros_between_data() {
    let disk = disk();
    for block in 0..256 {
        disk.poke(block, &[9; 4096]);
    }
    let table = Table::new(&[
        (0, 2, Mapped, 10),
        (2, 5, Hole, 0),
        (7, 1, Unwritten, 20),
        (8, 1, Mapped, 30),
    ]);
    let mut back = transfer(&disk, Read, 0, 9);
    assert_eq!(dio_rw(&table, &disk, (), &mut back, Kiocb::DIRECT), Ok(9 * PAGE));
    assert_eq!(fills(&back), [9, 9, 0, 0, 0, 0, 0, 0, 9]);
    assert_eq!(*table.ends.borrow(), [], "a read has nothing to complete");
}

#[test]
fn flags_and_context_reach_the_callback_and_a_swap_completion_stays_one() {
    let disk = disk();
    let table = Table::new(&[(0, 9, Mapped, 10)]);
    let flags = IocbFlags::SWAP | IocbFlags::NOWAIT;
    let iocb = Kiocb { flags, context: Context::SwapOut };
    dio_rw(&table, &disk, (), &mut transfer(&disk, Write, 0, 1), iocb).unwrap();
    let intent = Intent::WRITE | Intent::DIRECT | Intent::SWAP | Intent::NOWAIT;
    assert_eq!(*table.calls.borrow(), [(0, intent, Context::SwapOut)]);
    assert_eq!(table.ends.borrow()[0].3, Context::SwapOut);
}

#[test]
fn all_bios_are_in_flight_before_the_first_is_waited_for() {
    let disk = Hooked { disk: Rc::new(disk()), hook: Depth::default() };
    let table = Table::new(&[(0, 20, Mapped, 10)]);
    let mut out = transfer(&disk.disk, Write, 0, 10);
    dio_rw(&table, &disk, (), &mut out, Kiocb::DIRECT).unwrap();
    assert_eq!(disk.hook.depth_max.get(), 3);
    disk.hook.depth_max.set(0);
    let mut pool = crate::BioPool::new(5, 2);
    crate::swap_rw(&table, &disk, (), &mut out, Context::SwapOut, &mut pool).unwrap();
    assert_eq!(disk.hook.depth_max.get(), 5);
}

#[test]
fn a_device_error_is_told_apart_from_a_refused_mapping_and_from_end_io() {
    let error = BlockError::Medium(DeviceStatus(0x281));
    let disk = disk();
    let mut table = Table::new(&[(0, 8, Mapped, 10), (8, 8, Mapped, 40)]);
    disk.add_fault(Fault::on_blocks(OpKind::Any, 15..16, error));
    let mut out = transfer(&disk, Write, 0, 12);
    let failure = dio_rw(&table, &disk, (), &mut out, Kiocb::DIRECT).unwrap_err();
    assert_eq!((failure.errno, failure.pos), (Errno::ENODATA, 4 * PAGE));
    assert_eq!((failure.kind, failure.learned_by), (FailureKind::Completion, Layer::Driver));
    assert_eq!(failure.device, Some(error));
    assert_eq!(fills(&out), (1..=12).collect::<Vec<_>>(), "every page is back in order");
    assert_eq!(*table.ends.borrow(), []);

    disk.clear_faults();
    table.refuse_at = Some((8 * PAGE, Errno::EIO));
    let failure = dio_rw(&table, &disk, (), &mut out, Kiocb::DIRECT).unwrap_err();
    assert_eq!((failure.errno, failure.pos), (Errno::EIO, 8 * PAGE));
    assert_eq!((failure.kind, failure.learned_by), (FailureKind::MapRefused, Layer::Filesystem));
    assert_eq!(fills(&out), (1..=12).collect::<Vec<_>>());

    table.refuse_at = None;
    table.end_io = Err(Errno::EIO);
    let failure = dio_rw(&table, &disk, (), &mut out, Kiocb::DIRECT).unwrap_err();
    assert_eq!((failure.kind, failure.learned_by), (FailureKind::EndIo, Layer::Filesystem));
}

#[test]
fn a_rejected_bio_gives_its_pages_back() {
    let disk = disk();
    let table = Table::new(&[(0, 2, Mapped, 10), (2, 6, Mapped, 254)]);
    let mut out = transfer(&disk, Write, 0, 8);
    let failure = dio_rw(&table, &disk, (), &mut out, Kiocb::DIRECT).unwrap_err();
    assert_eq!((failure.errno, failure.pos), (Errno::EINVAL, 2 * PAGE));
    assert_eq!((failure.kind, failure.learned_by), (FailureKind::Submission, Layer::Block));
    assert_eq!(fills(&out), (1..=8).collect::<Vec<_>>());
}

#[test]
fn a_write_to_a_hole_and_a_crooked_transfer_are_refused() {
    let disk = disk();
    let table = Table::new(&[(0, 2, Hole, 0)]);
    let failure = |transfer: &mut Transfer<_>| {
        dio_rw(&table, &disk, (), transfer, Kiocb::DIRECT).unwrap_err().kind
    };
    assert_eq!(failure(&mut transfer(&disk, Write, 0, 1)), FailureKind::BadMapping);
    assert_eq!(failure(&mut transfer(&disk, Write, 7, 1)), FailureKind::Misaligned);
    assert_eq!(failure(&mut transfer(&disk, Write, 0, 0)), FailureKind::Misaligned);
    assert_eq!(
        failure(&mut transfer(&disk, Write, u64::MAX / PAGE * PAGE, 2)),
        FailureKind::Misaligned
    );
}
