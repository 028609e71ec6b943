//! The rule of time-outs and retransmission, and each thing that a server can do wrong.

use hal::PAGE_BYTES;
use hal::trace::Layer;
use iomap::{Direction, Errno, FailureKind};

use super::rig::{Page, Rig, errno, numbers, read, write};
use crate::events::{BreakCause, Event};

const PAGE: u64 = PAGE_BYTES as u64;

fn broken(said: &[Event]) -> Vec<BreakCause> {
    let cause = |event: &Event| match event {
        Event::Broken { cause } => Some(*cause),
        _ => None,
    };
    said.iter().filter_map(cause).collect()
}

/// A write of 8 pages and what it takes: the outcome, virtual milliseconds, broken connections; and the
/// pages must be there afterwards if it worked.
fn one_write(rules: &[&str]) -> (Result<(), Errno>, u64, Vec<BreakCause>) {
    let rig = Rig::new(rules);
    let mut swap = rig.swap(12);
    rig.said();
    let before = rig.now_ms();
    let mut pages = rig.pages(8, 1);
    let result = errno(write(&mut *swap, PAGE, &mut pages));
    assert_eq!(pages.len(), 8);
    let (took, said) = (rig.now_ms() - before, rig.said());
    if result.is_ok() {
        let mut back = rig.pages(8, 0);
        read(&mut *swap, PAGE, &mut back).expect("the server is well again");
        assert_eq!(numbers(&back), numbers(&pages), "{rules:?}");
    }
    let unfired = rig.machine.0.server.borrow().unfired();
    assert_eq!(unfired, 0, "{rules:?}: {said:?}");
    (result, took, broken(&said))
}

#[test]
fn what_a_slow_server_does_is_waited_for_up_to_the_time_out() {
    let (result, took, causes) = one_write(&["write nth=13 => delay=59s"]);
    assert_eq!((result, took, causes), (Ok(()), 59_000, vec![]));
    let (result, took, causes) = one_write(&["write nth=13 => delay=61s"]);
    assert_eq!((result, causes), (Ok(()), vec![BreakCause::TimedOut]));
    assert!((60_000..60_010).contains(&took), "{took} ms");
}

#[test]
fn a_lost_request_or_reply_is_sent_again_into_a_new_connection() {
    for rule in ["write nth=13 => drop-request", "write nth=13 => drop-reply"] {
        let (result, took, causes) = one_write(&[rule]);
        assert_eq!((result, causes), (Ok(()), vec![BreakCause::TimedOut]), "{rule}");
        assert!((60_000..60_010).contains(&took), "{rule}: {took} ms");
    }
}

#[test]
fn a_request_that_is_never_answered_fails_after_the_major_time_out() {
    let after = "fsync nth=1 name=made => delay=1us";
    let (result, took, causes) = one_write(&[after, "write after=made => drop-request count=3"]);
    assert_eq!(result, Err(Errno::ETIMEDOUT));
    assert_eq!(causes, [BreakCause::TimedOut; 3]);
    assert!((180_000..180_010).contains(&took), "{took} ms");
    let (result, took, causes) = one_write(&[after, "write after=made => disconnect count=3"]);
    assert_eq!((result, causes), (Err(Errno::EIO), vec![BreakCause::Disconnected; 3]));
    assert!(took < 10, "{took} ms");
}

#[test]
fn a_broken_connection_is_made_again_at_once_or_after_a_pause() {
    let (result, took, causes) = one_write(&["write nth=13 => disconnect"]);
    assert_eq!((result, causes), (Ok(()), vec![BreakCause::Disconnected]));
    assert!(took < 10, "{took} ms");
    // Attempts after 0, 3 and 9 seconds; the server is back after 7.
    let (result, took, causes) = one_write(&["write nth=13 => disconnect=7s"]);
    assert_eq!((result, causes), (Ok(()), vec![BreakCause::Disconnected]));
    assert!((9_000..9_010).contains(&took), "{took} ms");
    let (result, took, _) = one_write(&["write nth=13 => disconnect=1000s"]);
    assert_eq!(result, Err(Errno::ETIMEDOUT));
    assert!((180_000..180_010).contains(&took), "{took} ms");
}

#[test]
fn short_answers_are_completed_and_lies_break_the_connection() {
    let (result, _, causes) =
        one_write(&["write nth=13 => short=100", "read => short=5000 count=2"]);
    assert_eq!((result, causes), (Ok(()), vec![]));
    let (result, took, causes) = one_write(&["write nth=13 => wrong-tag"]);
    assert_eq!((result, causes), (Ok(()), vec![BreakCause::Lied]));
    assert!(took < 10, "{took} ms");
}

#[test]
fn the_servers_errors_are_the_clients_and_say_who_learned_of_them() {
    for (word, number) in [("EIO", Errno::EIO), ("ENOSPC", Errno::ENOSPC)] {
        let rig = Rig::new(&[&format!("write page=3 nth=2 => error={word}")]);
        let mut swap = rig.swap(12);
        let failure = write(&mut *swap, PAGE, &mut rig.pages(8, 1)).expect_err("an error");
        assert_eq!((failure.errno, failure.pos), (number, PAGE));
        assert_eq!(failure.learned_by, Layer::Remote);
        assert_eq!(failure.kind, FailureKind::Completion);
    }
}

#[test]
fn a_server_whose_filesystem_is_down_fails_everything_but_the_end_of_swap() {
    let rig = Rig::new(&[]);
    let mut swap = rig.swap(12);
    let order = rig.pages(1, 0);
    hal::DmaBuf::write(&order[0], 0, b"goingdown");
    rig.fs().order(&order[0], 9).expect("orders are taken");
    assert!(rig.machine.0.server.borrow().export().is_down());
    let mut pages = rig.pages(8, 1);
    assert_eq!(errno(write(&mut *swap, PAGE, &mut pages)), Err(Errno::EIO));
    assert_eq!(errno(read(&mut *swap, PAGE, &mut pages)), Err(Errno::EIO));
    assert_eq!(rig.fs().mount(), Err(Errno::EIO));
    // The name is known, so swapoff by path finds the file: what Linux's NFS client does.
    rig.fs().open("swapfile").expect("known");
    assert_eq!(rig.fs().unmount(), Err(Errno::EBUSY));
    swap.deactivate();
    assert_eq!(rig.fs().unmount(), Ok(()));
    assert_eq!(rig.fs().open("swapfile").err(), Some(Errno::EIO));
}

#[test]
fn a_file_is_opened_and_locked_again_in_the_next_connection() {
    let rig = Rig::new(&["read nth=1 => disconnect", "lock => delay=1us count=2"]);
    let mut swap = rig.swap(12);
    let mut back = rig.pages(1, 0);
    read(&mut *swap, PAGE, &mut back).expect("opened again");
    assert_eq!(rig.machine.0.server.borrow().unfired(), 0, "the lock was taken twice");
}

#[test]
fn corrupt_data_is_not_noticed_by_the_client() {
    let rig = Rig::new(&["read => corrupt=7^0x1 count=1"]);
    let mut swap = rig.swap(12);
    let mut back: Vec<Page> = rig.pages(1, 0);
    read(&mut *swap, PAGE, &mut back).expect("nobody notices");
    assert_eq!(numbers(&back), [None], "there is no checksum in the protocol");
}

#[test]
fn a_users_write_is_subject_to_the_same_rule() {
    let rig = Rig::new(&["write nth=2 => disconnect"]);
    let file = rig.file(2);
    let page = rig.pages(1, 9);
    rig.fs().transfer(Direction::Write, file, 0, &page).expect("sent again");
}
