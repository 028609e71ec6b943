//! Sanitize.

use nvme_spec::command::{
    SANACT_BLOCK_ERASE, SANACT_CRYPTO_ERASE, SANACT_EXIT_FAILURE, SANACT_OVERWRITE, Sanitize10,
};
use nvme_spec::log::{SanitizeLog, sstat};
use nvme_spec::{AdminOpcode, Sqe, StatusCode, feature, status};

use super::{command, heard, listen, log_page};
use crate::CachePolicy;
use crate::rig::{DATA, Rig};

fn action(sanact: u32) -> Sanitize10 {
    Sanitize10(0).with_sanact(sanact)
}

fn sanitize(rig: &mut Rig, command10: Sanitize10) -> StatusCode {
    rig.prompt(0, command(AdminOpcode::SANITIZE, 0, command10.0, 0)).0.code
}

fn log(rig: &mut Rig) -> SanitizeLog {
    let (status, page) = rig.prompt_page(log_page(0x81, 0, 512, 0));
    assert!(status.is_success());
    SanitizeLog::from_prefix(&page).expect("512 bytes")
}

/// The state in SSTAT.
fn state(rig: &mut Rig) -> u16 {
    log(rig).sstat.get() & 7
}

#[test]
fn every_kind_leaves_zeros_and_says_so_when_it_is_done() {
    for (sanact, seconds) in
        [(SANACT_BLOCK_ERASE, 5), (SANACT_CRYPTO_ERASE, 1), (SANACT_OVERWRITE, 40)]
    {
        let mut rig = Rig::new();
        rig.write_block(3, 0x33, true);
        rig.write_block(4, 0x44, false);
        assert!(rig.run(1, Sqe::write_uncorrectable(1, 7, 0)).0.is_success());
        listen(&mut rig, 0);
        let begin = rig.now_ns;
        assert_eq!(sanitize(&mut rig, action(sanact).with_owpass(2)), status::SUCCESS);
        assert_eq!((state(&mut rig), rig.on_media(3)), (sstat::IN_PROGRESS, 0x33));
        rig.wait_until(begin + seconds * 500_000_000);
        let half = log(&mut rig).sprog.get();
        assert!((0x7f00..0x8100).contains(&half), "{half:#x}");
        assert_eq!(heard(&mut rig), []);
        rig.wait_until(begin + seconds * 1_000_000_000 + 1_000_000);
        assert_eq!(heard(&mut rig), [(6, 1, 0x81)]);
        let log = log(&mut rig);
        let passes = if sanact == SANACT_OVERWRITE { 2 << 3 } else { 0 };
        let expected = sstat::SUCCESS | sstat::GLOBAL_DATA_ERASED | passes;
        assert_eq!((log.sstat.get(), log.sprog.get()), (expected, 0xffff));
        for lba in [3, 4, 7] {
            assert_eq!(rig.read_block(lba).expect("readable"), vec![0; 4096], "block {lba}");
        }
        rig.write_block(3, 1, false);
        assert_eq!(self::log(&mut rig).sstat.get(), sstat::SUCCESS | passes, "written since");
    }
}

#[test]
fn meanwhile_only_what_the_standard_allows_is_carried_out() {
    let mut rig = Rig::new();
    assert_eq!(sanitize(&mut rig, action(SANACT_BLOCK_ERASE)), status::SUCCESS);
    let refused = status::SANITIZE_IN_PROGRESS;
    assert_eq!(sanitize(&mut rig, action(SANACT_BLOCK_ERASE)), refused);
    for sqe in [Sqe::read(1, 0, 0), Sqe::write(1, 0, 0, false), Sqe::write_zeroes(1, 0, 0)] {
        assert_eq!(rig.prompt(1, sqe.with_prp(DATA, 0)).0.code, refused);
    }
    assert!(rig.prompt(1, Sqe::flush(1)).0.is_success());
    let allowed = [1, 2, 4, 0x80, 0x81].map(|lid| (lid, true));
    let others = [0, 3, 5, 6, 7, 8, 0x0d, 0x0e, 0x12, 0xc0].map(|lid| (lid, false));
    for (lid, is_allowed) in allowed.into_iter().chain(others) {
        let code = rig.prompt_page(log_page(lid, 0, 64, 0)).0.code;
        assert_eq!(code == status::SUCCESS, is_allowed, "page {lid:#x}");
        assert!(is_allowed || code == refused);
    }
    let admin = |opcode: AdminOpcode| command(opcode, 0, 0, 0);
    for (sqe, is_allowed) in [
        (Sqe::identify(1, 0).with_prp(DATA, 0), true),
        (Sqe::get_features(feature::ARBITRATION, 0), true),
        (Sqe::set_features(feature::ARBITRATION, 1), true),
        (Sqe::abort(1, 99), true),
        (admin(AdminOpcode::KEEP_ALIVE), true),
        (admin(AdminOpcode::DEVICE_SELF_TEST), false),
        (admin(AdminOpcode::FIRMWARE_COMMIT), false),
        (command(AdminOpcode::NAMESPACE_MANAGEMENT, 1, 1, 0), false),
        (command(AdminOpcode::GET_LBA_STATUS, 1, 0, 0), false),
    ] {
        let code = rig.prompt(0, sqe).0.code;
        let expected = if is_allowed { status::SUCCESS } else { refused };
        if sqe.opcode() != AdminOpcode::DEVICE_SELF_TEST.0 || !is_allowed {
            assert_eq!(code, expected, "opcode {:#x}", sqe.opcode());
        }
    }
    rig.settle();
    assert!(rig.write_block(0, 1, false).is_success());
}

#[test]
fn a_command_that_was_in_flight_is_refused_too() {
    let mut rig = Rig::new();
    let timing = rig.controller.config().timing.clone();
    assert!(timing.flush_ns > timing.admin_ns);
    rig.memory_write(DATA, &[9; 4096]);
    rig.submit(1, Sqe::write(1, 8, 0, true).with_prp(DATA, 0));
    assert_eq!(sanitize(&mut rig, action(SANACT_BLOCK_ERASE)), status::SUCCESS);
    rig.settle();
    let codes: Vec<StatusCode> = rig.reap(1).iter().map(|cqe| cqe.status().code).collect();
    assert_eq!((codes, rig.on_media(8)), (vec![status::SANITIZE_IN_PROGRESS], 0));
}

#[test]
fn it_goes_on_across_a_reset_and_a_power_cut() {
    let mut rig = Rig::new();
    rig.write_block(3, 0x33, true);
    assert_eq!(sanitize(&mut rig, action(SANACT_BLOCK_ERASE)), status::SUCCESS);
    let begin = rig.now_ns;
    rig.wait_until(begin + 1_000_000_000);
    rig.disable();
    rig.wait_until(begin + 2_000_000_000);
    rig.controller.power_cut(rig.now_ns, CachePolicy::LoseAll, &mut rig.trace);
    rig.now_ns = 0;
    assert_eq!(rig.read32(nvme_spec::register::CSTS), 0);
    assert_eq!(rig.controller.next_event(), Some(3_000_000_000), "the rest");
    rig.wait_until(2_999_999_999);
    assert_eq!(rig.on_media(3), 0x33);
    rig.wait_until(3_000_000_001);
    assert_eq!(rig.on_media(3), 0);
    rig.enable();
    assert_eq!(state(&mut rig), sstat::SUCCESS);
}

#[test]
fn a_failure_blocks_the_device_until_it_is_left_as_its_mode_allows() {
    for ause in [0, 1] {
        let mut rig = Rig::new();
        listen(&mut rig, 0);
        let begun = action(SANACT_BLOCK_ERASE).with_ause(ause);
        assert_eq!(sanitize(&mut rig, begun), status::SUCCESS);
        assert!(rig.controller.fail_sanitize(rig.now_ns, &mut rig.trace));
        assert!(!rig.controller.fail_sanitize(rig.now_ns, &mut rig.trace), "once");
        assert_eq!(heard(&mut rig), [(6, 1, 0x81)]);
        assert_eq!(state(&mut rig), sstat::FAILED);
        let (status, _) = rig.prompt(1, Sqe::read(1, 0, 0).with_prp(DATA, 0));
        assert_eq!(status.code, status::SANITIZE_FAILED);
        let left = sanitize(&mut rig, action(SANACT_EXIT_FAILURE));
        if ause == 1 {
            assert_eq!(left, status::SUCCESS);
        } else {
            assert_eq!(left, status::SANITIZE_FAILED);
            let unrestricted = action(SANACT_BLOCK_ERASE).with_ause(1);
            assert_eq!(sanitize(&mut rig, unrestricted), status::SANITIZE_FAILED);
            assert_eq!(sanitize(&mut rig, action(SANACT_CRYPTO_ERASE)), status::SUCCESS);
            rig.settle();
        }
        rig.reap(0);
        assert!(rig.write_block(0, 1, false).is_success());
    }
}

#[test]
fn keeping_blocks_allocated_is_an_error_or_a_warning_as_configured() {
    let mut rig = Rig::new();
    let kept = action(SANACT_CRYPTO_ERASE).with_ndas(1);
    assert_eq!(sanitize(&mut rig, kept), status::INVALID_FIELD);
    for sanact in [0, 5, 7] {
        assert_eq!(sanitize(&mut rig, action(sanact)), status::INVALID_FIELD);
    }
    assert!(rig.admin(Sqe::set_features(feature::SANITIZE_CONFIG, 1)).0.is_success());
    listen(&mut rig, 0);
    assert_eq!(sanitize(&mut rig, kept), status::SUCCESS);
    rig.settle();
    assert_eq!(heard(&mut rig), [(6, 2, 0x81)]);
    assert_eq!(state(&mut rig), sstat::UNEXPECTED_DEALLOCATION);
}
