//! Namespaces that the owner adds, removes and resizes while a guest runs.

use nvme_spec::identify::{IdentifyController, oaes};
use nvme_spec::{Sqe, feature, status};

use super::{heard, listen, log_page};
use crate::rig::{DATA, Rig};
use crate::{
    Config, ConfigError, Event, FaultPlan, Media, NamespaceError, NamespaceInfo, RamMedia,
};

const CHANGED: (u32, u32, u32) = (2, 0, 4);

fn add(rig: &mut Rig, nsid: u32, blocks: u64) -> Result<(), NamespaceError> {
    let media = Box::new(RamMedia::new(blocks, 4096));
    rig.controller.add_namespace(rig.now_ns, nsid, media, &mut rig.trace)
}

fn remove(rig: &mut Rig, nsid: u32) -> Result<Box<dyn Media>, NamespaceError> {
    rig.controller.remove_namespace(rig.now_ns, nsid, &mut rig.trace)
}

fn resize(rig: &mut Rig, nsid: u32, blocks: u64) -> Result<(), NamespaceError> {
    let make = |old: &dyn Media| Ok(old.resized(blocks));
    rig.controller.resize_namespace(rig.now_ns, nsid, make, &mut rig.trace)
}

fn changed(rig: &mut Rig, is_retained: bool) -> Vec<u8> {
    let mut sqe = log_page(4, 0, 4096, 0);
    if is_retained {
        sqe.cdw10 = (sqe.cdw10.get() | 1 << 15).into();
    }
    let (_, page) = rig.prompt_page(sqe);
    page.chunks(4).map(|nsid| nsid[0]).take_while(|nsid| *nsid != 0).collect()
}

/// Total and unallocated capacity, in blocks of 4096 bytes.
fn capacity(rig: &mut Rig) -> (u128, u128) {
    let (_, page) = rig.prompt_page(Sqe::identify(1, 0));
    let id = IdentifyController::from_prefix(&page).expect("4096 bytes");
    (u128::from_le_bytes(id.tnvmcap) / 4096, u128::from_le_bytes(id.unvmcap) / 4096)
}

#[test]
fn capacity_comes_and_goes_with_what_the_owner_plugs_in() {
    let config = Config { unallocated_bytes: 4096, ..Config::default() };
    let mut rig = Rig::with(config, FaultPlan::none());
    assert_eq!(capacity(&mut rig), (1025, 1));
    add(&mut rig, 9, 16).expect("free");
    assert_eq!(capacity(&mut rig), (1041, 1));
    resize(&mut rig, 9, 48).expect("there");
    assert_eq!(capacity(&mut rig), (1073, 1));
    resize(&mut rig, 9, 8).expect("there");
    assert_eq!(capacity(&mut rig), (1033, 1));
    remove(&mut rig, 9).expect("there");
    assert_eq!(capacity(&mut rig), (1025, 1));
}

#[test]
fn a_namespace_that_appears_is_reported_listed_and_usable() {
    let mut rig = Rig::new();
    listen(&mut rig, oaes::NAMESPACE);
    add(&mut rig, 9, 16).expect("free");
    assert_eq!(rig.controller.next_event(), Some(rig.now_ns), "the event is due now");
    assert_eq!(heard(&mut rig), [CHANGED]);
    // The type is masked until the list was read; the list goes on growing.
    add(&mut rig, 4, 16).expect("free");
    assert_eq!(heard(&mut rig), []);
    assert_eq!(changed(&mut rig, true), [4, 9], "retained");
    assert_eq!(changed(&mut rig, false), [4, 9]);
    assert!(changed(&mut rig, false).is_empty(), "cleared by reading");
    assert_eq!(heard(&mut rig), [], "what the list told is no news");
    add(&mut rig, 5, 16).expect("free");
    assert_eq!(heard(&mut rig), [CHANGED]);
    assert!(rig.prompt(1, Sqe::read(9, 15, 0).with_prp(DATA, 0)).0.is_success());
}

#[test]
fn a_change_is_not_reported_to_a_host_that_did_not_ask_but_is_listed() {
    let mut rig = Rig::new();
    listen(&mut rig, 0xff | oaes::FIRMWARE_ACTIVATION);
    add(&mut rig, 2, 16).expect("free");
    assert_eq!(heard(&mut rig), []);
    assert_eq!(changed(&mut rig, false), [2]);
}

#[test]
fn a_command_in_flight_when_its_namespace_goes_ends_and_never_meets_the_next_one() {
    let mut rig = Rig::new();
    rig.memory_write(DATA, &[0x66; 4096]);
    let cid = rig.submit(1, Sqe::write(1, 3, 0, true).with_prp(DATA, 0));
    remove(&mut rig, 1).expect("there");
    add(&mut rig, 1, 16).expect("free again");
    rig.settle();
    let found = rig.reap(1);
    assert_eq!((found.len(), found[0].cid.get()), (1, cid));
    assert_eq!(found[0].status().code, status::INVALID_NAMESPACE);
    assert_eq!(rig.on_media(3), 0);
    assert!(rig.write_block(3, 0x11, true).is_success(), "the new one is used as any");
}

#[test]
fn removing_what_is_not_there_is_an_error_and_no_panic() {
    let mut rig = Rig::new();
    for nsid in [0, 2, u32::MAX] {
        let error = remove(&mut rig, nsid).expect_err("not there");
        assert!(matches!(error, NamespaceError::Missing { nsid: named } if named == nsid));
    }
    remove(&mut rig, 1).expect("there");
    remove(&mut rig, 1).expect_err("gone");
    resize(&mut rig, 1, 4).expect_err("gone");
    assert_eq!(rig.controller.namespaces().count(), 0);
    assert_eq!(rig.run(1, Sqe::flush(1)).0.code, status::INVALID_FIELD);
}

#[test]
fn a_namespace_that_cannot_be_is_refused() {
    let mut rig = Rig::new();
    let error = add(&mut rig, 1, 16).expect_err("in use");
    assert_eq!(error.to_string(), "namespace 1 is there twice, give each its own identifier");
    for (nsid, blocks) in [(0, 16), (33, 16), (2, 0)] {
        assert!(matches!(add(&mut rig, nsid, blocks), Err(NamespaceError::Impossible(_))));
    }
    assert!(matches!(
        resize(&mut rig, 1, 0),
        Err(NamespaceError::Impossible(ConfigError::BadMedia { .. }))
    ));
    assert_eq!(rig.controller.namespaces().collect::<Vec<_>>(), [(1, true)]);
}

#[test]
fn a_removed_namespace_gives_back_media_with_everything_that_was_written() {
    let mut rig = Rig::new();
    rig.write_block(6, 0x5c, false);
    let media = remove(&mut rig, 1).expect("there");
    let mut block = [0; 4096];
    media.read(6, &mut block).expect("RAM");
    assert_eq!(block, [0x5c; 4096]);
}

#[test]
fn a_namespace_grows_and_shrinks_under_its_guest() {
    let mut rig = Rig::new();
    rig.write_block(1023, 0x21, false);
    rig.write_block(10, 0x22, false);
    listen(&mut rig, oaes::NAMESPACE);
    resize(&mut rig, 1, 2000).expect("larger");
    assert_eq!(heard(&mut rig), [CHANGED]);
    assert_eq!(rig.prompt_page(Sqe::identify(0, 1)).1[..8], 2000_u64.to_le_bytes());
    for (lba, value) in [(1023, 0x21), (10, 0x22), (1999, 0)] {
        assert!(rig.prompt(1, Sqe::read(1, lba, 0).with_prp(DATA, 0)).0.is_success());
        assert_eq!(rig.data(4096), vec![value; 4096], "block {lba}");
    }
    resize(&mut rig, 1, 11).expect("smaller");
    let (status, _) = rig.prompt(1, Sqe::read(1, 11, 0).with_prp(DATA, 0));
    assert_eq!(status.code, status::LBA_OUT_OF_RANGE);
    assert!(rig.prompt(1, Sqe::read(1, 10, 0).with_prp(DATA, 0)).0.is_success());
    assert_eq!(rig.data(4096), vec![0x22; 4096]);
    assert!(rig.prompt(1, Sqe::write(1, 10, 0, false).with_prp(DATA, 0)).0.is_success());
}

#[test]
fn the_owner_sees_each_namespace_and_what_is_left_and_each_change_is_an_event() {
    let mut rig = Rig::new();
    let left = rig.controller.unallocated_bytes();
    rig.controller
        .add_namespace(rig.now_ns, 7, Box::new(RamMedia::new(64, 512)), &mut rig.trace)
        .expect("free");
    resize(&mut rig, 7, 65).expect("larger");
    let seven =
        NamespaceInfo { nsid: 7, is_attached: true, size_blocks: 65, block_bytes: 512, file: None };
    let one = NamespaceInfo { nsid: 1, size_blocks: 1024, block_bytes: 4096, ..seven.clone() };
    assert_eq!(rig.controller.namespace_infos(), [one, seven]);
    assert_eq!(rig.controller.unallocated_bytes(), left, "the owner's come on top");
    remove(&mut rig, 7).expect("there");
    assert_eq!(rig.controller.unallocated_bytes(), left);
    let seen = rig.seen(|event| match *event {
        Event::Namespace { nsid, blocks } => Some((nsid, blocks)),
        _ => None,
    });
    assert_eq!(seen, [(7, 64), (7, 65), (7, 0)]);
}

#[test]
fn blocks_that_a_namespace_gains_were_never_written_and_the_others_stay_what_they_were() {
    let mut rig = Rig::new();
    add(&mut rig, 2, 16).expect("free");
    assert!(rig.prompt(1, Sqe::write(2, 15, 0, true).with_prp(DATA, 0)).0.is_success());
    let mut strict = Sqe::set_features(feature::ERROR_RECOVERY, 1 << 16);
    strict.nsid = 2.into();
    assert!(rig.prompt(0, strict).0.is_success());
    for (blocks, written) in [(40, 15), (100, 15), (16, 15)] {
        resize(&mut rig, 2, blocks).expect("in memory");
        for lba in [0, 14, 15, blocks - 1] {
            let (found, _) = rig.prompt(1, Sqe::read(2, lba, 0).with_prp(DATA, 0));
            let expected = if lba == written { status::SUCCESS } else { status::DEALLOCATED_BLOCK };
            assert_eq!(found.code, expected, "block {lba} of {blocks}");
        }
    }
}

#[test]
fn a_rule_meets_whatever_has_its_identifier_when_the_command_comes() {
    let rule = "read nsid=9 => status=media/unrecovered-read dnr".parse().expect("a rule");
    let mut rig = Rig::with(Config::default(), FaultPlan { seed: 1, rules: vec![rule] });
    let read = |rig: &mut Rig, nsid| rig.prompt(1, Sqe::read(nsid, 3, 0).with_prp(DATA, 0)).0.code;
    assert_eq!(read(&mut rig, 1), status::SUCCESS);
    for _ in 0..2 {
        add(&mut rig, 9, 16).expect("free");
        assert_eq!(read(&mut rig, 9), status::UNRECOVERED_READ);
        remove(&mut rig, 9).expect("there");
        assert_eq!(read(&mut rig, 1), status::SUCCESS);
    }
}
