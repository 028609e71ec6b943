//! The persistent event log.

use nvme_spec::identify::IdentifyController;
use nvme_spec::log::{EventHeader, PersistentHeader, event_type};
use nvme_spec::{AdminOpcode, Sqe, StatusCode, status};

use super::{command, log_page};
use crate::CachePolicy;
use crate::rig::{DATA, Rig};

const READ: u32 = 0;
const ESTABLISH: u32 = 1;
const RELEASE: u32 = 2;
const ESTABLISH_HEADER: u32 = 3;

fn read(rig: &mut Rig, action: u32, length: u32, offset: u64) -> (StatusCode, Vec<u8>) {
    let (status, page) = rig.prompt_page(log_page(0x0d, action, length, offset));
    (status.code, page)
}

/// The types of the events, the newest first, and the data of each.
fn events(rig: &mut Rig) -> Vec<(u8, Vec<u8>)> {
    let (code, first) = read(rig, ESTABLISH, 4096, 0);
    assert_eq!(code, status::SUCCESS);
    let header = PersistentHeader::from_prefix(&first).expect("512 bytes");
    let length = header.length_bytes.get() as usize;
    let mut log = first;
    while log.len() < length {
        let at = log.len() as u64;
        log.extend(read(rig, READ, 4096, at).1);
    }
    assert_eq!(read(rig, RELEASE, 512, 0).0, status::SUCCESS);
    let (mut rest, mut found) = (&log[512..length], Vec::new());
    while let Some(event) = EventHeader::from_prefix(rest) {
        let end = 24 + usize::from(event.length.get());
        let supported = header.supported[usize::from(event.event_type / 8)];
        assert_eq!(supported >> (event.event_type % 8) & 1, 1, "type {}", event.event_type);
        found.push((event.event_type, rest[24..end].to_vec()));
        rest = &rest[end..];
    }
    assert_eq!(found.len() as u32, header.events.get());
    found
}

fn types(rig: &mut Rig) -> Vec<u8> {
    events(rig).into_iter().map(|(kind, _)| kind).collect()
}

#[test]
fn what_happens_to_the_device_is_logged_the_newest_first() {
    let mut rig = Rig::new();
    let before = types(&mut rig).len();
    rig.memory_write(DATA, &7_000_u64.to_le_bytes());
    assert!(rig.prompt(0, Sqe::set_features(0x0e, 0).with_prp(DATA, 0)).0.is_success());
    rig.prompt(0, command(AdminOpcode::FIRMWARE_COMMIT, 0, 2, 0));
    assert!(rig.prompt(0, command(AdminOpcode::NAMESPACE_MANAGEMENT, 1, 1, 0)).0.is_success());
    rig.controller.set_temperature(rig.now_ns, 400, &mut rig.trace);
    assert!(rig.prompt_page(log_page(7, 1, 512, 0)).0.is_success());
    rig.controller.set_temperature(rig.now_ns, 300, &mut rig.trace);
    assert!(rig.prompt(0, command(AdminOpcode::SANITIZE, 0, 2, 0)).0.is_success());
    rig.settle();
    rig.controller.set_critical_warning(rig.now_ns, 4, &mut rig.trace);
    let log = events(&mut rig);
    let kinds: Vec<u8> = log[..log.len() - before].iter().map(|(kind, _)| *kind).collect();
    let expected = [
        event_type::HARDWARE_ERROR,
        event_type::SANITIZE_COMPLETION,
        event_type::SANITIZE_START,
        event_type::THERMAL_EXCURSION,
        event_type::TELEMETRY_CREATED,
        event_type::THERMAL_EXCURSION,
        event_type::CHANGE_NAMESPACE,
        event_type::FIRMWARE_COMMIT,
        event_type::TIMESTAMP_CHANGE,
    ];
    assert_eq!(kinds, expected);
    assert_eq!((&log[0].1[..], log[4].1.len()), (&[6, 0, 0, 0, 4, 0, 0, 0][..], 512));
    assert_eq!((&log[5].1[..], &log[3].1[..]), (&[47, 2][..], &[0, 0][..]), "over and back");
    let deleted = &log[6].1;
    assert_eq!((deleted[0], deleted[8..10].to_vec(), deleted[44]), (1, vec![0, 4], 1));
    let commit = &log[7].1;
    assert_eq!((&commit[..8], &commit[16..20]), (&b"1       "[..], &[0, 2, 1, 7][..]));
}

#[test]
fn resets_power_cuts_failures_and_media_errors_are_logged() {
    let mut rig =
        Rig::faulty(&["read nth=1 => status=media/unrecovered-read", "flush nth=1 => cfs"]);
    rig.read_block(0).expect_err("injected");
    rig.submit(1, Sqe::flush(1));
    rig.settle();
    rig.disable();
    rig.controller.power_cut(rig.now_ns, CachePolicy::LoseAll, &mut rig.trace);
    rig.now_ns = 0;
    rig.enable();
    let log = events(&mut rig);
    let kinds: Vec<u8> = log.iter().map(|(kind, _)| *kind).collect();
    let expected = [
        event_type::SMART_SNAPSHOT,
        event_type::HARDWARE_ERROR,
        event_type::POWER_ON_OR_RESET,
        event_type::POWER_ON_OR_RESET,
        event_type::TELEMETRY_CREATED,
        event_type::HARDWARE_ERROR,
        event_type::HARDWARE_ERROR,
    ];
    assert_eq!(kinds, expected);
    let codes: Vec<u8> = [1, 5, 6].map(|index: usize| log[index].1[0]).to_vec();
    assert_eq!(codes, [0x08, 0x09, 0x0a], "power loss, fatal, media");
    assert_eq!(&log[3].1[..8], b"1       ");
}

#[test]
fn a_context_is_frozen_exclusive_and_lost_at_a_reset() {
    let mut rig = Rig::new();
    assert_eq!(read(&mut rig, READ, 512, 0).0, status::COMMAND_SEQUENCE_ERROR);
    let (code, header) = read(&mut rig, ESTABLISH_HEADER, 4096, 0);
    assert_eq!((code, header[512], &header[374..378]), (status::SUCCESS, 0xee, &[0; 4][..]));
    assert_eq!(read(&mut rig, ESTABLISH, 512, 0).0, status::COMMAND_SEQUENCE_ERROR);
    let (code, again) = read(&mut rig, ESTABLISH_HEADER, 4096, 0);
    assert_eq!((code, &again[374..378]), (status::SUCCESS, &[0, 0, 5, 0][..]), "it existed");
    rig.controller.set_critical_warning(rig.now_ns, 4, &mut rig.trace);
    assert_eq!(read(&mut rig, READ, 512, 0).1[4..16], header[4..16], "frozen");
    for _ in 0..2 {
        assert_eq!(read(&mut rig, RELEASE, 4, 3).0, status::SUCCESS);
    }
    let (_, next) = read(&mut rig, ESTABLISH, 512, 0);
    assert_eq!((next[4], next[372]), (header[4] + 1, header[372] + 1));
    rig.disable();
    rig.enable();
    assert_eq!(read(&mut rig, READ, 512, 0).0, status::COMMAND_SEQUENCE_ERROR);
}

#[test]
fn the_header_names_the_device_and_identify_says_how_large_it_gets() {
    let mut rig = Rig::new();
    let (_, id) = rig.admin_page(Sqe::identify(1, 0));
    let id = IdentifyController::from_prefix(&id).expect("4096 bytes");
    let (_, page) = read(&mut rig, ESTABLISH, 512, 0);
    let header = PersistentHeader::from_prefix(&page).expect("512 bytes");
    assert_eq!((header.sn, header.mn, header.subnqn), (id.sn, id.mn, id.subnqn));
    assert_eq!((header.lid, header.header_length.get() + 20), (0x0d, 512));
    assert_eq!((id.pels.get(), id.lpa >> 4 & 1), (1, 1));
}
