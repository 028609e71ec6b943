mod attended;
mod calls;
mod devices;

use std::time::Duration;

use machine::ports;

use super::*;
use crate::boot::tiny;
use crate::{
    Exit, KernelImage, Limit, Limits, MachineConfig, MachineObserver, NoObserver, VmmError,
};

/// A machine that boots `code`, or `None`, said aloud, where there is no KVM.
pub(crate) fn kvm_or_skip(code: &[u8]) -> Option<Machine> {
    kvm_or_skip_with(code, |_| {})
}

fn kvm_or_skip_with(code: &[u8], change: impl FnOnce(&mut MachineConfig)) -> Option<Machine> {
    elf_or_skip(tiny::elf(code), change)
}

fn elf_or_skip(elf: Vec<u8>, change: impl FnOnce(&mut MachineConfig)) -> Option<Machine> {
    let mut config = MachineConfig::new(KernelImage::new("tiny", elf), "");
    config.limits = Limits {
        no_progress: Some(Duration::from_millis(300)),
        total: Some(Duration::from_secs(20)),
        console_bytes_max: 1000,
        ..Limits::default()
    };
    change(&mut config);
    match Machine::new(config) {
        Ok(machine) => Some(machine),
        Err(error @ (VmmError::NoKvm | VmmError::KvmPermission | VmmError::KvmOpen(_))) => {
            eprintln!("SKIPPED: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Notes what it sees.
#[derive(Default)]
struct Notes {
    debug: Vec<u8>,
    stages: Vec<u32>,
}

impl MachineObserver for Notes {
    fn console(&mut self, _now_ns: u64, _bytes: &[u8]) {}

    fn controller_event(&mut self, _now_ns: u64, _event: &nvme_model::Event) {}

    fn debug_console(&mut self, _now_ns: u64, bytes: &[u8]) {
        self.debug.extend(bytes);
    }

    fn boot_stage(&mut self, _now_ns: u64, stage: u32) {
        self.stages.push(stage);
    }
}

fn run(machine: &mut Machine) -> Exit {
    machine.run(&mut NoObserver).expect("the host works")
}

#[test]
fn a_tiny_guest_boots_and_exits_with_its_code() {
    let Some(mut machine) = kvm_or_skip(&tiny::exits_with(42)) else {
        return;
    };
    let mut notes = Notes::default();
    let exit = machine.run(&mut notes).expect("the host works");
    assert!(matches!(exit, Exit::Code(42)), "{exit}");
    assert_eq!(notes.stages, [ports::STAGE_ENTERED]);
}

#[test]
fn a_power_cycle_boots_the_image_again_with_clean_memory() {
    // Counts its own boots in memory behind the image and in a register that nobody sets.
    let mut code = vec![0xff, 0x05, 0, 0, 0x30, 0];
    code.extend(tiny::load32_to_port(0x30_0000, ports::EXIT));
    let Some(mut machine) = kvm_or_skip(&code) else {
        return;
    };
    for _ in 0..3 {
        let exit = run(&mut machine);
        // The exit code 1 stands for a panic, so this is how a count of one arrives.
        assert!(matches!(exit, Exit::GuestPanic(_)), "{exit}");
        machine.power_cycle("").expect("the host works");
    }
}

#[test]
fn memory_that_is_kept_survives_a_power_cycle() {
    let mut code = vec![0xff, 0x05, 0, 0, 0x30, 0];
    code.extend(tiny::load32_to_port(0x30_0000, ports::EXIT));
    let keep = |config: &mut MachineConfig| {
        config.memory_after_power_cycle = MemoryAfterPowerCycle::Kept;
    };
    let Some(mut machine) = kvm_or_skip_with(&code, keep) else {
        return;
    };
    run(&mut machine);
    for boots in 2..5 {
        machine.power_cycle("").expect("the host works");
        let exit = run(&mut machine);
        assert!(matches!(exit, Exit::Code(code) if code == boots), "{exit}");
    }
}

fn keep_all(config: &mut MachineConfig) {
    config.memory_after_power_cycle = MemoryAfterPowerCycle::Kept;
    config.processor_after_power_cycle = ProcessorAfterPowerCycle::Kept;
}

#[test]
fn a_warm_start_follows_a_life_that_ended_as_meant_and_no_other() {
    let elf = tiny::elf_with(&tiny::exits_with(3), Some(&tiny::triple_faults()));
    let Some(mut machine) = elf_or_skip(elf, keep_all) else {
        return;
    };
    for _ in 0..3 {
        let exit = run(&mut machine);
        assert!(matches!(exit, Exit::Code(3)), "{exit}");
        machine.power_cycle("").expect("the host works");
        let exit = run(&mut machine);
        assert!(matches!(exit, Exit::TripleFault(_)), "{exit}");
        machine.power_cycle("").expect("the host works");
    }
}

#[test]
fn a_warm_start_has_the_start_info_and_the_modes_that_the_guest_had_set() {
    // A cold start sets CR0.WP: `mov eax, cr0; or eax, 1 << 16; mov cr0, eax`.
    let mut cold = vec![0x0f, 0x20, 0xc0, 0x0d, 0, 0, 1, 0, 0x0f, 0x22, 0xc0];
    cold.extend(tiny::exits_with(3));
    // A warm one exits with that bit and the address of the start info: `mov eax, cr0; shr eax, 16; and eax, 1; lea eax, [eax + edi]`.
    let mut again = vec![0x0f, 0x20, 0xc0, 0xc1, 0xe8, 16, 0x83, 0xe0, 1, 0x8d, 0x04, 0x38];
    again.extend([0x66, 0xba]);
    again.extend(ports::EXIT.to_le_bytes());
    again.push(0xef);
    let Some(mut machine) = elf_or_skip(tiny::elf_with(&cold, Some(&again)), keep_all) else {
        return;
    };
    assert!(matches!(run(&mut machine), Exit::Code(3)));
    for _ in 0..3 {
        machine.power_cycle("").expect("the host works");
        let exit = run(&mut machine);
        // The start info is at 0x1000.
        assert!(matches!(exit, Exit::Code(0x1001)), "{exit}");
    }
}

#[test]
fn a_guest_that_spins_is_reported_with_its_registers_and_lines() {
    let mut code = Vec::new();
    for byte in *b"here I am\n" {
        code.extend(tiny::out8(ports::DEBUG_CONSOLE, byte));
    }
    code.extend(tiny::spins());
    let Some(mut machine) = kvm_or_skip(&code) else {
        return;
    };
    let Exit::Hang { limit, report } = run(&mut machine) else { panic!("it hangs") };
    assert_eq!(limit, Limit::NoProgress);
    assert_eq!(report.last_lines, ["here I am"]);
    let spin = 0x10_0000 + 64 + 112 + 20 + code.len() as u64 - 2;
    assert_eq!(report.registers.regs.rip, spin);
    assert!(report.to_string().contains(&format!("rip {spin:016x}")), "{report}");
    machine.power_cycle("").expect("a hung machine can be cycled");
    assert!(matches!(run(&mut machine), Exit::Hang { .. }));
}

#[test]
fn a_guest_that_halts_for_ever_is_reported() {
    let Some(mut machine) = kvm_or_skip(&[0xfa, 0xf4, 0xeb, 0xfd]) else {
        return;
    };
    assert!(matches!(run(&mut machine), Exit::Hang { limit: Limit::NoProgress, .. }));
    machine.power_cycle("").expect("a halted machine can be cycled");
    assert!(matches!(run(&mut machine), Exit::Hang { limit: Limit::NoProgress, .. }));
}

#[test]
fn a_guest_that_exits_without_end_runs_into_the_total() {
    let mut code = tiny::out8(0x80, 0);
    code.extend([0xee, 0xeb, 0xfd]);
    let short = |config: &mut MachineConfig| {
        config.limits.total = Some(Duration::from_millis(200));
    };
    let Some(mut machine) = kvm_or_skip_with(&code, short) else {
        return;
    };
    assert!(matches!(run(&mut machine), Exit::Hang { limit: Limit::Total, .. }));
}

#[test]
fn a_triple_fault_is_reported() {
    let Some(mut machine) = kvm_or_skip(&tiny::triple_faults()) else {
        return;
    };
    let exit = run(&mut machine);
    assert!(matches!(exit, Exit::TripleFault(_)), "{exit}");
    machine.power_cycle("").expect("a crashed machine can be cycled");
    assert!(matches!(run(&mut machine), Exit::TripleFault(_)));
}

#[test]
fn a_guest_that_floods_its_console_is_stopped() {
    let Some(mut machine) = kvm_or_skip(&tiny::floods()) else {
        return;
    };
    let mut notes = Notes::default();
    let exit = machine.run(&mut notes).expect("the host works");
    assert!(matches!(exit, Exit::ConsoleFlood { bytes_max: 1000, .. }), "{exit}");
    assert_eq!(notes.debug, [b'x'; 1000]);
}

#[test]
fn a_guest_that_panics_is_reported_with_its_message() {
    let mut code = tiny::out8(ports::DEBUG_CONSOLE, b'!');
    code.extend(tiny::out32(ports::EXIT, ports::EXIT_PANIC));
    let Some(mut machine) = kvm_or_skip(&code) else {
        return;
    };
    let Exit::GuestPanic(report) = run(&mut machine) else { panic!("it panics") };
    assert_eq!(report.last_lines, ["!"]);
}

#[test]
fn a_stopped_machine_stays_stopped() {
    let Some(mut machine) = kvm_or_skip(&tiny::spins()) else {
        return;
    };
    let stopper = machine.stopper();
    std::thread::scope(|scope| {
        scope.spawn(|| stopper.stop());
        assert!(matches!(run(&mut machine), Exit::Stopped));
    });
    machine.power_cycle("").expect("the host works");
    assert!(matches!(run(&mut machine), Exit::Stopped));
}

#[test]
fn a_memory_size_that_the_layout_cannot_hold_is_refused() {
    for memory_bytes in [0, 4096, (16 << 20) + 1, (3 << 30) + 4096] {
        let kernel = KernelImage::new("tiny", tiny::elf(&tiny::spins()));
        let config = MachineConfig { memory_bytes, ..MachineConfig::new(kernel, "") };
        let error = Machine::new(config).expect_err("a bad size");
        assert!(matches!(error, VmmError::MemorySize { bytes, .. } if bytes == memory_bytes));
    }
}
