//! Abort, features, unknown commands.

use nvme_spec::feature::{self, NumberOfQueues};
use nvme_spec::register as reg;
use nvme_spec::{AdminOpcode, Sqe, status};

use crate::rig::{DATA, Rig};

#[test]
fn an_aborted_command_completes_as_aborted_and_abort_says_so() {
    let mut rig = Rig::new();
    let cid = rig.submit(1, Sqe::write(1, 5, 0, false).with_prp(DATA, 0));
    let (status, dw0) = rig.admin(Sqe::abort(1, cid));
    assert!(status.is_success());
    assert_eq!(dw0 & 1, 0, "aborted");
    let found = rig.reap(1);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].cid.get(), found[0].status().code), (cid, status::ABORT_REQUESTED));
    assert_eq!(rig.controller.cache(1).map(|cache| cache.dirty_blocks()), Some(0));
}

#[test]
fn an_abort_of_nothing_completes_and_says_not_aborted() {
    let mut rig = Rig::new();
    let (status, dw0) = rig.admin(Sqe::abort(1, 0x7777));
    assert!(status.is_success());
    assert_eq!(dw0 & 1, 1);
    let cid = rig.submit(1, Sqe::flush(1));
    rig.settle();
    assert_eq!(rig.reap(1).len(), 1);
    assert_eq!(rig.admin(Sqe::abort(1, cid)).1 & 1, 1, "completed already");
}

#[test]
fn number_of_queues_is_granted_once_and_before_the_first_queue() {
    let mut rig = Rig::off(crate::Config::default(), crate::FaultPlan::none());
    rig.enable();
    let wanted = NumberOfQueues(0).with_nsq_z(63).with_ncq_z(3).0;
    let (status, granted) = rig.admin(Sqe::set_features(feature::NUMBER_OF_QUEUES, wanted));
    assert!(status.is_success());
    assert_eq!(granted, NumberOfQueues(0).with_nsq_z(15).with_ncq_z(15).0);
    let (status, _) = rig.admin(Sqe::set_features(feature::NUMBER_OF_QUEUES, 0xffff));
    assert_eq!(status.code, status::INVALID_FIELD);
    rig.create_pair(1, 1);
    let (status, _) = rig.admin(Sqe::set_features(feature::NUMBER_OF_QUEUES, wanted));
    assert_eq!(status.code, status::COMMAND_SEQUENCE_ERROR);
}

#[test]
fn the_write_cache_can_be_switched_off_and_that_flushes_it() {
    let mut rig = Rig::new();
    rig.write_block(3, 0x33, false);
    assert_eq!(rig.on_media(3), 0);
    let vwc = feature::VOLATILE_WRITE_CACHE;
    assert_eq!(rig.admin(Sqe::get_features(vwc, 0)).1, 1);
    assert!(rig.admin(Sqe::set_features(vwc, 0)).0.is_success());
    assert_eq!(rig.on_media(3), 0x33);
    rig.write_block(4, 0x44, false);
    assert_eq!(rig.on_media(4), 0x44);
    assert_eq!(rig.admin(Sqe::get_features(vwc, 0)).1, 0);
    assert_eq!(rig.admin(Sqe::get_features(vwc, 1)).1, 1, "default");
    let capabilities = feature::CAPABILITY_CHANGEABLE | feature::CAPABILITY_SAVEABLE;
    assert_eq!(rig.admin(Sqe::get_features(vwc, 3)).1, capabilities);
}

#[test]
fn features_say_what_they_cannot_do() {
    let mut rig = Rig::new();
    let mut saved = Sqe::set_features(feature::NUMBER_OF_QUEUES, 1);
    saved.cdw10 = (saved.cdw10.get() | 1 << 31).into();
    assert_eq!(rig.admin(saved).0.code, status::FEATURE_NOT_SAVEABLE);
    let mut scoped = Sqe::set_features(feature::ARBITRATION, 1);
    scoped.nsid = 1.into();
    assert_eq!(rig.admin(scoped).0.code, status::FEATURE_NOT_NAMESPACE_SPECIFIC);
    assert_eq!(rig.admin(Sqe::get_features(0x7f, 0)).0.code, status::INVALID_FIELD);
    assert_eq!(rig.admin(Sqe::get_features(feature::ARBITRATION, 5)).0.code, status::INVALID_FIELD);
    let vector = Sqe::set_features(feature::INTERRUPT_VECTOR, 17);
    assert_eq!(rig.admin(vector).0.code, status::INVALID_FIELD);
    let power = Sqe::set_features(feature::POWER_MANAGEMENT, 3);
    assert_eq!(rig.admin(power).0.code, status::INVALID_FIELD);
}

#[test]
fn a_reset_brings_the_defaults_back() {
    let mut rig = Rig::new();
    assert!(rig.admin(Sqe::set_features(feature::ARBITRATION, 7)).0.is_success());
    rig.disable();
    assert_eq!(rig.read32(reg::CSTS), 0);
    rig.enable();
    assert_eq!(rig.admin(Sqe::get_features(feature::ARBITRATION, 0)).1, 0);
}

#[test]
fn every_command_that_oacs_offers_is_there_and_no_other() {
    let mut rig = Rig::new();
    let (_, page) = rig.admin_page(Sqe::identify(1, 0));
    let oacs = u16::from_le_bytes([page[256], page[257]]);
    // Bits of OACS and the commands that they offer.
    let offers: [(u16, &[u8]); 11] = [
        (0, &[0x81, 0x82]),
        (1, &[0x80]),
        (2, &[0x10, 0x11]),
        (3, &[0x0d, 0x15]),
        (4, &[0x14]),
        (5, &[0x19, 0x1a]),
        (6, &[0x1d, 0x1e]),
        (7, &[0x1c]),
        (8, &[0x7c]),
        (9, &[0x86]),
        (10, &[0x24]),
    ];
    for (bit, opcodes) in offers {
        for opcode in opcodes {
            let (status, _) = rig.admin(Sqe::new(*opcode, 0));
            let is_there = status.code != status::INVALID_OPCODE;
            assert_eq!(is_there, oacs >> bit & 1 == 1, "bit {bit}, opcode {opcode:#x}");
        }
    }
    assert_eq!(oacs >> 11, 0);
}

#[test]
fn an_unknown_opcode_is_invalid_opcode() {
    let mut rig = Rig::new();
    assert_eq!(rig.admin(Sqe::new(AdminOpcode(0xc1).0, 1)).0.code, status::INVALID_OPCODE);
    assert_eq!(rig.run(1, Sqe::new(0xff, 1)).0.code, status::INVALID_OPCODE);
}
