//! Features: selections, saving, scopes.

use nvme_spec::feature::{
    self, CAPABILITY_CHANGEABLE, CAPABILITY_NAMESPACE, CAPABILITY_SAVEABLE, SEL_CAPABILITIES,
    SEL_CURRENT, SEL_DEFAULT, SEL_SAVED,
};
use nvme_spec::{AdminOpcode, NSID_BROADCAST, Sqe, StatusCode, status};

use super::{command, log_page};
use crate::CachePolicy;
use crate::rig::{DATA, Rig};

/// Get Features of a feature in its scope, with a data page.
fn get(rig: &mut Rig, fid: u8, sel: u32, nsid: u32) -> (StatusCode, u32) {
    let sqe = command(AdminOpcode::GET_FEATURES, nsid, u32::from(fid) | sel << 8, 0);
    let (status, value) = rig.prompt(0, sqe.with_prp(DATA, 0));
    (status.code, value)
}

fn set(rig: &mut Rig, fid: u8, nsid: u32, value: u32, is_saved: bool) -> StatusCode {
    let cdw10 = u32::from(fid) | u32::from(is_saved) << 31;
    let sqe = command(AdminOpcode::SET_FEATURES, nsid, cdw10, value);
    rig.prompt(0, sqe.with_prp(DATA, 0)).0.code
}

/// Features that hold a dword and can be saved: a value that each can have.
const SAVEABLE: [(u8, u32); 10] = [
    (feature::ARBITRATION, 0x0102_0307),
    (feature::POWER_MANAGEMENT, 1),
    (feature::TEMPERATURE_THRESHOLD, 350),
    (feature::ERROR_RECOVERY, 77),
    (feature::VOLATILE_WRITE_CACHE, 0),
    (feature::INTERRUPT_COALESCING, 0x0305),
    (feature::WRITE_ATOMICITY, 1),
    (feature::ASYNC_EVENT_CONFIG, 0x0101),
    (feature::NON_OPERATIONAL_POWER_STATE, 1),
    (feature::SANITIZE_CONFIG, 1),
];

fn scope(fid: u8) -> u32 {
    u32::from(fid == feature::ERROR_RECOVERY)
}

#[test]
fn a_saved_value_survives_reset_and_power_cut_and_an_unsaved_one_neither() {
    for (fid, value) in SAVEABLE {
        let mut rig = Rig::new();
        let nsid = scope(fid);
        let (_, default) = get(&mut rig, fid, SEL_DEFAULT, nsid);
        assert_ne!(default, value);
        assert_eq!(set(&mut rig, fid, nsid, value, false), status::SUCCESS);
        let selected =
            [SEL_CURRENT, SEL_DEFAULT, SEL_SAVED].map(|sel| get(&mut rig, fid, sel, nsid).1);
        assert_eq!(selected, [value, default, default], "feature {fid:#x}");
        rig.disable();
        rig.enable();
        assert_eq!(get(&mut rig, fid, SEL_CURRENT, nsid).1, default, "feature {fid:#x}");
        assert_eq!(set(&mut rig, fid, nsid, value, true), status::SUCCESS);
        assert_eq!(set(&mut rig, fid, nsid, default, false), status::SUCCESS);
        let selected = [SEL_CURRENT, SEL_SAVED].map(|sel| get(&mut rig, fid, sel, nsid).1);
        assert_eq!(selected, [default, value], "feature {fid:#x}");
        rig.disable();
        rig.enable();
        assert_eq!(get(&mut rig, fid, SEL_CURRENT, nsid).1, value, "feature {fid:#x}");
        rig.controller.power_cut(rig.now_ns, CachePolicy::LoseAll, &mut rig.trace);
        rig.now_ns = 0;
        rig.enable();
        assert_eq!(get(&mut rig, fid, SEL_CURRENT, nsid).1, value, "feature {fid:#x}");
    }
}

#[test]
fn every_feature_says_what_can_be_done_with_it_and_does_that() {
    let mut rig = Rig::off(crate::Config::default(), crate::FaultPlan::none());
    rig.enable();
    let (_, effects) = rig.admin_page(log_page(0x12, 0, 1024, 0));
    for fid in 0..=255_u8 {
        let at = usize::from(fid) * 4;
        let entry = u32::from_le_bytes(effects[at..at + 4].try_into().expect("4 bytes"));
        let (code, capabilities) = get(&mut rig, fid, SEL_CAPABILITIES, 0);
        assert_eq!(code == status::SUCCESS, entry & 1 == 1, "feature {fid:#x} in the log");
        if code != status::SUCCESS {
            assert_eq!(code, status::INVALID_FIELD);
            assert_eq!(set(&mut rig, fid, 0, 0, false), status::INVALID_FIELD);
            continue;
        }
        let is_scoped = capabilities & CAPABILITY_NAMESPACE != 0;
        assert_eq!(entry >> 20 & 1 == 1, is_scoped, "scope of feature {fid:#x}");
        let nsid = u32::from(is_scoped);
        rig.memory_write(DATA, &[0; 512]);
        let other = set(&mut rig, fid, 1, 0, false);
        let is_changeable = capabilities & CAPABILITY_CHANGEABLE != 0;
        if is_changeable && !is_scoped {
            assert_eq!(other, status::FEATURE_NOT_NAMESPACE_SPECIFIC, "feature {fid:#x}");
        }
        let saved = set(&mut rig, fid, nsid, 0, true);
        let is_saveable = capabilities & CAPABILITY_SAVEABLE != 0;
        assert_eq!(saved != status::FEATURE_NOT_SAVEABLE, is_saveable, "feature {fid:#x}");
        let changed = set(&mut rig, fid, nsid, 0, false);
        assert_eq!(changed == status::FEATURE_NOT_CHANGEABLE, !is_changeable, "feature {fid:#x}");
        for sel in [SEL_CURRENT, SEL_DEFAULT, SEL_SAVED] {
            assert_eq!(get(&mut rig, fid, sel, nsid).0, status::SUCCESS, "feature {fid:#x}");
        }
        assert_eq!(get(&mut rig, fid, 4, nsid).0, status::INVALID_FIELD, "feature {fid:#x}");
    }
}

#[test]
fn error_recovery_belongs_to_a_namespace() {
    let mut rig = Rig::over(crate::Config::default(), &[(1, 8), (5, 8)], crate::FaultPlan::none());
    rig.enable();
    let fid = feature::ERROR_RECOVERY;
    assert_eq!(set(&mut rig, fid, 5, 9, false), status::SUCCESS);
    assert_eq!([1, 5].map(|nsid| get(&mut rig, fid, 0, nsid).1), [0, 9]);
    assert_eq!(set(&mut rig, fid, NSID_BROADCAST, 3, false), status::SUCCESS);
    assert_eq!([1, 5].map(|nsid| get(&mut rig, fid, 0, nsid).1), [3, 3]);
    for (nsid, code) in [(0, status::INVALID_NAMESPACE), (2, status::INVALID_FIELD)] {
        assert_eq!(set(&mut rig, fid, nsid, 1, false), code);
        assert_eq!(get(&mut rig, fid, 0, nsid).0, code);
    }
    assert_eq!(get(&mut rig, fid, 0, NSID_BROADCAST).0, status::INVALID_NAMESPACE);
}

#[test]
fn the_timestamp_goes_on_from_what_the_host_set_and_begins_anew_at_a_reset() {
    let mut rig = Rig::new();
    rig.memory_write(DATA, &1_000_000_u64.to_le_bytes());
    assert_eq!(set(&mut rig, feature::TIMESTAMP, 0, 0, false), status::SUCCESS);
    let set_at = rig.now_ns;
    rig.wait_until(set_at + 5_000_000_000);
    assert_eq!(get(&mut rig, feature::TIMESTAMP, 0, 0).0, status::SUCCESS);
    assert_eq!(rig.data(8), (2 << 48 | 1_005_000_u64).to_le_bytes());
    rig.disable();
    rig.enable();
    rig.wait_until(rig.now_ns + 3_000_000_000);
    assert_eq!(get(&mut rig, feature::TIMESTAMP, 0, 0).0, status::SUCCESS);
    assert_eq!(rig.data(8), 3_000_u64.to_le_bytes());
}

#[test]
fn host_behavior_is_kept_until_a_reset_and_checked() {
    let mut rig = Rig::new();
    let fid = feature::HOST_BEHAVIOR;
    let mut data = vec![0; 512];
    data[0] = 1;
    rig.memory_write(DATA, &data);
    assert_eq!(set(&mut rig, fid, 0, 0, false), status::SUCCESS);
    rig.memory_write(DATA, &[0xee; 512]);
    assert_eq!(get(&mut rig, fid, 0, 0).0, status::SUCCESS);
    assert_eq!(rig.data(512), data);
    rig.memory_write(DATA, &[2; 512]);
    assert_eq!(set(&mut rig, fid, 0, 0, false), status::INVALID_FIELD);
    rig.disable();
    rig.enable();
    assert_eq!(get(&mut rig, fid, 0, 0).0, status::SUCCESS);
    assert_eq!(rig.data(512), [0; 512]);
}

#[test]
fn an_io_command_wakes_the_device_from_a_state_without_io() {
    let mut rig = Rig::new();
    let fid = feature::POWER_MANAGEMENT;
    assert_eq!(set(&mut rig, fid, 0, 2, false), status::SUCCESS);
    assert_eq!(get(&mut rig, fid, 0, 0).1, 2, "admin commands do not wake it");
    assert!(rig.prompt(1, Sqe::flush(1)).0.is_success());
    assert_eq!(get(&mut rig, fid, 0, 0).1, 1, "the last state with I/O");
    let (_, page) = rig.prompt_page(log_page(0xc0, 0, 512, 0));
    assert_eq!(page[200], 2, "power state changes");
}
