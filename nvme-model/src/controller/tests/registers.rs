//! Registers as such: widths, read-only ones, resets, the pin.

use nvme_spec::Sqe;
use nvme_spec::register::{self as reg, Cap, Crto, Csts, Doorbell};

use crate::rig::{DATA, Rig};
use crate::{Config, FaultPlan};

fn read64(rig: &mut Rig, offset: u64) -> u64 {
    let mut data = [0; 8];
    rig.controller.mmio_read(rig.now_ns, offset, &mut data, &mut ());
    u64::from_le_bytes(data)
}

#[test]
fn every_register_reads_the_same_in_both_widths_disabled_and_enabled() {
    let mut rig = Rig::off(Config::default(), FaultPlan::none());
    for is_enabled in [false, true] {
        if is_enabled {
            rig.enable();
        }
        for offset in (0..0x1000).step_by(8) {
            let halves = [offset, offset + 4].map(|offset| u64::from(rig.read32(offset)));
            assert_eq!(read64(&mut rig, offset), halves[1] << 32 | halves[0], "{offset:#x}");
        }
        let known = [reg::CAP, reg::VS, reg::CRTO];
        assert!(known.iter().all(|offset| rig.read32(*offset) != 0));
        let addresses = [reg::ASQ, reg::ACQ].map(|offset| read64(&mut rig, offset));
        assert_eq!(addresses.iter().all(|address| *address != 0), is_enabled);
    }
}

#[test]
fn read_only_registers_stay_and_what_is_not_there_reads_as_zero() {
    let mut rig = Rig::new();
    let offsets = || (0..0x1000_u64).step_by(4);
    let writable = [reg::INTMS, reg::INTMC, reg::CC, reg::CSTS, reg::NSSR];
    let before: Vec<u32> = offsets().map(|offset| rig.read32(offset)).collect();
    for offset in offsets().filter(|offset| !writable.contains(offset)) {
        rig.write32(offset, 0xffff_ffff);
        rig.write32(offset, 0);
    }
    // CSTS has one bit that can be written, and only to clear it.
    rig.write32(reg::CSTS, 0xffff_ffff);
    let after: Vec<u32> = offsets().map(|offset| rig.read32(offset)).collect();
    assert_eq!(before, after);
    let known = [0, 4, 8, 0xc, 0x10, 0x14, 0x1c, 0x24, 0x28, 0x2c, 0x30, 0x34, 0x68];
    for (offset, value) in offsets().zip(after) {
        assert!(value == 0 || known.contains(&offset), "{offset:#x}");
    }
}

#[test]
fn the_ready_time_outs_of_cap_and_crto_agree() {
    let mut rig = Rig::new();
    let cap = Cap(read64(&mut rig, reg::CAP));
    let crto = Crto(rig.read32(reg::CRTO));
    assert_eq!(cap.crms(), 1, "ready with media, and no other mode");
    assert_eq!((u64::from(crto.crwmt()), crto.crimt()), (cap.to(), 0));
}

#[test]
fn both_ways_to_enable_the_nvm_command_set_are_there_and_no_other() {
    for css in 0..8 {
        let mut rig = Rig::off(Config::default(), FaultPlan::none());
        rig.write32(reg::AQA, 0x000f_000f);
        rig.write64(reg::ASQ, 0x4_0000);
        rig.write64(reg::ACQ, 0x4_1000);
        rig.write32(reg::CC, 0x0046_0001 | css << 4);
        rig.settle();
        let is_good = css == 0 || css == 6;
        assert_eq!(Csts(rig.read32(reg::CSTS)).cfs() == 0, is_good, "CC.CSS = {css}");
        assert_eq!(Cap(read64(&mut rig, reg::CAP)).css(), 0x41);
    }
}

#[test]
fn a_function_level_reset_clears_registers_and_keeps_what_outlives_a_reset() {
    let mut rig = Rig::new();
    rig.write_block(4, 0x44, false);
    rig.write32(reg::INTMS, 1);
    rig.submit(1, Sqe::flush(1));
    rig.controller.function_level_reset(rig.now_ns, &mut rig.trace);
    let cleared = [reg::CC, reg::CSTS, reg::AQA, reg::INTMS].map(|offset| rig.read32(offset));
    assert_eq!(cleared, [0; 4]);
    assert_eq!([reg::ASQ, reg::ACQ].map(|offset| read64(&mut rig, offset)), [0, 0]);
    rig.settle();
    rig.start();
    assert_eq!(rig.read_block(4).expect("cached before"), vec![0x44; 4096]);
}

#[test]
fn a_subsystem_reset_is_seen_until_the_host_has_noted_it() {
    let mut rig = Rig::new();
    rig.write32(reg::NSSR, reg::NSSR_MAGIC);
    assert_eq!(Csts(rig.read32(reg::CSTS)).nssro(), 1);
    rig.start();
    assert_eq!(rig.read32(reg::CSTS), 1 | 1 << 4, "a later enable does not hide it");
    rig.disable();
    assert_eq!(rig.read32(reg::CSTS), 1 << 4);
    rig.write32(reg::CSTS, 1 << 4);
    assert_eq!(rig.read32(reg::CSTS), 0);
}

#[test]
fn a_stuck_pin_stays_asserted_whatever_the_host_takes_or_masks_until_a_reset() {
    let mut rig = Rig::faulty(&["flush => stuck-pin"]);
    assert!(rig.run(1, Sqe::flush(1)).0.is_success());
    rig.write32(reg::INTMS, u32::MAX);
    assert!(rig.controller.is_pin_asserted());
    rig.disable();
    assert!(!rig.controller.is_pin_asserted());
}

#[test]
fn the_pin_is_a_level_that_goes_with_the_entries_or_the_mask() {
    let mut rig = Rig::new();
    assert!(!rig.controller.is_pin_asserted());
    rig.submit(1, Sqe::read(1, 0, 0).with_prp(DATA, 0));
    rig.settle();
    assert!(rig.controller.is_pin_asserted());
    rig.write32(reg::INTMS, 1 << 1);
    assert!(!rig.controller.is_pin_asserted());
    rig.write32(reg::INTMC, 1 << 1);
    assert!(rig.controller.is_pin_asserted());
    rig.reap(1);
    assert!(!rig.controller.is_pin_asserted());
    // A queue that may not interrupt does not move the pin.
    let (cq, sq) = (DATA + 8 * 4096, DATA + 9 * 4096);
    assert!(rig.admin(Sqe::create_io_cq(2, 15, None).with_prp(cq, 0)).0.is_success());
    assert!(rig.admin(Sqe::create_io_sq(2, 15, 2).with_prp(sq, 0)).0.is_success());
    rig.memory_write(sq, &Sqe::flush(1).with_cid(9).to_bytes());
    rig.write32(Doorbell::SqTail(2).offset(0), 1);
    rig.settle();
    assert!(!rig.controller.is_pin_asserted());
}
