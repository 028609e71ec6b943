use std::rc::Rc;

use block::{Bio, BlockDevice, Op};
use hal::testing::PoolDma;
use nvme_spec::{AdminOpcode, NvmOpcode, Status};
use proptest::prelude::*;

use crate::events::Event;
use crate::fake::{Fake, Reply};
use crate::{Error, NvmeDriver, Stage};

type Driver = NvmeDriver<Rc<Fake>>;

fn live() -> (Rc<Fake>, Driver) {
    let fake = Fake::new(|_| ());
    let driver = fake.probe().unwrap();
    fake.take_names();
    (fake, driver)
}

fn read(driver: &Driver, block: u64, pages: usize) -> Bio<PoolDma> {
    let pages = (0..pages).map(|_| driver.alloc_page().unwrap()).collect();
    Bio { op: Op::Read, block, pages }
}

#[test]
fn the_second_of_two_equal_completions_is_stale() {
    let (fake, driver) = live();
    fake.io_replies([Reply { times: 2, ..Reply::OK }]);
    for _ in 0..3 {
        assert_eq!(driver.execute(read(&driver, 1, 1)).result, Ok(()));
    }
    let counters = driver.counters();
    assert_eq!((counters.completions, counters.stale_cids, counters.unknown_cids), (3, 1, 0));
}

#[test]
fn a_stale_completion_does_not_complete_the_next_user_of_the_slot() {
    let (fake, driver) = live();
    // The late twin of the first command arrives while the second one has the slot.
    let mut first = None;
    fake.on_io(move |sqe| match first {
        None => {
            first = Some(sqe.cid());
            Reply::OK
        }
        Some(cid) => Reply { cid_offset: cid.wrapping_sub(sqe.cid()), ..Reply::OK },
    });
    assert_eq!(driver.execute(read(&driver, 1, 1)).result, Ok(()));
    let ticket = driver.submit(read(&driver, 2, 1)).unwrap();
    fake.on_io(|_| Reply::OK);
    assert_eq!(driver.wait(ticket).result, Ok(()));
    let counters = driver.counters();
    assert_eq!((counters.stale_cids, counters.timeouts, counters.aborts), (1, 1, 1));
}

#[test]
fn a_completion_for_nobody_is_counted_and_the_command_still_times_out() {
    let (fake, driver) = live();
    fake.io_replies([Reply { cid_offset: 0x40, ..Reply::OK }]);
    assert_eq!(driver.execute(read(&driver, 1, 1)).result, Ok(()));
    assert_eq!((driver.counters().unknown_cids, driver.counters().aborts), (1, 1));
    assert!(fake.take_names().starts_with("submit unknown-cid timeout abort"));
}

#[test]
fn a_wrong_head_or_queue_number_is_noted_and_decides_nothing() {
    let (fake, driver) = live();
    fake.io_replies([
        Reply { sqhd: Some(0xffff), ..Reply::OK },
        Reply { sqid_offset: 4, ..Reply::OK },
    ]);
    for _ in 0..6 {
        assert_eq!(driver.execute(read(&driver, 1, 1)).result, Ok(()));
    }
    assert_eq!(driver.counters().bad_queue_fields, 2);
}

#[test]
fn a_full_queue_makes_submit_wait_and_keeps_every_bio() {
    let (fake, driver) = live();
    let tickets: Vec<_> =
        (0..50).map(|block| driver.submit(read(&driver, block, 1)).unwrap()).collect();
    for (block, ticket) in tickets.into_iter().enumerate().rev() {
        let done = driver.wait(ticket);
        assert_eq!((done.result, done.bio.block), (Ok(()), block as u64));
        assert!(driver.try_take(ticket).is_none());
    }
    assert_eq!(fake.controller.borrow().seen.len(), 50);
}

#[test]
fn a_bio_is_taken_without_waiting_once_its_completion_is_there() {
    let (fake, driver) = live();
    let [first, second] = [1, 2].map(|block| driver.submit(read(&driver, block, 1)).unwrap());
    assert!(driver.try_take(first).is_none());
    assert_eq!(driver.wait(second).result, Ok(()));
    let before = fake.now_ns();
    assert!(driver.try_take(first).is_some());
    assert_eq!(fake.now_ns(), before);
}

#[test]
fn a_long_write_zeroes_is_sent_in_pieces() {
    let (fake, driver) = live();
    let bio = Bio { op: Op::WriteZeroes { blocks: 40 }, block: 3, pages: vec![] };
    assert_eq!(driver.execute(bio).result, Ok(()));
    let seen = &fake.controller.borrow().seen;
    let pieces: Vec<_> = seen.iter().map(|sqe| (sqe.slba(), sqe.cdw12.get())).collect();
    assert_eq!(pieces, [(3, 15), (19, 15), (35, 7)]);
    assert!(seen.iter().all(|sqe| sqe.opcode() == NvmOpcode::WRITE_ZEROES.0));
}

#[test]
fn an_asynchronous_event_is_noted_its_log_read_and_the_request_parked_again() {
    let (fake, driver) = live();
    fake.controller.borrow_mut().post_event(0x0002_0001);
    assert_eq!(driver.execute(read(&driver, 1, 1)).result, Ok(()));
    driver.poll();
    assert!(fake.events().contains(&Event::AsyncEvent { event_type: 1, info: 0, log_page: 2 }));
    fake.controller.borrow_mut().post_event(0x0002_0001);
    assert_eq!(driver.execute(read(&driver, 1, 1)).result, Ok(()));
    assert_eq!(driver.counters().events, 2);
}

#[test]
fn a_persistent_internal_error_resets_the_controller() {
    let (fake, driver) = live();
    fake.controller.borrow_mut().post_event(0x0001_0300);
    let ticket = driver.submit(read(&driver, 1, 1)).unwrap();
    assert_eq!(driver.wait(ticket).result, Ok(()));
    assert_eq!(driver.execute(read(&driver, 1, 1)).result, Ok(()));
    assert_eq!(driver.counters().resets, 1);
}

#[test]
fn an_interrupt_storm_without_progress_ends_the_device_instead_of_hanging() {
    let (fake, driver) = live();
    fake.on_io(|_| Reply::NEVER);
    fake.controller.borrow_mut().storm_vector = Some(1);
    let done = driver.execute(read(&driver, 1, 1));
    assert_eq!(done.result, Err(block::BlockError::Gone));
    assert_eq!(driver.failure(), Some(Error::Stalled));
}

#[test]
fn a_device_that_takes_no_time_is_not_taken_for_a_broken_one() {
    let (fake, driver) = live();
    fake.on_io(|_| Reply { delay_ns: 0, ..Reply::OK });
    for _ in 0..11_000 {
        assert_eq!(driver.execute(read(&driver, 1, 1)).result, Ok(()));
    }
}

#[test]
fn what_is_to_be_sent_again_waits_for_a_reset_that_begins_at_that_moment() {
    let (fake, driver) = live();
    let after = |delay_ns| Reply { delay_ns, ..Reply::OK };
    let failed = Reply { has_interrupt: false, ..Reply::fail(nvme_spec::status::INTERNAL_ERROR) };
    fake.io_replies([
        Reply::NEVER,
        after(29_999_999_999),
        after(1_000_000_000),
        Reply { delay_ns: 28_900_000_000, ..failed },
    ]);
    fake.on_admin(|sqe| (sqe.opcode() == AdminOpcode::ABORT.0).then_some(Reply::NEVER));
    let lost = driver.submit(read(&driver, 1, 1)).unwrap();
    // Until the first has had its abort, which nobody answers.
    assert_eq!(driver.execute(read(&driver, 2, 1)).result, Ok(()));
    assert_eq!(driver.execute(read(&driver, 3, 1)).result, Ok(()));
    // This one's failure is seen when the first is late for the second time.
    let retried = driver.submit(read(&driver, 4, 1)).unwrap();
    assert_eq!(driver.wait(retried).result, Ok(()));
    assert_eq!(driver.wait(lost).result, Ok(()));
    let names = fake.take_names();
    let (_, reset) = names.split_once("reset").expect("a reset");
    let (reset, _) = reset.split_once("live").expect("its end");
    assert!(reset.contains("retry") && !reset.contains("submit"), "{names}");
}

#[test]
fn a_shut_down_controller_takes_nothing_more() {
    let (fake, driver) = live();
    let ticket = driver.submit(read(&driver, 1, 1)).unwrap();
    assert_eq!(driver.shut_down(), Ok(()));
    assert_eq!(driver.wait(ticket).result, Ok(()), "what was in flight ended first");
    assert_eq!(driver.submit(Bio::flush()).unwrap_err().why, block::BlockError::Gone);
    assert!(fake.take_names().ends_with("finish shut-down"));
}

#[test]
fn a_shutdown_that_never_completes_is_an_error_in_bounded_time() {
    let (fake, driver) = live();
    fake.controller.borrow_mut().shutdown_ns = u64::MAX;
    let error = driver.shut_down().unwrap_err();
    assert!(matches!(error, Error::NotReady { stage: Stage::Shutdown, .. }), "{error}");
}

proptest! {
    /// Whatever the device answers, each bio comes back once, with its pages, in bounded time.
    #[test]
    fn no_answer_of_the_device_loses_a_bio_or_hangs(
        replies in proptest::collection::vec(
            (0..1_u16 << 15, 0..3_u32, 0..4_u64, any::<bool>(), 0..5_u16, any::<u16>()), 0..40),
        admin in proptest::collection::vec((0..4_u32, any::<u32>()), 0..10),
    ) {
        let (fake, driver) = live();
        fake.controller.borrow_mut().is_dma_checked = replies.iter().all(|reply| reply.4 != 0);
        fake.io_replies(replies.into_iter().map(|(raw, times, delay, has_interrupt, lie, value)| Reply {
            status: Status::from_raw(if raw % 3 == 0 { raw } else { 0 }),
            dw0: 0,
            delay_ns: [0, 1000, 29_999_999_999, 31_000_000_000][delay as usize],
            times,
            has_interrupt,
            cid_offset: if lie == 0 { value } else { 0 },
            sqid_offset: if lie == 1 { value } else { 0 },
            sqhd: (lie == 2).then_some(value),
        }));
        let mut admin = admin.into_iter();
        fake.on_admin(move |sqe| {
            if sqe.opcode() != AdminOpcode::ABORT.0 {
                return None;
            }
            let (times, dw0) = admin.next()?;
            (times < 3).then_some(Reply { times, dw0, ..Reply::OK })
        });
        let tickets: Vec<_> = (0..12)
            .map_while(|block| driver.submit(read(&driver, block, 1 + block as usize % 3)).ok())
            .collect();
        for (block, ticket) in tickets.into_iter().enumerate() {
            let done = driver.wait(ticket);
            prop_assert_eq!(done.bio.block, block as u64);
            prop_assert_eq!(done.bio.pages.len(), 1 + block % 3);
        }
        prop_assert!(fake.now_ns() < 3_600_000_000_000 * 4);
        let finishes = fake.events().iter().filter(|e| matches!(e, Event::Finish { .. })).count();
        prop_assert!(finishes <= 12);
    }
}
