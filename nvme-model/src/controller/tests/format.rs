//! Format NVM: time, errors, what is left.

use nvme_spec::command::FormatNvm10;
use nvme_spec::identify::IdentifyNamespace;
use nvme_spec::{NSID_BROADCAST, Sqe, Status, StatusCode, status};

use crate::rig::{DATA, Rig};

fn how(index: u32) -> FormatNvm10 {
    FormatNvm10(0).with_lbafl(index & 0xf).with_lbafu(index >> 4)
}

fn format(rig: &mut Rig, nsid: u32, how: FormatNvm10) -> Status {
    rig.admin(Sqe::format_nvm(nsid, how)).0
}

fn identify(rig: &mut Rig) -> IdentifyNamespace {
    let (_, page) = rig.admin_page(Sqe::identify(0, 1));
    IdentifyNamespace::from_prefix(&page).expect("4096 bytes")
}

#[test]
fn every_format_of_identify_can_be_had_and_keeps_the_capacity() {
    let mut rig = Rig::new();
    let before = identify(&mut rig);
    assert!(before.nlbaf_z < 16);
    for index in 0..=u32::from(before.nlbaf_z) {
        for ses in 0..3 {
            rig.memory_write(DATA, &[7; 4096]);
            assert!(format(&mut rig, 1, how(index).with_ses(ses)).is_success());
            let id = identify(&mut rig);
            let in_use = *id.format().expect("a format");
            assert_eq!((u32::from(id.flbas), in_use), (index, id.lbaf[index as usize]));
            assert_eq!(id.nsze.get() << in_use.lbads, 1024 * 4096);
            assert_eq!(id.nvmcap, before.nvmcap);
        }
    }
}

#[test]
fn nothing_of_what_was_written_is_left_whatever_kind_of_erase_was_asked_for() {
    // No secure erase, erase of the user data, cryptographic erase: into the format that is in use.
    for ses in 0..3 {
        let mut rig = Rig::new();
        let in_use = identify(&mut rig).flbas.into();
        for (lba, is_on_media) in [(0, true), (3, true), (4, false), (1023, false)] {
            assert!(rig.write_block(lba, 9, is_on_media).is_success());
            assert_eq!(rig.on_media(lba), if is_on_media { 9 } else { 0 });
        }
        assert!(format(&mut rig, 1, how(in_use).with_ses(ses)).is_success());
        for lba in [0, 3, 4, 1023] {
            assert_eq!(rig.on_media(lba), 0, "{lba} on the media, SES {ses}");
            let block = rig.read_block(lba).expect("readable");
            assert!(block.iter().all(|byte| *byte == 0), "{lba}, SES {ses}");
        }
        assert!(rig.run(1, Sqe::flush(1)).0.is_success());
        assert_eq!(rig.on_media(4), 0, "nor does the cache bring it back, SES {ses}");
    }
}

#[test]
fn what_cannot_be_had_is_refused_and_changes_nothing() {
    let mut rig = Rig::new();
    rig.write_block(3, 9, true);
    let cases: [(u32, FormatNvm10, StatusCode); 9] = [
        (1, how(u32::from(identify(&mut rig).nlbaf_z) + 1), status::INVALID_FORMAT),
        (1, how(63), status::INVALID_FORMAT),
        (1, how(0).with_pi(1), status::INVALID_FORMAT),
        (1, how(0).with_mset(1), status::INVALID_FORMAT),
        (1, how(3).with_pi(4), status::INVALID_FORMAT),
        (1, how(1).with_ses(3), status::INVALID_FIELD),
        (2, how(1), status::INVALID_FIELD),
        (33, how(1), status::INVALID_NAMESPACE),
        (0, how(1), status::INVALID_NAMESPACE),
    ];
    for (nsid, how, code) in cases {
        let refused = format(&mut rig, nsid, how);
        assert_eq!((refused.code, refused.dnr), (code, true), "{nsid} {how:x?}");
    }
    assert_eq!(rig.read_block(3).expect("untouched")[0], 9);
}

#[test]
fn a_format_takes_its_time_and_the_namespace_is_busy_meanwhile() {
    let mut rig = Rig::new();
    rig.write_block(3, 9, true);
    let (begin, lasts) = (rig.now_ns, rig.controller.config().timing.format_ns);
    rig.submit(0, Sqe::format_nvm(NSID_BROADCAST, how(1)));
    for sqe in [Sqe::read(1, 3, 0).with_prp(DATA, 0), Sqe::flush(1), Sqe::write_zeroes(1, 0, 0)] {
        let cid = rig.submit(1, sqe);
        rig.wait(u16::MAX, rig.now_ns + lasts / 10);
        let [busy] = rig.reap(1)[..] else { panic!("one completion") };
        assert_eq!((busy.cid.get(), busy.status().code), (cid, status::FORMAT_IN_PROGRESS));
        assert!(!busy.status().dnr);
    }
    rig.submit(0, Sqe::format_nvm(1, how(0)));
    rig.wait(u16::MAX, begin + lasts - 1);
    let [second] = rig.reap(0)[..] else { panic!("one completion") };
    assert_eq!(second.status().code, status::FORMAT_IN_PROGRESS);
    rig.settle();
    assert_eq!(rig.now_ns, begin + lasts);
    let [first] = rig.reap(0)[..] else { panic!("one completion") };
    assert!(first.status().is_success());
    assert_eq!(rig.read_block(3).expect("empty")[0], 0);
}

#[test]
fn a_format_that_is_aborted_or_reset_away_has_not_happened() {
    for is_reset in [false, true] {
        let mut rig = Rig::new();
        rig.write_block(3, 9, true);
        let cid = rig.submit(0, Sqe::format_nvm(1, how(1)));
        if is_reset {
            rig.disable();
            rig.enable();
            rig.create_pair(1, 1);
        } else {
            rig.submit(0, Sqe::abort(0, cid));
            rig.settle();
            let codes: Vec<StatusCode> = rig.reap(0).iter().map(|cqe| cqe.status().code).collect();
            assert_eq!(codes, [status::ABORT_REQUESTED, status::SUCCESS]);
            rig.now_ns += rig.controller.config().timing.format_ns;
        }
        assert_eq!(rig.read_block(3).expect("not busy any more")[0], 9, "{is_reset}");
    }
}

#[test]
fn a_format_heals_what_was_uncorrectable_and_forgets_what_was_cached() {
    let mut rig = Rig::new();
    rig.run(1, Sqe::write_uncorrectable(1, 3, 0));
    rig.write_block(4, 9, false);
    assert!(format(&mut rig, 1, how(1)).is_success());
    assert_eq!(rig.read_block(3).expect("readable")[0], 0);
    assert_eq!(rig.read_block(4).expect("readable")[0], 0);
    assert_eq!(rig.controller.cache(1).map(|cache| cache.dirty_blocks()), Some(0));
}

#[test]
fn a_format_leaves_nothing_to_read_stale_and_heals_what_a_rule_keeps_bad() {
    let rules =
        ["read lba=5 => stale-read", "read lba=7 => status=media/unrecovered-read until-rewrite"];
    let mut rig = Rig::faulty(&rules);
    for value in [1, 2] {
        rig.write_block(5, value, true);
    }
    assert_eq!(rig.read_block(5).expect("stale")[0], 1);
    rig.read_block(7).expect_err("bad");
    assert!(format(&mut rig, 1, how(1)).is_success());
    assert_eq!(rig.read_block(5).expect("readable")[0], 0);
    rig.read_block(7).expect("as good as rewritten");
}
