//! Reservations between hosts that take turns on the controller.

use nvme_spec::command::{Copy12, FormatNvm10, SANACT_CRYPTO_ERASE, Sanitize10};
use nvme_spec::copy::{CopyFormat, CopyRange};
use nvme_spec::log::LID_RESERVATION;
use nvme_spec::reservation::{Register10, Reserve10};
use nvme_spec::{AdminOpcode, NSID_BROADCAST, NvmOpcode, Sqe, Status, StatusCode, feature, status};

use crate::rig::{DATA, Rig};
use crate::{CachePolicy, Config, Event, FaultPlan};

fn command(rig: &mut Rig, opcode: NvmOpcode, cdw10: u32, keys: [u64; 2]) -> Status {
    rig.memory_write(DATA, &keys.map(u64::to_le_bytes).concat());
    let mut sqe = Sqe::new(opcode.0, 1).with_prp(DATA, 0);
    sqe.cdw10 = cdw10.into();
    rig.run(1, sqe).0
}

fn register(rig: &mut Rig, key: u64) -> Status {
    command(rig, NvmOpcode::RESERVATION_REGISTER, 0, [0, key])
}

fn reserve(rig: &mut Rig, opcode: NvmOpcode, action: u32, rtype: u32, keys: [u64; 2]) -> Status {
    let how = Reserve10(0).with_action(action).with_rtype(rtype);
    command(rig, opcode, how.0, keys)
}

fn acquire(rig: &mut Rig, rtype: u32, key: u64) -> Status {
    reserve(rig, NvmOpcode::RESERVATION_ACQUIRE, 0, rtype, [key, 0])
}

fn set_host(rig: &mut Rig, id: u128, is_extended: bool) -> Status {
    rig.memory_write(DATA, &id.to_le_bytes());
    let sqe = Sqe::set_features(feature::HOST_IDENTIFIER, is_extended.into());
    rig.admin(sqe.with_prp(DATA, 0)).0
}

/// Another host has the controller now.
fn change_host(rig: &mut Rig, id: u128) {
    rig.disable();
    rig.enable();
    rig.create_pair(1, 1);
    assert!(set_host(rig, id, false).is_success());
}

fn report(rig: &mut Rig, is_extended: bool) -> Result<Vec<u8>, Status> {
    let mut sqe = Sqe::new(NvmOpcode::RESERVATION_REPORT.0, 1).with_prp(DATA, 0);
    (sqe.cdw10, sqe.cdw11) = (1023.into(), u32::from(is_extended).into());
    rig.memory_write(DATA, &[0; 4096]);
    let (status, _) = rig.run(1, sqe);
    if status.is_success() { Ok(rig.data(256)) } else { Err(status) }
}

/// Whether reading and writing are allowed, whatever command does it.
fn access(rig: &mut Rig) -> [bool; 2] {
    let outcome = |rig: &mut Rig, sqe: Sqe| {
        let (status, _) = rig.run(1, sqe.with_prp(DATA, 0));
        assert!(status.is_success() || status.code == status::RESERVATION_CONFLICT, "{status}");
        status.is_success()
    };
    rig.memory_write(DATA, &[0; 4096]);
    let reads = [Sqe::read(1, 0, 0), Sqe::compare(1, 0, 0), Sqe::verify(1, 0, 0)];
    let writes = [
        // What it leaves can be read again once the write behind it is through.
        Sqe::write_uncorrectable(1, 0, 0),
        Sqe::write(1, 0, 0, false),
        Sqe::write_zeroes(1, 0, 0),
        Sqe::flush(1),
        Sqe::flush(NSID_BROADCAST),
        Sqe::deallocate(1, 0),
        // One range, of block 0.
        Sqe::copy(1, 4, Copy12(0)),
    ];
    let reads = reads.map(|sqe| outcome(rig, sqe));
    let writes = writes.map(|sqe| outcome(rig, sqe));
    assert!(reads.iter().all(|is| *is == reads[0]) && writes.iter().all(|is| *is == writes[0]));
    [reads[0], writes[0]]
}

/// Deletes, with all others too, detaches and sanitizes namespace 1.
// Spec: NVMe-Base-2.0c 8.19.3 "Command Behavior in the Presence of a Reservation"
fn administrate(rig: &mut Rig) -> [StatusCode; 4] {
    // A controller list of one: ours.
    rig.memory_write(DATA, &[1, 0, 0, 0]);
    let command = |opcode: AdminOpcode, nsid: u32, cdw10: u32| {
        let mut sqe = Sqe::new(opcode.0, nsid).with_prp(DATA, 0);
        sqe.cdw10 = cdw10.into();
        sqe
    };
    let sanitize = Sanitize10(0).with_sanact(SANACT_CRYPTO_ERASE);
    [
        command(AdminOpcode::NAMESPACE_MANAGEMENT, 1, 1),
        command(AdminOpcode::NAMESPACE_MANAGEMENT, NSID_BROADCAST, 1),
        command(AdminOpcode::NAMESPACE_ATTACHMENT, 1, 1),
        command(AdminOpcode::SANITIZE, 0, sanitize.0),
    ]
    .map(|sqe| rig.admin(sqe).0.code)
}

/// A namespace is not free of its reservations because nobody can reach it.
#[test]
fn a_detached_namespace_is_still_reserved() {
    let mut rig = Rig::new();
    assert!(set_host(&mut rig, 0xa, false).is_success());
    assert!(register(&mut rig, 10).is_success());
    assert!(acquire(&mut rig, 1, 10).is_success());
    rig.memory_write(DATA, &[1, 0, 0, 0]);
    let mut detach = Sqe::new(AdminOpcode::NAMESPACE_ATTACHMENT.0, 1).with_prp(DATA, 0);
    detach.cdw10 = 1.into();
    assert!(rig.admin(detach).0.is_success(), "by the holder");
    change_host(&mut rig, 0xb);
    assert_eq!(administrate(&mut rig), [status::RESERVATION_CONFLICT; 4]);
}

#[test]
fn a_copy_reads_only_what_its_host_may_read() {
    let mut rig = Rig::over(Config::default(), &[(1, 64), (2, 64)], FaultPlan::none());
    rig.start();
    assert!(set_host(&mut rig, 0xa, false).is_success());
    assert!(register(&mut rig, 10).is_success());
    // Exclusive access of namespace 1.
    assert!(acquire(&mut rig, 2, 10).is_success());
    change_host(&mut rig, 0xb);
    let mut behavior = [0; feature::HOST_BEHAVIOR_BYTES];
    behavior[feature::HOST_BEHAVIOR_CDFE] = 1 << 2;
    rig.memory_write(DATA, &behavior);
    let set = Sqe::set_features(feature::HOST_BEHAVIOR, 0).with_prp(DATA, 0);
    assert!(rig.admin(set).0.is_success());
    let format = CopyFormat::new(2).expect("with namespaces");
    for (source, code) in [(1, status::RESERVATION_CONFLICT), (2, status::SUCCESS)] {
        let range = CopyRange { nsid: source, slba: 0, ..CopyRange::default() };
        rig.memory_write(DATA, &range.encode(format)[..format.entry_bytes()]);
        let copy = Sqe::copy(2, 4, Copy12(0).with_desfmt(2)).with_prp(DATA, 0);
        assert_eq!(rig.run(1, copy).0.code, code, "from namespace {source}");
    }
}

#[test]
fn every_type_keeps_strangers_and_registrants_out_as_it_should() {
    for rtype in 1..=6 {
        let mut rig = Rig::new();
        assert!(set_host(&mut rig, 0xa, false).is_success());
        assert!(register(&mut rig, 10).is_success());
        assert!(acquire(&mut rig, rtype, 10).is_success());
        assert_eq!(access(&mut rig), [true, true], "the holder");
        change_host(&mut rig, 0xb);
        let exclusive = rtype % 2 == 0;
        assert_eq!(access(&mut rig), [!exclusive, false], "a stranger, type {rtype}");
        let format = rig.admin(Sqe::format_nvm(1, FormatNvm10(0).with_lbafl(1))).0;
        assert_eq!(format.code, status::RESERVATION_CONFLICT);
        assert_eq!(administrate(&mut rig), [status::RESERVATION_CONFLICT; 4]);
        assert!(register(&mut rig, 20).is_success());
        let shared = rtype >= 3;
        assert_eq!(access(&mut rig), [shared || !exclusive, shared], "a registrant, type {rtype}");
        assert_eq!(acquire(&mut rig, rtype, 20).is_success(), rtype >= 5);
        let release = NvmOpcode::RESERVATION_RELEASE;
        assert!(reserve(&mut rig, release, 0, rtype, [20, 0]).is_success());
        change_host(&mut rig, 0xa);
        assert!(reserve(&mut rig, release, 0, rtype, [10, 0]).is_success());
        assert_eq!(access(&mut rig), [true, true]);
    }
}

#[test]
fn a_host_says_who_it_is_once_until_a_reset() {
    let mut rig = Rig::new();
    assert!(set_host(&mut rig, 5, false).is_success());
    assert!(set_host(&mut rig, 5, false).is_success());
    assert_eq!(set_host(&mut rig, 6, false).code, status::COMMAND_SEQUENCE_ERROR);
    let get = |rig: &mut Rig, value: u32| {
        let mut sqe = Sqe::get_features(feature::HOST_IDENTIFIER, 0);
        sqe.cdw11 = value.into();
        rig.admin_page(sqe)
    };
    let (status, data) = get(&mut rig, 0);
    assert!(status.is_success());
    assert_eq!(data[..9], [5, 0, 0, 0, 0, 0, 0, 0, 0xee], "eight bytes");
    assert_eq!(get(&mut rig, 1).0.code, status::HOST_ID_FORMAT);
    change_host(&mut rig, 6);
}

#[test]
fn a_report_lists_every_registrant_in_the_form_of_the_host() {
    let mut rig = Rig::new();
    set_host(&mut rig, 0xa, false);
    register(&mut rig, 10);
    acquire(&mut rig, 3, 10);
    change_host(&mut rig, 0xb);
    register(&mut rig, 20);
    let found = report(&mut rig, false).expect("a report");
    assert_eq!(found[..10], [2, 0, 0, 0, 3, 2, 0, 0, 0, 0]);
    assert_eq!(
        found[24..49],
        [0xff, 0xff, 1, 0, 0, 0, 0, 0, 0xa, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0]
    );
    assert_eq!((found[48], found[50], found[56], found[64]), (0, 0, 0xb, 20));
    assert_eq!(report(&mut rig, true).expect_err("64 bits").code, status::HOST_ID_FORMAT);
    rig.disable();
    rig.enable();
    rig.create_pair(1, 1);
    assert!(set_host(&mut rig, 1 << 100, true).is_success());
    let found = report(&mut rig, true).expect("a report");
    assert_eq!((found[64], found[66], found[72], found[80]), (0xff, 1, 10, 0xa));
}

#[test]
fn keys_and_fields_that_are_wrong_change_nothing() {
    let mut rig = Rig::new();
    set_host(&mut rig, 0xa, false);
    let (acquire, release) = (NvmOpcode::RESERVATION_ACQUIRE, NvmOpcode::RESERVATION_RELEASE);
    assert_eq!(reserve(&mut rig, acquire, 0, 1, [10, 0]).code, status::RESERVATION_CONFLICT);
    register(&mut rig, 10);
    for (opcode, cdw10) in [
        (acquire, Reserve10(0).with_rtype(0)),
        (acquire, Reserve10(0).with_rtype(7)),
        (acquire, Reserve10(0).with_rtype(1).with_action(3)),
        (acquire, Reserve10(0).with_rtype(1).with_iekey(1)),
        (release, Reserve10(0).with_rtype(1).with_action(2)),
        (release, Reserve10(0).with_action(1).with_iekey(1)),
    ] {
        let refused = command(&mut rig, opcode, cdw10.0, [10, 0]);
        assert_eq!(refused.code, status::INVALID_FIELD, "{cdw10:x?}");
    }
    for how in [Register10(0).with_rrega(3), Register10(0).with_cptpl(1)] {
        let refused = command(&mut rig, NvmOpcode::RESERVATION_REGISTER, how.0, [10, 10]);
        assert_eq!(refused.code, status::INVALID_FIELD, "{how:x?}");
    }
    let found = report(&mut rig, false).expect("a report");
    assert_eq!(found[..10], [1, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
}

#[test]
fn reservations_survive_a_power_cut_only_if_they_are_told_to() {
    for cptpl in [2, 3] {
        let mut rig = Rig::new();
        set_host(&mut rig, 0xa, false);
        let how = Register10(0).with_cptpl(cptpl);
        assert!(command(&mut rig, NvmOpcode::RESERVATION_REGISTER, how.0, [0, 10]).is_success());
        assert!(acquire(&mut rig, 2, 10).is_success());
        let mut get = Sqe::get_features(feature::RESERVATION_PERSISTENCE, 0);
        get.nsid = 1.into();
        assert_eq!(rig.admin(get).1, cptpl - 2);
        rig.controller.power_cut(rig.now_ns, CachePolicy::LoseAll, &mut rig.trace);
        rig.now_ns = 0;
        rig.enable();
        rig.create_pair(1, 1);
        set_host(&mut rig, 0xb, false);
        let is_kept = cptpl == 3;
        assert_eq!(access(&mut rig), [!is_kept, !is_kept]);
    }
}

#[test]
fn a_power_cut_takes_the_reservation_of_every_namespace() {
    let mut rig = Rig::over(Config::default(), &[(1, 64), (7, 64)], FaultPlan::none());
    rig.start();
    set_host(&mut rig, 0xa, false);
    for nsid in [1, 7] {
        rig.memory_write(DATA, &[0_u64, 10].map(u64::to_le_bytes).concat());
        let sqe = Sqe::new(NvmOpcode::RESERVATION_REGISTER.0, nsid).with_prp(DATA, 0);
        assert!(rig.run(1, sqe).0.is_success());
    }
    rig.controller.power_cut(rig.now_ns, CachePolicy::LoseAll, &mut rig.trace);
    for nsid in [1, 7] {
        let namespace = rig.controller.allocated(nsid).expect("there");
        assert_eq!(namespace.reservations.registrants().count(), 0, "namespace {nsid}");
    }
}

#[test]
fn a_preempted_host_is_told_when_it_is_back_unless_it_does_not_want_to() {
    for mask in [0, 0b0010] {
        let mut rig = Rig::new();
        set_host(&mut rig, 0xa, false);
        let mut set = Sqe::set_features(feature::RESERVATION_MASK, mask);
        set.nsid = 1.into();
        assert!(rig.admin(set).0.is_success());
        register(&mut rig, 10);
        acquire(&mut rig, 1, 10);
        change_host(&mut rig, 0xb);
        register(&mut rig, 20);
        let preempt = NvmOpcode::RESERVATION_ACQUIRE;
        assert!(reserve(&mut rig, preempt, 1, 1, [20, 10]).is_success());
        let events = |rig: &Rig| {
            rig.seen(|event| match event {
                Event::AsyncEvent { event_type, info, log_page } => {
                    Some((*event_type, *info, *log_page))
                }
                _ => None,
            })
        };
        rig.submit(0, Sqe::async_event_request());
        rig.settle();
        assert!(events(&rig).is_empty(), "it is nothing to the one who did it");
        rig.disable();
        rig.enable();
        rig.create_pair(1, 1);
        rig.submit(0, Sqe::async_event_request());
        rig.settle();
        rig.memory_write(DATA, &0xa_u64.to_le_bytes());
        rig.submit(0, Sqe::set_features(feature::HOST_IDENTIFIER, 0).with_prp(DATA, 0));
        rig.settle();
        rig.reap(0);
        let expected = if mask == 0 { vec![(6, 0, LID_RESERVATION)] } else { Vec::new() };
        assert_eq!(events(&rig), expected);
        let count = u8::from(mask == 0);
        let log = Sqe::get_log_page(LID_RESERVATION, 0, 15, 0);
        let mut read = || {
            rig.memory_write(DATA, &[0xee; 64]);
            rig.submit(0, log.with_prp(DATA, 0));
            rig.settle();
            rig.reap(0);
            rig.data(16)
        };
        assert_eq!(read(), [count, 0, 0, 0, 0, 0, 0, 0, count, 0, 0, 0, count, 0, 0, 0]);
        assert_eq!(read(), [0; 16], "reading it took it");
    }
}
