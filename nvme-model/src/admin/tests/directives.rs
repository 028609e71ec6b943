//! Directives: what Identify says of them, and that there is nothing to enable.

use nvme_spec::command::{Copy12, Directive11};
use nvme_spec::{AdminOpcode, NSID_BROADCAST, Sqe, StatusCode, status};

use super::{command, log_page};
use crate::rig::{DATA, Rig};

const IDENTIFY: u32 = 0;
const STREAMS: u32 = 1;

/// Identify: Return Parameters of a receive, Enable Directive of a send.
const FIRST_OPERATION: u32 = 1;

fn which(dtype: u32, doper: u32) -> u32 {
    Directive11(0).with_dtype(dtype).with_doper(doper).0
}

fn receive(nsid: u32, dtype: u32, doper: u32, bytes: u32) -> Sqe {
    command(AdminOpcode::DIRECTIVE_RECEIVE, nsid, bytes / 4 - 1, which(dtype, doper))
}

fn send(nsid: u32, dtype: u32, doper: u32, value: u32) -> Sqe {
    let mut sqe = command(AdminOpcode::DIRECTIVE_SEND, nsid, 0, which(dtype, doper));
    sqe.cdw12 = value.into();
    sqe
}

/// How a command fails for good, and which byte of it is to blame by the error log.
fn refusal(rig: &mut Rig, sqe: Sqe) -> (StatusCode, u16) {
    let (status, page) = rig.admin_page(sqe);
    assert!(!status.is_success() && status.dnr, "{sqe:?}");
    assert!(page.iter().all(|byte| *byte == 0xee), "nothing was answered");
    let (_, log) = rig.admin_page(log_page(1, 0, 64, 0));
    (status.code, u16::from_le_bytes([log[14], log[15]]))
}

#[test]
fn the_identify_directive_is_supported_and_enabled_and_no_other() {
    let mut rig = Rig::new();
    // Supported, enabled, and persistent, of which bit 0 is zero: it cannot be changed.
    let mut expected = vec![0; 4096];
    (expected[0], expected[32]) = (1, 1);
    let (status, page) = rig.admin_page(receive(1, IDENTIFY, FIRST_OPERATION, 4096));
    assert!(status.is_success() && page == expected);
    // What is specific to a directive is not used.
    let mut sqe = receive(1, IDENTIFY, FIRST_OPERATION, 4096);
    sqe.cdw11 = (sqe.cdw11.get() | 0xffff << 16).into();
    let (status, page) = rig.admin_page(sqe);
    assert!(status.is_success() && page == expected);
    let (status, page) = rig.admin_page(receive(1, IDENTIFY, FIRST_OPERATION, 36));
    assert!(status.is_success() && page[..36] == expected[..36]);
    assert!(page[36..].iter().all(|byte| *byte == 0xee), "nothing beyond what was asked for");
}

#[test]
fn parameters_are_those_of_one_namespace() {
    let mut rig = Rig::new();
    let sqe = receive(NSID_BROADCAST, IDENTIFY, FIRST_OPERATION, 64);
    assert_eq!(refusal(&mut rig, sqe), (status::INVALID_FIELD, 4));
    for nsid in [0, 33] {
        let code = refusal(&mut rig, receive(nsid, IDENTIFY, FIRST_OPERATION, 64)).0;
        assert_eq!(code, status::INVALID_NAMESPACE);
        let code = refusal(&mut rig, send(nsid, IDENTIFY, FIRST_OPERATION, 1)).0;
        assert_eq!(code, status::INVALID_NAMESPACE);
    }
}

#[test]
fn streams_and_operations_that_are_not_there_are_an_invalid_field() {
    let mut rig = Rig::new();
    for (dtype, doper, byte) in
        [(STREAMS, 1, 45), (STREAMS, 2, 45), (STREAMS, 3, 45), (0xff, 1, 45), (IDENTIFY, 2, 44)]
    {
        let expected = (status::INVALID_FIELD, byte);
        assert_eq!(refusal(&mut rig, receive(1, dtype, doper, 64)), expected);
        assert_eq!(refusal(&mut rig, send(1, dtype, doper, STREAMS << 8 | 1)), expected);
    }
}

#[test]
fn no_directive_can_be_enabled_and_the_identify_directive_cannot_be_disabled() {
    let mut rig = Rig::new();
    let before = rig.admin_page(receive(1, IDENTIFY, FIRST_OPERATION, 4096)).1;
    for nsid in [1, NSID_BROADCAST] {
        for (dtype, is_enabled) in [(IDENTIFY, 0), (IDENTIFY, 1), (STREAMS, 1), (0xff, 1)] {
            let sqe = send(nsid, IDENTIFY, FIRST_OPERATION, dtype << 8 | is_enabled);
            assert_eq!(refusal(&mut rig, sqe), (status::INVALID_FIELD, 49));
        }
        let disable = send(nsid, IDENTIFY, FIRST_OPERATION, STREAMS << 8);
        assert!(rig.admin(disable).0.is_success(), "it is disabled, as it was");
    }
    assert!(rig.admin_page(receive(1, IDENTIFY, FIRST_OPERATION, 4096)).1 == before);
}

#[test]
fn a_write_or_copy_that_names_a_stream_while_none_is_enabled_is_a_write_or_copy() {
    let mut rig = Rig::new();
    let mut sqe = Sqe::write(1, 5, 0, false).with_prp(DATA, 0);
    sqe.cdw12 = (sqe.cdw12.get() | STREAMS << 20).into();
    sqe.cdw13 = (7 << 16).into();
    rig.memory_write(DATA, &[3; 4096]);
    assert!(rig.run(1, sqe).0.is_success(), "both fields are ignored");
    assert_eq!(rig.read_block(5).expect("written")[0], 3);
    let mut source = [0; 32];
    source[8] = 5;
    rig.memory_write(DATA, &source);
    let mut sqe = Sqe::copy(1, 9, Copy12(0).with_dtype(STREAMS)).with_prp(DATA, 0);
    sqe.cdw13 = (7 << 16).into();
    assert!(rig.run(1, sqe).0.is_success());
    assert_eq!(rig.read_block(9).expect("copied")[0], 3);
}
