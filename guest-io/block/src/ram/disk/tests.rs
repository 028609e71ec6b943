use super::*;
use crate::DeviceStatus;
use crate::ram::OpKind;

fn disk() -> RamDisk {
    RamDisk::new(DmaPool::new(16), 8)
}

fn write_bio(disk: &RamDisk, block: u64, byte: u8, fua: bool) -> Bio<PoolDma> {
    let page = disk.alloc_page().unwrap();
    page.write(0, &[byte; BLOCK_BYTES]);
    Bio { op: Op::Write { fua }, block, pages: vec![page] }
}

fn write(disk: &RamDisk, block: u64, byte: u8, fua: bool) {
    disk.execute(write_bio(disk, block, byte, fua)).result.unwrap();
}

#[test]
fn what_was_written_is_read_back() {
    let disk = disk();
    write(&disk, 3, 0x5a, false);
    let read = Bio { op: Op::Read, block: 3, pages: vec![disk.alloc_page().unwrap()] };
    let done = disk.execute(read);
    assert_eq!(done.result, Ok(()));
    assert_eq!(done.bio.pages[0].load_acquire_u32(4092), 0x5a5a_5a5a);
}

#[test]
fn a_crash_loses_exactly_the_unflushed_writes_that_are_not_kept() {
    let disk = disk().with_volatile_cache();
    write(&disk, 0, 1, false);
    disk.execute(Bio::flush()).result.unwrap();
    write(&disk, 0, 2, false);
    write(&disk, 1, 3, false);
    write(&disk, 2, 4, true);
    assert_eq!(disk.unflushed(), [0, 1]);
    disk.crash(|_, block| block == 1);
    assert_eq!([0, 1, 2].map(|block| disk.peek(block)[0]), [1, 3, 4]);
}

#[test]
fn an_older_cached_write_does_not_come_back_over_fua() {
    let disk = disk().with_volatile_cache();
    write(&disk, 0, 1, false);
    write(&disk, 0, 2, true);
    disk.crash(|_, _| true);
    assert_eq!(disk.peek(0)[0], 2);
}

#[test]
fn the_nth_write_fails_once_and_without_effect() {
    let disk = disk();
    let error = BlockError::Medium(DeviceStatus(0x280));
    disk.add_fault(Fault::nth(OpKind::Write, 1, error));
    let results = [1, 2, 3].map(|byte| disk.execute(write_bio(&disk, 0, byte, false)).result);
    assert_eq!(results, [Ok(()), Err(error), Ok(())]);
    assert_eq!(disk.peek(0)[0], 3);
    assert_eq!(disk.take_requests()[1].result, Err(error));
}

#[test]
fn a_bad_block_fails_every_request_that_touches_it() {
    let disk = disk();
    disk.add_fault(Fault::on_blocks(OpKind::Any, 5..6, BlockError::Timeout));
    for (block, result) in [(4, Ok(())), (5, Err(BlockError::Timeout)), (6, Ok(()))] {
        assert_eq!(disk.execute(write_bio(&disk, block, 1, false)).result, result);
    }
    let zeroes = Bio { op: Op::WriteZeroes { blocks: 4 }, block: 2, pages: vec![] };
    assert_eq!(disk.execute(zeroes).result, Err(BlockError::Timeout));
}

#[test]
fn a_deferred_request_is_in_flight_until_it_is_waited_for() {
    let disk = disk();
    disk.set_deferred(true);
    let ticket = disk.submit(write_bio(&disk, 0, 9, false)).unwrap();
    assert!(disk.try_take(ticket).is_none());
    assert_eq!(disk.peek(0)[0], 0);
    assert_eq!(disk.wait(ticket).result, Ok(()));
    assert_eq!(disk.peek(0)[0], 9);
}

#[test]
fn a_removed_disk_fails_what_is_pending_and_rejects_what_comes() {
    let disk = disk();
    disk.set_deferred(true);
    let ticket = disk.submit(write_bio(&disk, 0, 9, false)).unwrap();
    disk.remove();
    assert_eq!(disk.wait(ticket).result, Err(BlockError::Gone));
    assert_eq!(disk.submit(Bio::flush()).unwrap_err().why, BlockError::Gone);
}

#[test]
fn requests_that_do_not_fit_are_rejected_untouched() {
    let disk = disk().with_transfer_blocks_max(2);
    let pages = |n: usize| (0..n).map(|_| disk.alloc_page().unwrap()).collect::<Vec<_>>();
    for (block, pages) in [(8, pages(1)), (7, pages(2)), (0, pages(3)), (0, pages(0))] {
        let count = pages.len();
        let rejected = disk.submit(Bio { op: Op::Read, block, pages }).unwrap_err();
        assert_eq!((rejected.why, rejected.bio.pages.len()), (BlockError::Invalid, count));
    }
}
