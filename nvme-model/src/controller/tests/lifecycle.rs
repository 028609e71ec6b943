//! Registers, enabling, shutdown, fatal status, removal.

use nvme_spec::Sqe;
use nvme_spec::register as reg;

use crate::rig::{DATA, Rig};
use crate::{CachePolicy, Config, Event, FatalCause, FaultPlan, LabWake};

#[test]
fn admin_queue_registers_read_back_while_enabled_and_ignore_writes() {
    let mut rig = Rig::new();
    let (aqa, asq) = (rig.read32(reg::AQA), rig.read32(reg::ASQ));
    assert_eq!(aqa, 0x000f_000f);
    assert_ne!(asq, 0);
    rig.write32(reg::AQA, 0x0001_0001);
    rig.write64(reg::ASQ, 0x5000);
    assert_eq!((rig.read32(reg::AQA), rig.read32(reg::ASQ)), (aqa, asq));
}

#[test]
fn both_halves_and_both_widths_of_a_register_agree() {
    let mut rig = Rig::new();
    let mut whole = [0; 8];
    rig.controller.mmio_read(0, reg::CAP, &mut whole, &mut ());
    assert_eq!(rig.read32(reg::CAP).to_le_bytes(), whole[..4]);
    assert_eq!(rig.read32(reg::CAP + 4).to_le_bytes(), whole[4..]);
    let cap = reg::Cap(u64::from_le_bytes(whole));
    assert_eq!((cap.mqes_z(), cap.to(), cap.css(), cap.nssrs()), (1023, 30, 0x41, 1));
    assert_eq!(rig.read32(reg::VS), 0x0002_0000);
}

#[test]
fn accesses_of_other_widths_read_zeros_and_write_nothing() {
    let mut rig = Rig::new();
    for (offset, length) in [(0x14, 1), (0x14, 2), (0x16, 4), (0x14, 8), (0x14, 0), (0x14, 16)] {
        let mut data = vec![0xaa; length];
        rig.controller.mmio_read(0, offset, &mut data, &mut ());
        assert_eq!(data, vec![0; length]);
        rig.controller.mmio_write(0, offset, &vec![0; length], &mut ());
    }
    assert_eq!(rig.read32(reg::CC), 0x0046_0001);
}

#[test]
fn a_configuration_that_is_not_supported_is_fatal_until_reset() {
    for cc in [0x0046_0011, 0x0046_0281, 0x0046_0801] {
        let mut rig = Rig::off(Config::default(), FaultPlan::none());
        rig.write32(reg::AQA, 0x000f_000f);
        rig.write32(reg::CC, cc);
        rig.settle();
        assert_eq!(rig.read32(reg::CSTS), 2, "CC = {cc:#x}");
        rig.write32(reg::CC, 0);
        assert_eq!(rig.read32(reg::CSTS), 0);
    }
    let mut rig = Rig::off(Config::default(), FaultPlan::none());
    rig.write32(reg::CC, 0x0046_0001);
    assert_eq!(rig.read32(reg::CSTS), 2, "no admin queues");
}

#[test]
fn a_shutdown_flushes_and_says_when_it_is_done() {
    let mut rig = Rig::new();
    rig.write_block(1, 0x11, false);
    rig.write32(reg::CC, 0x0046_4001);
    assert_eq!(rig.read32(reg::CSTS), 1 | 1 << 2);
    rig.settle();
    assert_eq!(rig.read32(reg::CSTS), 1 | 2 << 2);
    assert_eq!(rig.on_media(1), 0x11);
    rig.submit(1, Sqe::flush(1));
    rig.settle();
    assert_eq!(rig.peek(1).len(), 0, "no command is taken after a shutdown");
}

#[test]
fn a_reset_drops_what_is_in_flight_and_the_next_life_begins_clean() {
    let mut rig = Rig::new();
    rig.submit(1, Sqe::flush(1));
    rig.disable();
    let lost = rig.seen(|event| match event {
        Event::Reset { lost_commands } => Some(*lost_commands),
        _ => None,
    });
    assert_eq!(lost, [1]);
    rig.enable();
    rig.create_pair(1, 1);
    assert!(rig.run(1, Sqe::flush(1)).0.is_success());
}

#[test]
fn a_subsystem_reset_says_that_it_happened() {
    let mut rig = Rig::new();
    rig.write32(reg::NSSR, 0x1234);
    assert_eq!(rig.read32(reg::CSTS), 1);
    rig.write32(reg::NSSR, reg::NSSR_MAGIC);
    assert_eq!((rig.read32(reg::CSTS), rig.read32(reg::CC)), (1 << 4, 0));
    rig.write32(reg::CSTS, 1 << 4);
    assert_eq!(rig.read32(reg::CSTS), 0);
}

#[test]
fn a_ring_outside_of_memory_is_fatal() {
    let mut rig = Rig::new();
    rig.memory.revoke(0x4_0000 + 2 * 4096);
    rig.write32(reg::Doorbell::SqTail(1).offset(0), 1);
    assert_eq!(rig.read32(reg::CSTS), 3);
    let mut rig = Rig::new();
    rig.submit(1, Sqe::flush(1));
    rig.memory.revoke(0x4_0000 + 3 * 4096);
    rig.settle();
    assert_eq!(rig.read32(reg::CSTS), 3);
    let causes = rig.seen(|event| match event {
        Event::Fatal { cause } => Some(*cause),
        _ => None,
    });
    assert_eq!(causes, [FatalCause::CqPost]);
    assert_eq!(rig.controller.next_event(), None);
}

#[test]
fn a_removed_device_reads_all_ones_and_completes_nothing_until_it_is_plugged_in_again() {
    let mut rig = Rig::new();
    rig.write_block(3, 3, false);
    rig.submit(1, Sqe::read(1, 0, 0).with_prp(DATA, 0));
    rig.controller.remove(rig.now_ns, &mut rig.trace);
    assert_eq!(rig.read32(reg::CSTS), u32::MAX);
    let mut byte = [0];
    rig.controller.mmio_read(0, 3, &mut byte, &mut ());
    assert_eq!(byte, [0xff]);
    rig.write32(reg::CC, 0);
    assert_eq!(rig.wait(1, 1 << 40), LabWake::Deadline);
    assert_eq!(rig.peek(1).len(), 0);
    rig.controller.power_cut(rig.now_ns, CachePolicy::KeepAll, &mut rig.trace);
    rig.now_ns = 0;
    assert_eq!(rig.on_media(3), 3);
    rig.enable();
}

#[test]
fn masked_vectors_are_signalled_when_they_are_unmasked() {
    let mut rig = Rig::new();
    rig.lines.0.clear();
    rig.write32(reg::INTMS, 1 << 1);
    rig.submit(1, Sqe::flush(1));
    rig.settle();
    assert!(rig.lines.0.is_empty());
    rig.write32(reg::INTMC, 1 << 1);
    assert_eq!(rig.lines.0.get(&1), Some(&1));
}

#[test]
fn no_address_is_in_the_trace() {
    let mut rig = Rig::new();
    rig.write_block(1, 1, true);
    for (_, event) in &rig.trace {
        let bytes = event.to_bytes();
        for needle in [DATA, 0x4_0000, 0x4_1000, 0x4_2000] {
            let needle = needle.to_le_bytes();
            assert!(!bytes.chunks(8).any(|word| word == needle), "{event}");
        }
    }
}
