//! Firmware download, commit and slots.

use nvme_spec::identify::oaes;
use nvme_spec::{AdminOpcode, Sqe, StatusCode, status};

use super::{command, heard, listen, log_page};
use crate::CachePolicy;
use crate::rig::{DATA, Rig};

fn download(rig: &mut Rig, offset: u32, piece: &[u8]) -> StatusCode {
    rig.memory_write(DATA, piece);
    let dwords_z = piece.len() as u32 / 4 - 1;
    let sqe = command(AdminOpcode::FIRMWARE_DOWNLOAD, 0, dwords_z, offset / 4);
    rig.prompt(0, sqe.with_prp(DATA, DATA + 4096)).0.code
}

fn commit(rig: &mut Rig, slot: u32, action: u32) -> StatusCode {
    rig.prompt(0, command(AdminOpcode::FIRMWARE_COMMIT, 0, action << 3 | slot, 0)).0.code
}

fn image(revision: &str) -> Vec<u8> {
    let mut image = b"swaplab\0".to_vec();
    image.extend(format!("{revision:<8}").bytes());
    image.resize(8192, 0);
    image
}

/// The revision that runs, and the slot log's first byte.
fn running(rig: &mut Rig) -> (String, u8) {
    let (_, id) = rig.prompt_page(Sqe::identify(1, 0));
    let (_, slots) = rig.prompt_page(log_page(3, 0, 512, 0));
    (String::from_utf8_lossy(&id[64..72]).trim_end().into(), slots[0])
}

#[test]
fn firmware_is_downloaded_committed_and_runs_after_the_reset() {
    let mut rig = Rig::new();
    assert_eq!(running(&mut rig), ("1".into(), 1));
    assert_eq!(download(&mut rig, 4096, &image("2.0")[4096..]), status::SUCCESS);
    assert_eq!(download(&mut rig, 0, &image("2.0")[..4096]), status::SUCCESS);
    assert_eq!(commit(&mut rig, 2, 1), status::SUCCESS);
    assert_eq!(running(&mut rig), ("1".into(), 0x21));
    let (_, slots) = rig.prompt_page(log_page(3, 0, 512, 0));
    assert_eq!(
        (&slots[8..16], &slots[16..24], &slots[24..32]),
        (&b"1       "[..], &b"2.0     "[..], &[0; 8][..])
    );
    rig.disable();
    rig.enable();
    assert_eq!(running(&mut rig), ("2.0".into(), 2));
    rig.controller.power_cut(rig.now_ns, CachePolicy::LoseAll, &mut rig.trace);
    rig.now_ns = 0;
    rig.enable();
    assert_eq!(running(&mut rig), ("2.0".into(), 2), "slots survive the loss of power");
    assert_eq!(commit(&mut rig, 1, 2), status::SUCCESS);
    rig.disable();
    rig.enable();
    assert_eq!(running(&mut rig), ("1".into(), 1), "back to what it was made with");
}

#[test]
fn firmware_is_activated_at_once_and_that_is_an_event() {
    let mut rig = Rig::new();
    listen(&mut rig, oaes::FIRMWARE_ACTIVATION);
    assert_eq!(download(&mut rig, 0, &image("3.1")), status::SUCCESS);
    rig.submit(0, command(AdminOpcode::FIRMWARE_COMMIT, 0, 3 << 3, 0));
    rig.settle();
    assert!(heard(&mut rig).contains(&(2, 1, 3)));
    assert_eq!(running(&mut rig), ("3.1".into(), 2));
    rig.submit(0, command(AdminOpcode::FIRMWARE_COMMIT, 0, 3 << 3 | 1, 0));
    rig.settle();
    rig.reap(0);
    assert_eq!(running(&mut rig), ("1".into(), 1));
}

#[test]
fn an_activation_is_no_event_for_a_host_that_did_not_enable_it() {
    let mut rig = Rig::new();
    listen(&mut rig, oaes::NAMESPACE | oaes::TELEMETRY);
    assert_eq!(download(&mut rig, 0, &image("3.1")), status::SUCCESS);
    rig.submit(0, command(AdminOpcode::FIRMWARE_COMMIT, 0, 3 << 3, 0));
    rig.settle();
    assert!(!heard(&mut rig).contains(&(2, 1, 3)));
    assert_eq!(running(&mut rig), ("3.1".into(), 2));
}

#[test]
fn an_image_that_is_only_replaced_does_not_run_after_a_reset() {
    let mut rig = Rig::new();
    assert_eq!(download(&mut rig, 0, &image("2.0")), status::SUCCESS);
    assert_eq!(commit(&mut rig, 3, 0), status::SUCCESS);
    rig.disable();
    rig.enable();
    assert_eq!(running(&mut rig), ("1".into(), 1));
}

#[test]
fn bad_downloads_and_commits_say_why() {
    let mut rig = Rig::new();
    assert_eq!(commit(&mut rig, 2, 0), status::INVALID_FIRMWARE_IMAGE, "nothing there");
    assert_eq!(download(&mut rig, 2048, &image("2")), status::INVALID_FIELD, "alignment");
    assert_eq!(download(&mut rig, 0, &image("2")[..2048]), status::INVALID_FIELD, "granularity");
    assert_eq!(download(&mut rig, 0, &[7; 4096]), status::SUCCESS);
    assert_eq!(download(&mut rig, 0, &image("2")), status::OVERLAPPING_RANGE);
    assert_eq!(commit(&mut rig, 2, 0), status::INVALID_FIRMWARE_IMAGE, "not an image");
    rig.disable();
    rig.enable();
    assert_eq!(download(&mut rig, 0, &image("2")), status::SUCCESS, "a reset drops the pieces");
    assert_eq!(commit(&mut rig, 1, 0), status::INVALID_FIRMWARE_SLOT, "read-only");
    assert_eq!(commit(&mut rig, 4, 0), status::INVALID_FIRMWARE_SLOT);
    assert_eq!(commit(&mut rig, 3, 2), status::INVALID_FIRMWARE_SLOT, "empty");
    for action in 4..8 {
        assert_eq!(commit(&mut rig, 2, action), status::INVALID_FIELD);
    }
    assert_eq!(commit(&mut rig, 2, 1), status::SUCCESS);
    let sanitize = command(AdminOpcode::SANITIZE, 0, 2, 0);
    assert_eq!(rig.prompt(0, sanitize).0.code, status::FIRMWARE_NEEDS_RESET);
    // 256 MiB in one command: refused before a byte is fetched.
    let huge = command(AdminOpcode::FIRMWARE_DOWNLOAD, 0, 0x03ff_ffff, 0);
    assert_eq!(rig.prompt(0, huge.with_prp(DATA, 0)).0.code, status::INVALID_FIELD);
}
