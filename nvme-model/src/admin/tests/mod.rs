//! The admin commands and their logs, through the queues.

mod bad_blocks;
mod directives;
mod features;
mod firmware;
mod health;
mod injected;
mod keep_alive;
mod lba_status;
mod managed;
mod owner;
mod pages;
mod persistent;
mod property;
mod sanitize;
mod sanitized;
mod self_test;
mod several;
mod telemetry;

use nvme_spec::aer::AerResult;
use nvme_spec::{AdminOpcode, Sqe, feature};

use crate::rig::Rig;

/// A command with these dwords 10 and 11.
fn command(opcode: AdminOpcode, nsid: u32, cdw10: u32, cdw11: u32) -> Sqe {
    let mut sqe = Sqe::new(opcode.0, nsid);
    (sqe.cdw10, sqe.cdw11) = (cdw10.into(), cdw11.into());
    sqe
}

/// A log page with its log specific parameter, `length` bytes from `offset` on.
fn log_page(lid: u8, lsp: u32, length: u32, offset: u64) -> Sqe {
    let mut sqe = Sqe::get_log_page(lid, 0, length / 4 - 1, offset);
    sqe.cdw10 = (sqe.cdw10.get() | lsp << 8).into();
    sqe
}

/// Enables these notices and warnings and parks some requests.
fn listen(rig: &mut Rig, wanted: u32) {
    let (status, _) = rig.prompt(0, Sqe::set_features(feature::ASYNC_EVENT_CONFIG, wanted));
    assert!(status.is_success());
    for _ in 0..3 {
        rig.submit(0, Sqe::async_event_request());
    }
    let now_ns = rig.now_ns;
    rig.wait_until(now_ns + 1_000_000);
}

/// The events that were reported since the last call: type, information, log page.
fn heard(rig: &mut Rig) -> Vec<(u32, u32, u32)> {
    let now_ns = rig.now_ns;
    rig.wait_until(now_ns + 1);
    let results: Vec<AerResult> = rig.reap(0).iter().map(|cqe| AerResult(cqe.dw0.get())).collect();
    results.iter().map(|event| (event.event_type(), event.info(), event.log_page())).collect()
}
