//! Asynchronous events, and aborts.
// Spec: NVMe-Base-2.0c 5.2 "Asynchronous Event Request command"
// Spec: NVMe-Base-2.0c 5.1 "Abort command"

use core::time::Duration;

use hal::{Mmio, Platform};
use nvme_spec::aer::{self, AerResult};
use nvme_spec::command::ABORT_NOT_ABORTED;
use nvme_spec::register::Doorbell;
use nvme_spec::{Sqe, status};

use super::checks;
use crate::bench::{Bench, ENTRIES, IO_QID, NSID, expect};
use crate::queue::bell;
use crate::verdict::{Outcome, ensure, need};

checks![
    an_event_request_waits_and_the_queue_goes_on,
    one_event_request_too_many_is_refused,
    an_abort_of_an_event_request_ends_it,
    an_abort_of_nothing_says_so,
    a_doorbell_value_out_of_range_is_an_event,
    a_doorbell_of_no_queue_is_an_event,
    a_completion_doorbell_of_no_queue_is_an_event,
    a_doorbell_of_a_deleted_queue_is_an_event,
];

/// Parks an event request; returns its identifier.
fn park<P: Platform>(bench: &mut Bench<'_, P>) -> u16 {
    let cid = bench.admin.push(Sqe::async_event_request());
    bench.admin.ring(bench.platform.bar(), bench.cap);
    cid
}

fn an_event_request_waits_and_the_queue_goes_on<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    park(bench);
    bench.pause(Duration::from_millis(100));
    ensure!(bench.admin.take().is_none(), "an event request was answered without an event");
    bench.admin_ok(Sqe::get_features(nvme_spec::feature::NUMBER_OF_QUEUES, 0))?;
    bench.write_block(0, 1)
}

fn one_event_request_too_many_is_refused<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let limit = u16::from(bench.controller.aerl_z) + 1;
    need(limit < ENTRIES - 1, "more event requests than the queue has places")?;
    for _ in 0..limit {
        park(bench);
    }
    bench.admin_fails(Sqe::async_event_request(), status::AER_LIMIT_EXCEEDED)
}

fn an_abort_of_an_event_request_ends_it<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let parked = park(bench);
    let sqe = Sqe::abort(0, parked);
    let abort = bench.admin.push(sqe);
    bench.admin.ring(bench.platform.bar(), bench.cap);
    let first = bench.next_admin()?;
    if first.cid.get() == abort {
        let is_aborted = first.dw0.get() & ABORT_NOT_ABORTED == 0;
        need(is_aborted, "aborting is best effort, and this controller does not")?;
    }
    let second = bench.next_admin()?;
    let (done, ended) = if first.cid.get() == abort { (first, second) } else { (second, first) };
    expect(&sqe, &done, status::SUCCESS)?;
    ensure!(done.dw0.get() & ABORT_NOT_ABORTED == 0, "aborted, and says it was not");
    ensure!(ended.cid.get() == parked, "{:#x} ended, not {parked:#x}", ended.cid.get());
    expect(&Sqe::async_event_request(), &ended, status::ABORT_REQUESTED)
}

fn an_abort_of_nothing_says_so<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let sqe = Sqe::abort(IO_QID, 0x7777);
    let done = bench.admin(sqe)?;
    expect(&sqe, &done, status::SUCCESS)?;
    ensure!(done.dw0.get() & ABORT_NOT_ABORTED != 0, "dword 0 is {:#x}", done.dw0.get());
    Ok(())
}

/// Writes to a doorbell and takes the error event that follows.
fn rings_an_event<P: Platform>(
    bench: &mut Bench<'_, P>,
    doorbell: Doorbell,
    value: u32,
    info: u32,
) -> Outcome {
    let parked = park(bench);
    // A controller may fetch late, and need not remember an event that nobody has asked for yet: what
    // comes behind the request is done only after it.
    bench.admin_ok(Sqe::get_features(nvme_spec::feature::NUMBER_OF_QUEUES, 0))?;
    bench.platform.bar().write32(bell(doorbell, bench.cap), value);
    let cqe = bench.expect_admin(parked)?;
    expect(&Sqe::async_event_request(), &cqe, status::SUCCESS)?;
    let event = AerResult(cqe.dw0.get());
    let is_it = event.event_type() == aer::TYPE_ERROR && event.info() == info;
    ensure!(is_it, "event {:#x} instead of an error with information {info}", event.0);
    Ok(())
}

fn a_doorbell_value_out_of_range_is_an_event<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let bell = Doorbell::SqTail(IO_QID);
    rings_an_event(bench, bell, u32::from(ENTRIES) + 7, aer::ERROR_INVALID_DOORBELL_VALUE)?;
    bench.io_ok(Sqe::flush(NSID))
}

fn a_doorbell_of_no_queue_is_an_event<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    rings_an_event(bench, Doorbell::SqTail(5), 1, aer::ERROR_INVALID_DOORBELL_REGISTER)?;
    bench.io_ok(Sqe::flush(NSID))
}

fn a_completion_doorbell_of_no_queue_is_an_event<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    rings_an_event(bench, Doorbell::CqHead(5), 1, aer::ERROR_INVALID_DOORBELL_REGISTER)?;
    bench.io_ok(Sqe::flush(NSID))
}

fn a_doorbell_of_a_deleted_queue_is_an_event<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    bench.admin_ok(Sqe::delete_io_sq(IO_QID))?;
    let bell = Doorbell::SqTail(IO_QID);
    rings_an_event(bench, bell, 1, aer::ERROR_INVALID_DOORBELL_REGISTER)?;
    // What is in its memory was not taken for commands, and a new queue begins anew.
    bench.io.clear();
    bench.admin_ok(bench.create_sq())?;
    bench.io_ok(Sqe::flush(NSID))
}
