//! Enable, identify, read, write, flush.

use nvme_spec::identify::{IdentifyController, IdentifyNamespace};
use nvme_spec::register as reg;
use nvme_spec::{NSID_BROADCAST, Sqe, status};

use crate::rig::{DATA, Rig};
use crate::{CachePolicy, Config, Event, FaultPlan, GuestMemory, LabWake};

#[test]
fn the_controller_is_ready_some_time_after_it_was_enabled() {
    let mut rig = Rig::off(Config::default(), FaultPlan::none());
    rig.enable();
    assert_eq!(rig.now_ns, rig.controller.config().timing.ready_ns);
}

#[test]
fn identify_knows_command_sets_controllers_and_allocated_namespaces() {
    let mut rig = Rig::new();
    let (_, active) = rig.admin_page(Sqe::identify(2, 0));
    let (_, namespace) = rig.admin_page(Sqe::identify(0, 1));
    let same = [(0x07, 0, &active), (0x10, 0, &active), (0x1a, 0, &active), (0x11, 1, &namespace)];
    for (cns, nsid, page) in same {
        assert!(rig.admin_page(Sqe::identify(cns, nsid)).1 == *page, "{cns:#x}");
    }
    // CNS, namespace, and the first bytes of the answer that are not zero.
    for (cns, nsid, at, value) in [
        (0x05, 1, 0, 0),
        (0x06, 0, 0, 0),
        (0x08, 1, 14, 1),
        (0x12, 1, 0, 1),
        (0x13, 0, 0, 1),
        (0x1c, 0, 0, 1),
    ] {
        let (status, page) = rig.admin_page(Sqe::identify(cns, nsid));
        assert!(status.is_success(), "{cns:#x}");
        let mut expected = vec![0; 4096];
        expected[at] = value;
        assert!(page == expected, "{cns:#x}");
    }
    for cns in [0x03, 0x05, 0x08] {
        let (status, _) = rig.admin_page(Sqe::identify(cns, 2));
        assert_eq!(status.code, status::INVALID_FIELD, "{cns:#x}");
    }
    for cns in [0x03, 0x05, 0x08, 0x11, 0x12, 0x1b] {
        let (status, _) = rig.admin_page(Sqe::identify(cns, 33));
        assert_eq!(status.code, status::INVALID_NAMESPACE, "{cns:#x}");
    }
    for cns in [0x05, 0x06, 0x07, 0x1a, 0x1b] {
        let mut zoned = Sqe::identify(cns, 1);
        zoned.cdw11 = (2 << 24).into();
        let (status, _) = rig.admin_page(zoned);
        assert_eq!(status.code, status::INVALID_FIELD, "{cns:#x}");
    }
    let mut beyond = Sqe::identify(0x13, 0);
    beyond.cdw10 = (1 << 16 | 0x13).into();
    assert!(rig.admin_page(beyond).1.iter().all(|byte| *byte == 0));
    let mut other = Sqe::identify(0x1c, 0);
    other.cdw10 = (1 << 16 | 0x1c).into();
    assert_eq!(rig.admin_page(other).0.code, status::INVALID_FIELD);
}

#[test]
fn identify_answers_what_a_driver_asks() {
    let mut rig = Rig::new();
    let (status, page) = rig.admin_page(Sqe::identify(1, 0));
    assert!(status.is_success());
    let id = IdentifyController::from_prefix(&page).expect("4096 bytes");
    assert_eq!(&id.sn, b"SWAPLAB0001         ");
    assert_eq!((id.mdts, id.nn.get(), id.sqes, id.cqes), (7, 32, 0x66, 0x44));
    let (_, page) = rig.admin_page(Sqe::identify(0, 1));
    let ns = IdentifyNamespace::from_prefix(&page).expect("4096 bytes");
    assert_eq!((ns.nsze.get(), ns.format().map(|f| f.lbads)), (1024, Some(12)));
    let (_, page) = rig.admin_page(Sqe::identify(2, 0));
    assert_eq!(page[..8], [1, 0, 0, 0, 0, 0, 0, 0]);
    let (_, page) = rig.admin_page(Sqe::identify(3, 1));
    assert_eq!(page[..4], [1, 8, 0, 0]);
    let (status, _) = rig.admin_page(Sqe::identify(0x55, 0));
    assert_eq!(status.code, status::INVALID_FIELD);
    let (status, inactive) = rig.admin_page(Sqe::identify(0, 2));
    assert!(status.is_success() && inactive.iter().all(|byte| *byte == 0));
    for nsid in [0, 33, u32::MAX - 1] {
        assert_eq!(rig.admin_page(Sqe::identify(0, nsid)).0.code, status::INVALID_NAMESPACE);
    }
}

#[test]
fn what_is_written_is_read_back() {
    let mut rig = Rig::new();
    assert!(rig.write_block(7, 0x5a, false).is_success());
    assert_eq!(rig.read_block(7).expect("a good block"), vec![0x5a; 4096]);
    assert_eq!(rig.read_block(8).expect("a fresh block"), vec![0; 4096]);
}

#[test]
fn a_long_transfer_goes_through_a_prp_list() {
    let mut rig = Rig::new();
    let data: Vec<u8> = (0..8 * 4096).map(|i| (i / 4096 * 16 + i % 7) as u8).collect();
    rig.memory.write(DATA, &data).expect("data pages");
    let list = DATA + 60 * 4096 + 8;
    for i in 1..8_u64 {
        rig.memory.write(list + (i - 1) * 8, &(DATA + i * 4096).to_le_bytes()).expect("list");
    }
    assert!(rig.run(1, Sqe::write(1, 100, 7, false).with_prp(DATA, list)).0.is_success());
    rig.memory.write(DATA, &vec![0; 8 * 4096]).expect("data pages");
    assert!(rig.run(1, Sqe::read(1, 100, 7).with_prp(DATA, list)).0.is_success());
    assert_eq!(rig.data(8 * 4096), data);
}

#[test]
fn a_cached_write_is_lost_with_the_power_and_a_flushed_one_is_not() {
    let mut rig = Rig::new();
    rig.write_block(1, 0x11, false);
    assert!(rig.run(1, Sqe::flush(NSID_BROADCAST)).0.is_success());
    rig.write_block(2, 0x22, true);
    rig.write_block(3, 0x33, false);
    rig.write_block(1, 0x44, false);
    rig.controller.power_cut(rig.now_ns, CachePolicy::LoseAll, &mut rig.trace);
    let blocks: Vec<u8> = (1..4).map(|lba| rig.on_media(lba)).collect();
    assert_eq!(blocks, [0x11, 0x22, 0]);
    assert_eq!(rig.read32(reg::CSTS), 0);
    let cuts = rig.seen(|event| match event {
        Event::PowerCut { lost_blocks, lost_commands } => Some((*lost_blocks, *lost_commands)),
        _ => None,
    });
    assert_eq!(cuts, [(2, 0)]);
}

#[test]
fn waiting_takes_exactly_the_commands_time() {
    let mut rig = Rig::new();
    let begin = rig.now_ns;
    rig.lines.0.clear();
    rig.submit(1, Sqe::read(1, 0, 0).with_prp(DATA, 0));
    assert_eq!(rig.wait(1, begin + 80_999), LabWake::Deadline);
    assert_eq!(rig.now_ns, begin + 80_999);
    assert_eq!(rig.wait(1, u64::MAX), LabWake::Interrupt);
    assert_eq!(rig.now_ns, begin + 81_000);
    assert_eq!(rig.wait(1, u64::MAX), LabWake::Forever);
}

#[test]
fn the_same_run_has_the_same_trace() {
    let run = || {
        let mut rig = Rig::new();
        rig.write_block(1, 1, false);
        rig.write_block(2, 2, true);
        rig.run(1, Sqe::flush(1));
        rig.trace
    };
    assert_eq!(run(), run());
}
