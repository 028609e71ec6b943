//! Names, claims, and transfers of every size, with a server that does as it should.

use file_server::{Event as ServerEvent, ServerConfig};
use hal::PAGE_BYTES;
use iomap::{ActivateReason, Direction, Errno};
use p9_wire::IO_HEADER_BYTES;

use super::rig::{Rig, numbers, read, write};

const PAGE: u64 = PAGE_BYTES as u64;

#[test]
fn what_was_written_is_read_back_in_one_request_of_128_kib() {
    let rig = Rig::new(&[]);
    let mut swap = rig.swap(40);
    let mut pages = rig.pages(32, 1);
    rig.said();
    write(&mut *swap, 4 * PAGE, &mut pages).expect("a good server");
    let sent = rig.said();
    assert_eq!(sent.len(), 2, "one request, one answer: {sent:?}");
    let mut back = rig.pages(32, 0);
    read(&mut *swap, 4 * PAGE, &mut back).expect("a good server");
    assert_eq!(numbers(&back), numbers(&pages));
    swap.deactivate();
}

#[test]
fn a_small_message_size_means_several_requests_in_flight() {
    for data in [4096, 8192, 12288] {
        let msize_max = data + IO_HEADER_BYTES;
        let rig = Rig::with(ServerConfig { msize_max, ..ServerConfig::default() }, &[]);
        let mut swap = rig.swap(40);
        let mut pages = rig.pages(32, 1);
        write(&mut *swap, PAGE, &mut pages).expect("a good server");
        let mut back = rig.pages(32, 0);
        read(&mut *swap, PAGE, &mut back).expect("a good server");
        assert_eq!(numbers(&back), numbers(&pages), "{data} bytes a message");
        // Four requests were taken before the first was answered.
        let said = rig.server_said();
        let in_a_row = said.windows(4).any(|window| {
            window.iter().all(|event| matches!(event, ServerEvent::Request { kind: 118, .. }))
        });
        assert!(in_a_row, "{said:?}");
    }
}

#[test]
fn a_swap_file_is_claimed_by_one_and_left_alone_by_others() {
    let rig = Rig::new(&[]);
    let file = rig.file(12);
    let mut swap = rig.fs().swap_file(file).expect("not in use");
    swap.activate().expect("a good file");
    assert_eq!(rig.fs().swap_file(file).err(), Some(Errno::EBUSY));
    let page = rig.pages(1, 1);
    let stored = rig.fs().transfer(Direction::Write, file, PAGE, &page);
    assert_eq!(stored, Err(Errno::ETXTBSY));
    assert_eq!(rig.fs().transfer(Direction::Read, file, PAGE, &page), Ok(()));
    assert_eq!(rig.fs().unmount(), Err(Errno::EBUSY));
    swap.deactivate();
    assert_eq!(rig.fs().transfer(Direction::Write, file, PAGE, &page), Ok(()));
    assert_eq!(rig.fs().unmount(), Ok(()));
    let file = rig.fs().open("swapfile").expect("it is still there");
    assert_eq!(rig.fs().size_bytes(file), Ok(12 * PAGE));
}

#[test]
fn a_file_with_a_hole_is_refused_as_nfs_does() {
    let rig = Rig::new(&[]);
    let file = rig.file(1);
    let page = rig.pages(1, 0);
    rig.fs().transfer(Direction::Write, file, 11 * PAGE, &page).expect("room");
    let refused = rig.fs().swap_file(file).expect("not in use").activate().expect_err("holes");
    assert_eq!((refused.errno, refused.reason), (Errno::EINVAL, ActivateReason::Holes));
    assert!(refused.to_string().contains("swapfile has holes"));
    let empty = rig.fs().create("empty").expect("room");
    let refused = rig.fs().swap_file(empty).expect("not in use").activate().expect_err("empty");
    assert_eq!(refused.reason, ActivateReason::NoUsablePage);
}

#[test]
fn names_are_the_servers_affair_until_they_are_known() {
    let rig = Rig::new(&[]);
    rig.file(1);
    assert_eq!(rig.fs().open("nobody").err(), Some(Errno::ENOENT));
    assert_eq!(rig.fs().create("swapfile").err(), Some(Errno::EEXIST));
    rig.said();
    rig.fs().open("swapfile").expect("known");
    assert_eq!(rig.said(), [], "nobody was asked");
}

#[test]
fn a_transfer_allocates_nothing() {
    for rules in [&[][..], &["write nth=41 => disconnect", "read nth=1 => drop-reply"]] {
        let rig = Rig::quiet(rules);
        let mut swap = rig.swap(40);
        let mut pages = rig.pages(32, 1);
        let mut back = rig.pages(32, 0);
        // The machine and the server do not count, see `Machine::with`.
        let counted = allocation_counter::measure(|| {
            write(&mut *swap, PAGE, &mut pages).expect("well in the end");
            read(&mut *swap, PAGE, &mut back).expect("well in the end");
        });
        assert_eq!(counted.count_total, 0, "{rules:?}");
        assert_eq!(numbers(&back), numbers(&pages));
        assert_eq!(rig.machine.0.server.borrow().unfired(), 0);
    }
}
