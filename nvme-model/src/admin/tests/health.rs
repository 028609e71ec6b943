//! Health: what the owner says about it, SMART, and the OCP log.

use nvme_spec::log::{OCP_SMART_GUID, OcpSmartLog, SmartLog, critical_warning};
use nvme_spec::{Sqe, feature};

use super::{heard, listen, log_page};
use crate::CachePolicy;
use crate::rig::{DATA, Rig};

fn smart(rig: &mut Rig) -> SmartLog {
    let (status, page) = rig.prompt_page(log_page(2, 0, 512, 0));
    assert!(status.is_success());
    SmartLog::from_prefix(&page).expect("512 bytes")
}

#[test]
fn a_temperature_that_rises_is_warned_of_counted_and_falls_again() {
    let mut rig = Rig::new();
    listen(&mut rig, critical_warning::TEMPERATURE.into());
    assert_eq!(smart(&mut rig).critical_warning, 0);
    rig.controller.set_temperature(rig.now_ns, 345, &mut rig.trace);
    assert_eq!(heard(&mut rig), [(1, 1, 2)]);
    let begin = rig.now_ns;
    rig.wait_until(begin + 180_000_000_000);
    rig.controller.set_temperature(rig.now_ns, 360, &mut rig.trace);
    rig.wait_until(begin + 300_000_000_000);
    let log = smart(&mut rig);
    assert_eq!((log.critical_warning, log.composite_temperature.get()), (2, 360));
    let minutes = (log.warning_temperature_minutes.get(), log.critical_temperature_minutes.get());
    assert_eq!(minutes, (3, 2));
    rig.controller.set_temperature(rig.now_ns, 300, &mut rig.trace);
    assert_eq!(smart(&mut rig).critical_warning, 0);
}

#[test]
fn a_rule_makes_the_device_hot_and_another_lets_it_cool() {
    let rules = [
        "read nth=1 => temperature=360",
        "read nth=2 => temperature=310",
        "read nth=3 => smart-warning=0x02",
        "read nth=4 => temperature=310",
    ];
    let mut rig = Rig::faulty(&rules);
    listen(&mut rig, critical_warning::TEMPERATURE.into());
    let read = |rig: &mut Rig| {
        rig.prompt(1, Sqe::read(1, 0, 0).with_prp(DATA, 0));
        let events = heard(rig);
        let log = smart(rig);
        (events, log.critical_warning, log.composite_temperature.get())
    };
    assert_eq!(read(&mut rig), (vec![(1, 1, 2)], 2, 360));
    rig.wait_until(rig.now_ns + 120_000_000_000);
    let log = smart(&mut rig);
    assert_eq!(log.critical_temperature_minutes.get(), 2, "it stays hot");
    assert_eq!(read(&mut rig), (vec![], 0, 310));
    // A warning that was only said ends in the same way.
    assert_eq!(read(&mut rig), (vec![(1, 1, 2)], 2, 310));
    assert_eq!(read(&mut rig), (vec![], 0, 310));
}

#[test]
fn only_a_shutdown_that_was_complete_is_a_safe_one() {
    // No notification, one that is not over yet, one that is.
    for (shn, is_waited_for, unsafe_shutdowns) in
        [(0, true, 1), (1 << 14, false, 1), (1 << 14, true, 0), (2 << 14, true, 0)]
    {
        let mut rig = Rig::new();
        rig.write_block(3, 9, false);
        rig.write32(nvme_spec::register::CC, 0x0046_0001 | shn);
        if is_waited_for {
            rig.settle();
        }
        rig.controller.power_cut(rig.now_ns, CachePolicy::LoseAll, &mut rig.trace);
        rig.now_ns = 0;
        rig.enable();
        let log = smart(&mut rig);
        let counted = (log.power_cycles.get(), log.unsafe_shutdowns.get());
        assert_eq!(counted, (2, unsafe_shutdowns), "{shn:#x} {is_waited_for}");
    }
}

#[test]
fn critical_warnings_are_events_of_their_own_kind_if_enabled() {
    let cases = [
        (critical_warning::SPARE, 2),
        (critical_warning::RELIABILITY, 0),
        (critical_warning::READ_ONLY, 0),
    ];
    for (bit, info) in cases {
        let mut rig = Rig::new();
        listen(&mut rig, bit.into());
        rig.controller.set_critical_warning(rig.now_ns, bit, &mut rig.trace);
        assert_eq!(heard(&mut rig), [(1, info, 2)]);
        let log = smart(&mut rig);
        assert_eq!(log.critical_warning, bit);
        let is_low = log.available_spare < log.available_spare_threshold;
        assert_eq!(is_low, bit == critical_warning::SPARE);
        rig.controller.set_critical_warning(rig.now_ns, bit, &mut rig.trace);
        assert_eq!(heard(&mut rig), [], "it held already");
        rig.controller.set_critical_warning(rig.now_ns, 0, &mut rig.trace);
        assert_eq!(smart(&mut rig).critical_warning, 0);
        let mut deaf = Rig::new();
        listen(&mut deaf, u32::from(!bit));
        deaf.controller.set_critical_warning(deaf.now_ns, bit, &mut deaf.trace);
        assert_eq!(heard(&mut deaf), []);
    }
}

#[test]
fn a_warning_that_a_rule_sets_is_in_smart_and_an_event_if_enabled_until_the_power_is_cut() {
    let cases = [(0x01, 2), (0x02, 1), (0x04, 0), (0x08, 0), (0x10, 0)];
    let both = cases.iter().flat_map(|(bit, info)| [(*bit, *info, true), (*bit, *info, false)]);
    for (bit, info, is_enabled) in both {
        let rule = format!("read nth=2 => smart-warning={bit:#x}");
        let mut rig = Rig::faulty(&[&rule]);
        listen(&mut rig, if is_enabled { bit } else { !bit & 0xff });
        rig.prompt(1, Sqe::flush(1));
        rig.prompt(1, Sqe::read(1, 0, 0).with_prp(DATA, 0));
        assert_eq!((smart(&mut rig).critical_warning, heard(&mut rig)), (0, vec![]), "not yet");
        rig.prompt(1, Sqe::read(1, 0, 0).with_prp(DATA, 0));
        let expected = if is_enabled { vec![(1, info, 2)] } else { vec![] };
        assert_eq!(heard(&mut rig), expected, "{rule}");
        assert_eq!(u32::from(smart(&mut rig).critical_warning), bit);
        rig.disable();
        rig.enable();
        assert_eq!(u32::from(smart(&mut rig).critical_warning), bit, "a reset heals nothing");
        rig.controller.power_cut(rig.now_ns, CachePolicy::LoseAll, &mut rig.trace);
        rig.now_ns = 0;
        rig.enable();
        assert_eq!(smart(&mut rig).critical_warning, 0);
    }
}

#[test]
fn the_ocp_log_counts_what_the_model_has() {
    let mut rig = Rig::faulty(&["read nth=1 => status=media/unrecovered-read"]);
    rig.write_block(1, 1, false);
    rig.read_block(1).expect_err("injected");
    rig.read_block(1).expect("good");
    rig.controller.power_cut(rig.now_ns, CachePolicy::LoseAll, &mut rig.trace);
    rig.now_ns = 0;
    rig.enable();
    let (_, page) = rig.admin_page(log_page(0xc0, 0, 512, 0));
    let log = OcpSmartLog::from_prefix(&page).expect("512 bytes");
    assert_eq!((log.media_bytes_written.get(), log.media_bytes_read.get()), (4096, 4096));
    assert_eq!((log.uncorrectable_reads.get(), log.incomplete_shutdowns), (1, [1, 0, 0, 0]));
    assert_eq!((log.nuse.get(), log.guid.get()), (1024, OCP_SMART_GUID));
}

#[test]
fn a_temperature_threshold_has_two_sides() {
    let mut rig = Rig::new();
    let under = 1 << 20;
    assert!(
        rig.admin(Sqe::set_features(feature::TEMPERATURE_THRESHOLD, under | 320)).0.is_success()
    );
    assert_eq!(smart(&mut rig).critical_warning, critical_warning::TEMPERATURE, "too cold");
    for bad in [2 << 20, 1 << 16, 3 << 16] {
        let (status, _) = rig.admin(Sqe::set_features(feature::TEMPERATURE_THRESHOLD, bad | 320));
        assert!(!status.is_success(), "{bad:#x}");
    }
}
