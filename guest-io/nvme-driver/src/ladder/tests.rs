use std::rc::Rc;

use block::{Bio, BlockDevice, BlockError, DeviceStatus, Op};
use hal::testing::PoolDma;
use nvme_spec::status as code;
use nvme_spec::{AdminOpcode, Status};

use crate::fake::{Fake, Reply};
use crate::{Error, NvmeDriver, Stage};

type Driver = NvmeDriver<Rc<Fake>>;

const SECOND: u64 = 1_000_000_000;

fn live() -> (Rc<Fake>, Driver) {
    let fake = Fake::new(|_| ());
    let driver = fake.probe().unwrap();
    fake.take_names();
    (fake, driver)
}

fn write(driver: &Driver, block: u64) -> Bio<PoolDma> {
    Bio { op: Op::Write { fua: false }, block, pages: vec![driver.alloc_page().unwrap()] }
}

fn run(driver: &Driver) -> Result<(), BlockError> {
    let done = driver.execute(write(driver, 7));
    assert_eq!((done.bio.block, done.bio.pages.len()), (7, 1));
    done.result
}

#[test]
fn a_good_command_takes_one_submission_and_one_completion() {
    let (fake, driver) = live();
    assert_eq!(run(&driver), Ok(()));
    assert_eq!(fake.take_names(), "submit complete finish");
    let seen = fake.controller.borrow().seen[0];
    assert_eq!((seen.opcode(), seen.slba(), seen.nsid.get()), (1, 7, 1));
}

#[test]
fn a_failure_is_retried_five_times_and_then_reported_with_its_status() {
    let (fake, driver) = live();
    fake.on_io(|_| Reply::fail(code::WRITE_FAULT));
    assert_eq!(run(&driver), Err(BlockError::Medium(DeviceStatus(0x280))));
    let counters = driver.counters();
    assert_eq!((counters.submissions, counters.retries, counters.completions), (6, 5, 6));
}

#[test]
fn a_failure_with_do_not_retry_is_final() {
    let (fake, driver) = live();
    fake.on_io(|_| Reply::fail(Status::from(code::WRITE_FAULT).with_dnr(true)));
    assert_eq!(run(&driver), Err(BlockError::Medium(DeviceStatus(0x4280))));
    assert_eq!(fake.take_names(), "submit complete finish");
}

#[test]
fn a_transient_failure_is_healed_by_the_retry_under_a_new_cid() {
    let (fake, driver) = live();
    fake.io_replies([Reply::fail(code::INTERNAL_ERROR)]);
    assert_eq!(run(&driver), Ok(()));
    let cids: Vec<_> = fake.controller.borrow().seen.iter().map(|sqe| sqe.cid()).collect();
    assert_ne!(cids[0], cids[1]);
    assert_eq!(fake.take_names(), "submit complete retry submit complete finish");
}

#[test]
fn a_retry_waits_as_long_as_the_controller_asks() {
    let fake = Fake::new(|controller| controller.id.crdt2 = 15.into());
    let driver = fake.probe().unwrap();
    fake.io_replies([Reply::fail(Status::from(code::NAMESPACE_NOT_READY).with_crd(2))]);
    let start = fake.now_ns();
    assert_eq!(run(&driver), Ok(()));
    assert_eq!(fake.now_ns() - start, 1_500_000_000 + 2 * 1000);
}

#[test]
fn a_retry_delay_that_was_not_agreed_on_is_not_waited_for() {
    let fake = Fake::new(|controller| {
        controller.id.crdt2 = 15.into();
        controller.admin_script = Box::new(|sqe| {
            let is_host_behavior =
                sqe.opcode() == AdminOpcode::SET_FEATURES.0 && sqe.cdw10.get() & 0xff == 0x16;
            is_host_behavior.then(|| Reply::fail(code::INVALID_FIELD))
        });
    });
    let driver = fake.probe().unwrap();
    fake.io_replies([Reply::fail(Status::from(code::NAMESPACE_NOT_READY).with_crd(2))]);
    let start = fake.now_ns();
    assert_eq!(run(&driver), Ok(()));
    assert_eq!(fake.now_ns() - start, 2 * 1000);
}

#[test]
fn a_lost_interrupt_costs_the_time_out_and_nothing_else() {
    let (fake, driver) = live();
    fake.io_replies([Reply { has_interrupt: false, ..Reply::OK }]);
    let start = fake.now_ns();
    assert_eq!(run(&driver), Ok(()));
    assert_eq!(fake.now_ns() - start, 30 * SECOND);
    assert_eq!(fake.take_names(), "submit complete interrupt-missed finish");
    let counters = driver.counters();
    assert_eq!((counters.interrupts_missed, counters.timeouts, counters.aborts), (1, 0, 0));
}

#[test]
fn a_command_without_an_answer_is_aborted_and_sent_again() {
    let (fake, driver) = live();
    fake.io_replies([Reply::NEVER]);
    assert_eq!(run(&driver), Ok(()));
    assert_eq!(
        fake.take_names(),
        "submit timeout abort abort-done complete retry submit complete finish"
    );
    assert_eq!(driver.counters().resets, 0);
}

#[test]
fn a_command_that_never_gets_an_answer_ends_in_a_time_out() {
    let (fake, driver) = live();
    fake.on_io(|_| Reply::NEVER);
    let start = fake.now_ns();
    assert_eq!(run(&driver), Err(BlockError::Timeout));
    let counters = driver.counters();
    assert_eq!((counters.timeouts, counters.aborts, counters.resets), (6, 6, 0));
    assert!(fake.now_ns() - start < 181 * SECOND);
}

#[test]
fn an_abort_without_effect_leads_to_a_reset_and_the_command_runs_again() {
    let (fake, driver) = live();
    fake.io_replies([Reply::NEVER]);
    let is_abort = |sqe: &nvme_spec::Sqe| sqe.opcode() == AdminOpcode::ABORT.0;
    fake.on_admin(move |sqe| is_abort(sqe).then_some(Reply { dw0: 1, ..Reply::OK }));
    assert_eq!(run(&driver), Ok(()));
    assert_eq!(
        fake.take_names(),
        "submit timeout abort abort-done timeout reset retry live submit complete finish"
    );
}

#[test]
fn an_abort_without_an_answer_leads_to_a_reset_too() {
    let (fake, driver) = live();
    fake.io_replies([Reply::NEVER]);
    let is_abort = |sqe: &nvme_spec::Sqe| sqe.opcode() == AdminOpcode::ABORT.0;
    fake.on_admin(move |sqe| is_abort(sqe).then_some(Reply::NEVER));
    assert_eq!(run(&driver), Ok(()));
    let names = fake.take_names();
    assert_eq!(names, "submit timeout abort timeout reset retry live submit complete finish");
}

#[test]
fn a_controller_that_dies_again_and_again_fails_the_command_in_bounded_time() {
    let (fake, driver) = live();
    fake.on_io(|_| Reply::NEVER);
    let is_abort = |sqe: &nvme_spec::Sqe| sqe.opcode() == AdminOpcode::ABORT.0;
    fake.on_admin(move |sqe| is_abort(sqe).then_some(Reply::NEVER));
    let start = fake.now_ns();
    assert_eq!(run(&driver), Err(BlockError::Timeout));
    assert_eq!((driver.counters().resets, driver.counters().retries), (6, 5));
    assert!(fake.now_ns() - start < 6 * 62 * SECOND);
    fake.on_io(|_| Reply::OK);
    assert_eq!(run(&driver), Ok(()), "the controller itself still works");
}

#[test]
fn a_fatal_status_skips_the_abort() {
    let (fake, driver) = live();
    fake.io_replies([Reply::NEVER]);
    fake.controller.borrow_mut().is_fatal = true;
    let ticket = driver.submit(write(&driver, 7)).unwrap();
    assert_eq!(driver.wait(ticket).result, Err(BlockError::Gone));
    assert_eq!(fake.take_names(), "submit timeout reset retry gone finish");
    assert_eq!(driver.failure(), Some(Error::Fatal));
}

#[test]
fn a_controller_that_is_not_ready_after_the_reset_is_given_up() {
    let (fake, driver) = live();
    fake.on_io(|_| Reply::NEVER);
    fake.on_admin(|_| Some(Reply::NEVER));
    let ticket = driver.submit(write(&driver, 7)).unwrap();
    fake.controller.borrow_mut().ready_ns = u64::MAX;
    assert_eq!(driver.wait(ticket).result, Err(BlockError::Gone));
    let failure = driver.failure().unwrap();
    assert!(matches!(failure, Error::NotReady { stage: Stage::Enable, .. }), "{failure}");
    let rejected = driver.submit(write(&driver, 7)).unwrap_err();
    assert_eq!((rejected.why, rejected.bio.pages.len()), (BlockError::Gone, 1));
}

#[test]
fn a_controller_that_cannot_be_stopped_is_cut_off_before_pages_go_back() {
    let (fake, driver) = live();
    fake.on_io(|_| Reply::NEVER);
    fake.on_admin(|_| Some(Reply::NEVER));
    let ticket = driver.submit(write(&driver, 7)).unwrap();
    fake.controller.borrow_mut().disable_ns = u64::MAX;
    assert_eq!(driver.wait(ticket).result, Err(BlockError::Gone));
    assert!(fake.controller.borrow().is_dma_stopped);
    let failure = driver.failure().unwrap();
    assert!(matches!(failure, Error::NotReady { stage: Stage::Disable, .. }), "{failure}");
}

#[test]
fn removal_fails_everything_in_flight_and_rejects_the_rest() {
    let (fake, driver) = live();
    fake.on_io(|_| Reply::NEVER);
    let tickets = [1, 2, 3].map(|block| driver.submit(write(&driver, block)).unwrap());
    fake.controller.borrow_mut().is_removed = true;
    for ticket in tickets {
        assert_eq!(driver.wait(ticket).result, Err(BlockError::Gone));
    }
    assert_eq!(fake.take_names(), "submit submit submit timeout gone finish finish finish");
    assert_eq!(driver.failure(), Some(Error::Removed));
    assert_eq!(driver.submit(Bio::flush()).unwrap_err().why, BlockError::Gone);
    assert_eq!(driver.shut_down(), Err(Error::Removed));
}

#[test]
fn all_commands_in_flight_survive_a_reset_in_their_order() {
    let (fake, driver) = live();
    let mut count = 0;
    fake.on_io(move |_| {
        count += 1;
        if count <= 4 { Reply::NEVER } else { Reply::OK }
    });
    fake.on_admin(|sqe| (sqe.opcode() == AdminOpcode::ABORT.0).then_some(Reply::NEVER));
    let tickets = [9, 8, 7, 6].map(|block| driver.submit(write(&driver, block)).unwrap());
    for ticket in tickets {
        assert_eq!(driver.wait(ticket).result, Ok(()));
    }
    let blocks: Vec<_> = fake.controller.borrow().seen.iter().map(|sqe| sqe.slba()).collect();
    assert_eq!(blocks, [9, 8, 7, 6, 9, 8, 7, 6]);
    assert_eq!(driver.counters().resets, 1);
}
