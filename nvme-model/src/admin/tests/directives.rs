//! Directives: what Identify says of them, and that there is nothing to enable.

use nvme_spec::command::Directive11;
use nvme_spec::{AdminOpcode, NSID_BROADCAST, Sqe, StatusCode, status};

use super::{command, log_page};
use crate::rig::Rig;

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
    for nsid in [1, NSID_BROADCAST] {
        let (status, page) = rig.admin_page(receive(nsid, IDENTIFY, FIRST_OPERATION, 4096));
        assert!(status.is_success() && page == expected, "{nsid:#x}");
    }
    let (status, page) = rig.admin_page(receive(1, IDENTIFY, FIRST_OPERATION, 36));
    assert!(status.is_success() && page[..36] == expected[..36]);
    assert!(page[36..].iter().all(|byte| *byte == 0xee), "nothing beyond what was asked for");
}

#[test]
fn streams_and_operations_that_are_not_there_are_an_invalid_field() {
    let mut rig = Rig::new();
    let in_dword_11 = (status::INVALID_FIELD, 44);
    for (dtype, doper) in [(STREAMS, 1), (STREAMS, 2), (STREAMS, 3), (0xff, 1), (IDENTIFY, 2)] {
        assert_eq!(refusal(&mut rig, receive(1, dtype, doper, 64)), in_dword_11);
        assert_eq!(refusal(&mut rig, send(1, dtype, doper, 1)), in_dword_11);
    }
    for nsid in [0, 33] {
        let code = refusal(&mut rig, receive(nsid, IDENTIFY, FIRST_OPERATION, 64)).0;
        assert_eq!(code, status::INVALID_NAMESPACE);
        let code = refusal(&mut rig, send(nsid, IDENTIFY, FIRST_OPERATION, 1)).0;
        assert_eq!(code, status::INVALID_NAMESPACE);
    }
}

#[test]
fn no_directive_can_be_enabled_or_disabled() {
    let mut rig = Rig::new();
    let before = rig.admin_page(receive(1, IDENTIFY, FIRST_OPERATION, 4096)).1;
    for dtype in [IDENTIFY, STREAMS] {
        for is_enabled in [0, 1] {
            let sqe = send(1, IDENTIFY, FIRST_OPERATION, dtype << 8 | is_enabled);
            assert_eq!(refusal(&mut rig, sqe).0, status::INVALID_FIELD);
        }
    }
    assert_eq!(refusal(&mut rig, send(1, IDENTIFY, FIRST_OPERATION, 1 << 8 | 1)).1, 48);
    assert!(rig.admin_page(receive(1, IDENTIFY, FIRST_OPERATION, 4096)).1 == before);
}
