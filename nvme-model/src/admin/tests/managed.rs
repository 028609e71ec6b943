//! Namespace Management and Namespace Attachment.

use nvme_spec::identify::{IdentifyController, IdentifyNamespace, oaes};
use nvme_spec::{AdminOpcode, NSID_BROADCAST, Sqe, StatusCode, status};

use super::{command, heard, listen};
use crate::rig::{DATA, Rig};
use crate::{Config, FaultPlan};

const UNALLOCATED: u64 = 64 << 20;

fn rig() -> Rig {
    let config = Config { unallocated_bytes: UNALLOCATED, ..Config::default() };
    Rig::with(config, FaultPlan::none())
}

/// The data of a creation: blocks, capacity, format, and one more byte somewhere.
fn wanted(nsze: u64, ncap: u64, flbas: u8, extra: Option<usize>) -> Vec<u8> {
    let mut data = vec![0; 4096];
    data[..8].copy_from_slice(&nsze.to_le_bytes());
    data[8..16].copy_from_slice(&ncap.to_le_bytes());
    data[26] = flbas;
    if let Some(at) = extra {
        data[at] = 1;
    }
    data
}

fn create(rig: &mut Rig, data: &[u8]) -> (StatusCode, u32) {
    rig.memory_write(DATA, data);
    let sqe = command(AdminOpcode::NAMESPACE_MANAGEMENT, 0, 0, 0);
    let (status, nsid) = rig.prompt(0, sqe.with_prp(DATA, 0));
    (status.code, nsid)
}

fn delete(rig: &mut Rig, nsid: u32) -> StatusCode {
    rig.prompt(0, command(AdminOpcode::NAMESPACE_MANAGEMENT, nsid, 1, 0)).0.code
}

/// Attaches (0) or detaches (1) the controllers of a list.
fn attach(rig: &mut Rig, nsid: u32, select: u32, controllers: &[u16]) -> StatusCode {
    let mut list = vec![0; 4096];
    list[..2].copy_from_slice(&(controllers.len() as u16).to_le_bytes());
    for (to, id) in list[2..].chunks_mut(2).zip(controllers) {
        to.copy_from_slice(&id.to_le_bytes());
    }
    rig.memory_write(DATA, &list);
    let sqe = command(AdminOpcode::NAMESPACE_ATTACHMENT, nsid, select, 0);
    rig.prompt(0, sqe.with_prp(DATA, 0)).0.code
}

fn list(rig: &mut Rig, cns: u8) -> Vec<u8> {
    let (_, page) = rig.prompt_page(Sqe::identify(cns, 0));
    page.chunks(4).map(|nsid| nsid[0]).take_while(|nsid| *nsid != 0).collect()
}

fn unallocated(rig: &mut Rig) -> u128 {
    let (_, page) = rig.prompt_page(Sqe::identify(1, 0));
    let id = IdentifyController::from_prefix(&page).expect("4096 bytes");
    assert_eq!(u128::from_le_bytes(id.tnvmcap), u128::from(UNALLOCATED + 1024 * 4096));
    u128::from_le_bytes(id.unvmcap)
}

#[test]
fn a_namespace_is_created_attached_used_detached_and_deleted() {
    let mut rig = rig();
    let whole = unallocated(&mut rig);
    assert_eq!(create(&mut rig, &wanted(4096, 4096, 0, None)), (status::SUCCESS, 2));
    assert_eq!(unallocated(&mut rig), whole - 4096 * 512);
    assert_eq!((list(&mut rig, 0x10), list(&mut rig, 2)), (vec![1, 2], vec![1]));
    let (_, page) = rig.prompt_page(Sqe::identify(0x11, 2));
    let id = IdentifyNamespace::from_prefix(&page).expect("4096 bytes");
    assert_eq!((id.nsze.get(), id.format().map(|format| format.lbads)), (4096, Some(9)));
    assert!(rig.prompt_page(Sqe::identify(0, 2)).1.iter().all(|byte| *byte == 0), "inactive");
    assert_eq!(rig.prompt_page(Sqe::identify(0x12, 2)).1[..2], [0, 0]);
    let read = Sqe::read(2, 9, 0).with_prp(DATA, 0);
    assert_eq!(rig.prompt(1, read).0.code, status::INVALID_FIELD, "not attached");

    assert_eq!(attach(&mut rig, 2, 0, &[0]), status::SUCCESS);
    assert_eq!(list(&mut rig, 2), [1, 2]);
    assert_eq!(rig.prompt_page(Sqe::identify(0x12, 2)).1[..4], [1, 0, 0, 0]);
    rig.memory_write(DATA, &[0x77; 512]);
    assert!(rig.prompt(1, Sqe::write(2, 9, 0, false).with_prp(DATA, 0)).0.is_success());

    assert_eq!(attach(&mut rig, 2, 1, &[0]), status::SUCCESS);
    assert_eq!(rig.prompt(1, read).0.code, status::INVALID_FIELD);
    assert_eq!(attach(&mut rig, 2, 0, &[0]), status::SUCCESS);
    assert!(rig.prompt(1, read).0.is_success());
    assert_eq!(rig.data(512), [0x77; 512], "what was cached is not lost by detaching");

    assert_eq!(delete(&mut rig, 2), status::SUCCESS);
    assert_eq!((list(&mut rig, 0x10), unallocated(&mut rig)), (vec![1], whole));
    assert_eq!(rig.prompt(1, read).0.code, status::INVALID_FIELD);
    assert_eq!(create(&mut rig, &wanted(4096, 4096, 0, None)), (status::SUCCESS, 2));
    assert_eq!(attach(&mut rig, 2, 0, &[0]), status::SUCCESS);
    assert!(rig.prompt(1, read).0.is_success());
    assert_eq!(rig.data(512), [0; 512], "nothing comes back from a deleted namespace");
}

#[test]
fn an_impossible_creation_says_why() {
    let mut rig = rig();
    let blocks = UNALLOCATED / 4096;
    let cases = [
        (wanted(0, 0, 1, None), status::INVALID_FIELD),
        (wanted(8, 8, 0x0f, None), status::INVALID_FORMAT),
        (wanted(8, 8, 0xff, None), status::INVALID_FORMAT),
        (wanted(8, 7, 1, None), status::THIN_PROVISIONING_NOT_SUPPORTED),
        (wanted(blocks + 1, blocks + 1, 1, None), status::NAMESPACE_INSUFFICIENT_CAPACITY),
        (wanted(u64::MAX, u64::MAX, 1, None), status::NAMESPACE_INSUFFICIENT_CAPACITY),
        (wanted(8, 8, 1, Some(29)), status::INVALID_FORMAT),
        (wanted(8, 8, 1, Some(30)), status::INVALID_FIELD),
        (wanted(8, 8, 1, Some(92)), status::INVALID_FIELD),
        (wanted(8, 8, 1, Some(102)), status::INVALID_FIELD),
        (wanted(blocks, blocks, 1, None), status::SUCCESS),
        (wanted(1, 1, 0, None), status::NAMESPACE_INSUFFICIENT_CAPACITY),
    ];
    for (data, code) in cases {
        assert_eq!(create(&mut rig, &data).0, code, "{:?}", &data[..32]);
    }
    let zoned = command(AdminOpcode::NAMESPACE_MANAGEMENT, 0, 0, 2 << 24).with_prp(DATA, 0);
    assert_eq!(rig.prompt(0, zoned).0.code, status::COMMAND_SET_NOT_SUPPORTED);
    let unknown = command(AdminOpcode::NAMESPACE_MANAGEMENT, 1, 2, 0);
    assert_eq!(rig.prompt(0, unknown).0.code, status::INVALID_FIELD);
}

#[test]
fn a_namespace_is_created_with_metadata_and_protection_and_without_a_written_block() {
    let mut rig = rig();
    // Format 2: 512 bytes with 8 of metadata; protection information of type 1.
    assert_eq!(create(&mut rig, &wanted(64, 64, 2, Some(29))), (status::SUCCESS, 2));
    assert_eq!(attach(&mut rig, 2, 0, &[0]), status::SUCCESS);
    let (_, page) = rig.prompt_page(Sqe::identify(0, 2));
    let id = IdentifyNamespace::from_prefix(&page).expect("4096 bytes");
    let format = *id.format().expect("a format");
    assert_eq!((format.lbads, format.ms.get(), id.dps), (9, 8, 1));
    assert_eq!(u128::from_le_bytes(id.nvmcap), 64 * 512);
    let mut strict = Sqe::set_features(nvme_spec::feature::ERROR_RECOVERY, 1 << 16);
    strict.nsid = 2.into();
    assert!(rig.prompt(0, strict).0.is_success());
    let mut read = Sqe::read(2, 0, 0).with_prp(DATA, 0);
    read.mptr = (DATA + 4096).into();
    assert_eq!(rig.prompt(1, read).0.code, status::DEALLOCATED_BLOCK);
}

#[test]
fn namespaces_run_out_of_identifiers() {
    let mut rig = rig();
    for nsid in 2..=32 {
        assert_eq!(create(&mut rig, &wanted(1, 1, 0, None)), (status::SUCCESS, nsid));
    }
    assert_eq!(create(&mut rig, &wanted(1, 1, 0, None)).0, status::NAMESPACE_ID_UNAVAILABLE);
    assert_eq!(delete(&mut rig, 7), status::SUCCESS);
    assert_eq!(create(&mut rig, &wanted(1, 1, 0, None)), (status::SUCCESS, 7));
}

#[test]
fn an_impossible_attachment_says_why() {
    let mut rig = rig();
    assert_eq!(create(&mut rig, &wanted(8, 8, 0, None)).1, 2);
    let cases: [(u32, u32, &[u16], StatusCode); 11] = [
        (1, 0, &[0], status::NAMESPACE_ALREADY_ATTACHED),
        (2, 1, &[0], status::NAMESPACE_NOT_ATTACHED),
        (2, 0, &[], status::CONTROLLER_LIST_INVALID),
        (2, 0, &[1], status::CONTROLLER_LIST_INVALID),
        (2, 0, &[0, 1], status::CONTROLLER_LIST_INVALID),
        (2, 2, &[0], status::INVALID_FIELD),
        (3, 0, &[0], status::INVALID_FIELD),
        (0, 0, &[0], status::INVALID_NAMESPACE),
        (33, 0, &[0], status::INVALID_NAMESPACE),
        (NSID_BROADCAST, 0, &[0], status::INVALID_FIELD),
        (2, 0, &[0], status::SUCCESS),
    ];
    for (nsid, select, controllers, code) in cases {
        assert_eq!(attach(&mut rig, nsid, select, controllers), code, "{nsid} {select}");
    }
    assert_eq!(delete(&mut rig, 3), status::INVALID_FIELD);
    assert_eq!(delete(&mut rig, 33), status::INVALID_NAMESPACE);
}

#[test]
fn all_namespaces_are_deleted_at_once_even_if_there_are_none() {
    let mut rig = rig();
    assert_eq!(create(&mut rig, &wanted(8, 8, 0, None)).1, 2);
    for _ in 0..2 {
        assert_eq!(delete(&mut rig, NSID_BROADCAST), status::SUCCESS);
        assert_eq!((list(&mut rig, 0x10), list(&mut rig, 2)), (vec![], vec![]));
    }
    assert_eq!(unallocated(&mut rig), u128::from(UNALLOCATED + 1024 * 4096));
}

#[test]
fn a_namespace_that_the_guest_made_is_atomic_as_identify_says() {
    let config = Config {
        unallocated_bytes: UNALLOCATED,
        atomic_blocks: 4,
        atomic_boundary_blocks: 8,
        ..Config::default()
    };
    let mut rig = Rig::with(config, FaultPlan::none());
    assert_eq!(create(&mut rig, &wanted(64, 64, 0, None)).1, 2);
    assert_eq!(attach(&mut rig, 2, 0, &[0]), status::SUCCESS);
    let said = |rig: &mut Rig, nsid| {
        let (_, page) = rig.prompt_page(Sqe::identify(0, nsid));
        let id = IdentifyNamespace::from_prefix(&page).expect("4096 bytes");
        (id.nawupf_z.get(), id.nabspf.get())
    };
    assert_eq!(said(&mut rig, 2), said(&mut rig, 1));
    let atomicity = |nsid| rig.controller.allocated(nsid).map(|namespace| namespace.atomicity);
    assert_eq!(atomicity(2), atomicity(1));
    assert_eq!(atomicity(2).map(|atomicity| atomicity.unit_blocks), Some(4));
}

#[test]
fn attaching_is_an_event_and_creating_is_none() {
    let mut rig = rig();
    listen(&mut rig, oaes::NAMESPACE);
    assert_eq!(create(&mut rig, &wanted(8, 8, 0, None)).1, 2);
    assert_eq!(heard(&mut rig), []);
    // The attachment's own completion and the event come together.
    assert_eq!(attach(&mut rig, 2, 0, &[0]), status::SUCCESS);
    let (_, page) = rig.prompt_page(Sqe::get_log_page(4, 0, 1023, 0));
    assert_eq!(page[..8], [2, 0, 0, 0, 0, 0, 0, 0]);
    let reported = rig.seen(|event| match event {
        crate::Event::AsyncEvent { event_type, info, log_page } => {
            Some((*event_type, *info, *log_page))
        }
        _ => None,
    });
    assert_eq!(reported, [(2, 0, 4)]);
}

#[test]
fn an_abort_over_the_limit_of_identify_is_refused() {
    let mut rig = rig();
    for cid in 0..5 {
        rig.enqueue(0, 100 + cid, Sqe::abort(1, 0x7777));
    }
    rig.submit_as(0, 105, Sqe::abort(1, 0x7777));
    rig.settle();
    let mut found: Vec<_> =
        rig.reap(0).iter().map(|cqe| (cqe.cid.get(), cqe.status().code)).collect();
    found.sort_unstable_by_key(|(cid, _)| *cid);
    let codes: Vec<StatusCode> = found.into_iter().map(|(_, code)| code).collect();
    let limit = status::ABORT_LIMIT_EXCEEDED;
    assert_eq!(codes[..4], [status::SUCCESS; 4]);
    assert_eq!(codes[4..], [limit, limit]);
}
