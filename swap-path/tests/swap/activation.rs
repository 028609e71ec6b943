//! What swapon refuses, and that it leaves the file as it was.

use std::rc::Rc;

use block::ram::{Fault, OpKind, RamDisk};
use hal::testing::DmaPool;
use iomap::{Errno, MapKind};
use swap_path::{PathKind, SwaponError, mkswap, swapon};

use crate::bench::{DISK_BLOCKS, MEDIUM};
use crate::host::{Host, Inode};

fn machine(pages: usize) -> (Rc<RamDisk>, Rc<Host>) {
    let disk = Rc::new(RamDisk::new(DmaPool::new(4), DISK_BLOCKS));
    let host = Host::new(pages, 13, DISK_BLOCKS, MapKind::Mapped);
    (disk, host)
}

/// Every path refuses with the same errno and text, and does not keep its claim.
fn refused(disk: &Rc<RamDisk>, host: &Rc<Host>) -> (Errno, String) {
    let errors: Vec<SwaponError> =
        PathKind::LOCAL.iter().map(|path| swapon(host, disk, Inode, *path).unwrap_err()).collect();
    assert!(!host.state.is_claimed.get(), "a failed swapon lets go");
    assert!(errors.iter().all(|error| *error == errors[0]), "{errors:?}");
    (errors[0].errno(), errors[0].to_string())
}

#[test]
fn a_fresh_file_has_no_signature() {
    let (disk, host) = machine(20);
    let (errno, text) = refused(&disk, &host);
    assert_eq!(errno, Errno::EINVAL);
    assert_eq!(text, "Unable to find swap-space signature");
}

#[test]
fn a_file_without_a_whole_page_has_no_signature() {
    let (disk, host) = machine(0);
    let (errno, text) = refused(&disk, &host);
    assert_eq!(errno, Errno::EINVAL);
    assert_eq!(text, "Unable to find swap-space signature");
}

#[test]
fn a_file_that_was_cut_is_shorter_than_its_signature_says() {
    let (disk, host) = machine(20);
    mkswap(&*host, &*disk, Inode, [1; 16], "").unwrap();
    host.state.pages.borrow_mut().pop();
    let (errno, text) = refused(&disk, &host);
    assert_eq!(errno, Errno::EINVAL);
    assert_eq!(text, "Swap area shorter than signature indicates (19 of 20 pages)");
}

#[test]
fn of_a_file_that_grew_only_the_old_size_is_used() {
    let (disk, host) = machine(20);
    mkswap(&*host, &*disk, Inode, [1; 16], "grew").unwrap();
    let grown = Host::new(40, 13, DISK_BLOCKS, MapKind::Mapped);
    let area = swapon(&grown, &disk, Inode, PathKind::Swap).unwrap();
    assert_eq!(area.size_pages(), 19);
    assert_eq!(&area.header().label[..5], b"grew\0");
    let pages: u64 = area.extents().iter().map(|extent| extent.nr_pages).sum();
    assert_eq!(pages, 40, "the report is about the file");
}

#[test]
fn a_hole_is_refused() {
    let (disk, host) = machine(20);
    mkswap(&*host, &*disk, Inode, [1; 16], "").unwrap();
    host.state.pages.borrow_mut()[17].0 = MapKind::Hole;
    let (errno, text) = refused(&disk, &host);
    assert_eq!(errno, Errno::EINVAL);
    assert!(text.contains("file has unallocated extents"), "{text}");
}

#[test]
fn shared_blocks_are_refused() {
    let (disk, host) = machine(20);
    mkswap(&*host, &*disk, Inode, [1; 16], "").unwrap();
    host.state.is_shared.set(true);
    let (errno, text) = refused(&disk, &host);
    assert_eq!(errno, Errno::EINVAL);
    assert!(text.contains("file has shared extents"), "{text}");
    host.state.is_shared.set(false);
    swapon(&host, &disk, Inode, PathKind::Swap).unwrap();
}

#[test]
fn a_header_that_cannot_be_read_is_refused() {
    let (disk, host) = machine(20);
    mkswap(&*host, &*disk, Inode, [1; 16], "").unwrap();
    disk.add_fault(Fault::on_blocks(OpKind::Read, 0..DISK_BLOCKS, MEDIUM));
    let (errno, text) = refused(&disk, &host);
    assert_eq!(errno, Errno::ENODATA);
    assert!(text.contains("header not readable"), "{text}");
}

#[test]
fn a_filesystem_that_is_shut_down_refuses_with_eio() {
    let (disk, host) = machine(20);
    mkswap(&*host, &*disk, Inode, [1; 16], "").unwrap();
    host.state.is_shut_down.set(true);
    assert_eq!(refused(&disk, &host).0, Errno::EIO);
    let error = mkswap(&*host, &*disk, Inode, [1; 16], "").unwrap_err();
    assert_eq!(error.errno(), Errno::EIO);
}

#[test]
fn an_active_file_is_busy_and_stays_active() {
    let (disk, host) = machine(20);
    mkswap(&*host, &*disk, Inode, [1; 16], "").unwrap();
    let _area = swapon(&host, &disk, Inode, PathKind::Extents).unwrap();
    for path in PathKind::LOCAL {
        let error = swapon(&host, &disk, Inode, *path).unwrap_err();
        assert_eq!(error, SwaponError::Host(Errno::EBUSY));
    }
    assert!(host.state.is_claimed.get());
}

#[test]
fn mkswap_refuses_what_is_too_small() {
    let (disk, host) = machine(9);
    let error = mkswap(&*host, &*disk, Inode, [1; 16], "").unwrap_err();
    assert_eq!(error.errno(), Errno::EINVAL);
    assert_eq!(error.to_string(), "mkswap: swap area of 9 pages, at least 10 are needed");
}

#[test]
fn an_area_says_where_its_file_is() {
    let (disk, host) = machine(20);
    mkswap(&*host, &*disk, Inode, [1; 16], "").unwrap();
    let area = swapon(&host, &disk, Inode, PathKind::Dio).unwrap();
    let pieces: Vec<_> = area
        .extents()
        .iter()
        .map(|extent| (extent.start_page, extent.nr_pages, extent.start_block))
        .collect();
    assert_eq!(pieces, [(0, 13, host.block(0)), (13, 7, host.block(13))]);
}
