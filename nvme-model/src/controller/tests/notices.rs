//! Notices of reservations that wait for a host: each is told of.

use nvme_spec::log::LID_RESERVATION;
use nvme_spec::reservation::Reserve10;
use nvme_spec::{NvmOpcode, Sqe, feature};

use crate::rig::{DATA, Rig};

/// Registrants only, so that the others hear of a release.
const WRITE_EXCLUSIVE_REGISTRANTS: u32 = 3;

fn set_host(rig: &mut Rig, id: u64) {
    rig.disable();
    rig.enable();
    rig.create_pair(1, 1);
    rig.memory_write(DATA, &id.to_le_bytes());
    let sqe = Sqe::set_features(feature::HOST_IDENTIFIER, 0).with_prp(DATA, 0);
    assert!(rig.admin(sqe).0.is_success());
}

fn reserve(rig: &mut Rig, opcode: NvmOpcode, cdw10: u32, keys: [u64; 2]) {
    rig.memory_write(DATA, &keys.map(u64::to_le_bytes).concat());
    let mut sqe = Sqe::new(opcode.0, 1).with_prp(DATA, 0);
    sqe.cdw10 = cdw10.into();
    assert!(rig.run(1, sqe).0.is_success());
}

/// Whether a request is answered: there is a page to read.
fn is_told(rig: &mut Rig) -> bool {
    rig.submit(0, Sqe::async_event_request());
    rig.settle();
    let log = u32::from(LID_RESERVATION);
    rig.reap(0).iter().any(|cqe| cqe.dw0.get() == log << 16 | 6)
}

/// The type of the notice that is read, and how many are left.
fn read(rig: &mut Rig) -> [u8; 2] {
    rig.submit(0, Sqe::get_log_page(LID_RESERVATION, 0, 15, 0).with_prp(DATA, 0));
    rig.settle();
    rig.reap(0);
    let page = rig.data(16);
    [page[8], page[9]]
}

#[test]
fn the_second_notice_is_announced_when_the_first_was_read() {
    let mut rig = Rig::new();
    set_host(&mut rig, 0xa);
    reserve(&mut rig, NvmOpcode::RESERVATION_REGISTER, 0, [0, 10]);
    set_host(&mut rig, 0xb);
    reserve(&mut rig, NvmOpcode::RESERVATION_REGISTER, 0, [0, 20]);
    let how = Reserve10(0).with_rtype(WRITE_EXCLUSIVE_REGISTRANTS).0;
    for _ in 0..2 {
        reserve(&mut rig, NvmOpcode::RESERVATION_ACQUIRE, how, [20, 0]);
        reserve(&mut rig, NvmOpcode::RESERVATION_RELEASE, how, [20, 0]);
    }
    set_host(&mut rig, 0xa);
    assert!(is_told(&mut rig));
    assert_eq!(read(&mut rig), [2, 1], "released, and one more");
    assert!(is_told(&mut rig), "of the other");
    assert_eq!(read(&mut rig), [2, 0]);
    assert!(!is_told(&mut rig));
}
