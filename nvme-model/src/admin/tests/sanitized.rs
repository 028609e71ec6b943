//! What a sanitize hides while it goes on, what it leaves, and how it fails.

use nvme_spec::command::{SANACT_BLOCK_ERASE, Sanitize10};
use nvme_spec::log::{SanitizeLog, sstat};
use nvme_spec::{AdminOpcode, Sqe, status};

use super::{command, heard, listen, log_page};
use crate::crash::CrashPoint;
use crate::rig::{DATA, Rig};
use crate::{Config, FaultPlan};

fn start(rig: &mut Rig) {
    let erase = Sanitize10(0).with_sanact(SANACT_BLOCK_ERASE).with_ause(1);
    assert!(rig.prompt(0, command(AdminOpcode::SANITIZE, 0, erase.0, 0)).0.is_success());
}

/// The state in the sanitize log.
fn state(rig: &mut Rig) -> u16 {
    let (_, page) = rig.prompt_page(log_page(0x81, 0, 512, 0));
    SanitizeLog::from_prefix(&page).expect("512 bytes").sstat.get() & 7
}

/// The block that the newest entry of the error log names.
fn blamed_block(rig: &mut Rig) -> u64 {
    let (status, page) = rig.prompt_page(log_page(1, 0, 64, 0));
    assert!(status.is_success());
    u64::from_le_bytes(page[16..24].try_into().expect("8 bytes"))
}

#[test]
fn the_error_log_names_no_block_while_a_sanitize_goes_on_or_has_failed() {
    let mut rig = Rig::new();
    assert!(rig.run(1, Sqe::write_uncorrectable(1, 7, 0)).0.is_success());
    rig.read_block(7).expect_err("uncorrectable");
    assert_eq!(blamed_block(&mut rig), 7);
    start(&mut rig);
    assert_eq!(blamed_block(&mut rig), 0);
    assert!(rig.controller.fail_sanitize(rig.now_ns, &mut rig.trace));
    assert_eq!(blamed_block(&mut rig), 0);
}

#[test]
fn a_rule_until_rewrite_is_healed() {
    let mut rig = Rig::faulty(&["read lba=7 => status=media/unrecovered-read until-rewrite"]);
    rig.read_block(7).expect_err("bad");
    start(&mut rig);
    rig.settle();
    rig.reap(0);
    rig.read_block(7).expect("healed: it was erased");
}

/// Attaches (0) or detaches (1) namespace 2.
fn attach(rig: &mut Rig, select: u32) {
    // A controller list of one: ours.
    rig.memory_write(DATA, &[1, 0, 0, 0]);
    let sqe = command(AdminOpcode::NAMESPACE_ATTACHMENT, 2, select, 0).with_prp(DATA, 0);
    assert!(rig.prompt(0, sqe).0.is_success());
}

#[test]
fn a_namespace_that_is_detached_is_erased_too() {
    let mut rig = Rig::over(Config::default(), &[(1, 64), (2, 64)], FaultPlan::none());
    rig.enable();
    rig.create_pair(1, 1);
    rig.memory_write(DATA, &[9; 4096]);
    assert!(rig.run(1, Sqe::write(2, 3, 0, true).with_prp(DATA, 0)).0.is_success());
    attach(&mut rig, 1);
    start(&mut rig);
    rig.settle();
    rig.reap(0);
    attach(&mut rig, 0);
    assert!(rig.run(1, Sqe::read(2, 3, 0).with_prp(DATA, 0)).0.is_success());
    assert_eq!(rig.data(4096), [0; 4096]);
}

#[test]
fn the_end_of_an_older_one_is_not_reported_once_another_has_begun() {
    let mut rig = Rig::new();
    start(&mut rig);
    rig.settle();
    // It has ended, and no request was there to tell.
    start(&mut rig);
    listen(&mut rig, 0);
    assert_eq!(heard(&mut rig), []);
    rig.settle();
    assert_eq!(heard(&mut rig), [(6, 1, 0x81)]);
}

#[test]
fn what_was_written_before_comes_back_at_no_power_cut() {
    let mut rig = Rig::new();
    rig.controller.start_write_log(1).expect("RAM");
    for lba in 0..8 {
        rig.write_block(lba, 9, false);
    }
    let images = |rig: &Rig| {
        let log = rig.controller.write_log(1).expect("started");
        CrashPoint::at(log, log.end()).expect("RAM").space().count()
    };
    assert_eq!(images(&rig), Some(256));
    start(&mut rig);
    rig.settle();
    rig.reap(0);
    assert_eq!(images(&rig), Some(1), "a sanitize that is done is durable");
    let log = rig.controller.write_log(1).expect("started");
    let point = CrashPoint::at(log, log.end()).expect("RAM");
    let mut block = [1; 4096];
    crate::Media::read(point.settled(), 3, &mut block).expect("RAM");
    assert_eq!(block, [0; 4096]);
}

#[test]
fn a_rule_makes_it_fail_when_it_would_be_done_and_telemetry_says_so() {
    let mut rig = Rig::faulty(&["sanitize nth=1 => sanitize-fails"]);
    rig.write_block(3, 9, true);
    listen(&mut rig, 0);
    let begin = rig.now_ns;
    start(&mut rig);
    rig.wait_until(begin + 4_900_000_000);
    assert_eq!((state(&mut rig), heard(&mut rig)), (sstat::IN_PROGRESS, vec![]));
    rig.wait_until(begin + 5_100_000_000);
    assert_eq!(heard(&mut rig), [(6, 1, 0x81)]);
    assert_eq!((state(&mut rig), rig.on_media(3)), (sstat::FAILED, 9));
    let (status, _) = rig.prompt(1, Sqe::read(1, 3, 0).with_prp(DATA, 0));
    assert_eq!(status.code, status::SANITIZE_FAILED);
    // What is in telemetry cannot be read in this state: the mode is left by another sanitize.
    start(&mut rig);
    rig.settle();
    rig.reap(0);
    assert_eq!((state(&mut rig), rig.on_media(3)), (sstat::SUCCESS, 0), "the rule is about one");
    let (_, page) = rig.prompt_page(log_page(8, 0, 512, 0));
    assert_eq!(&page[384..400], b"sanitize-failed\0");
}
