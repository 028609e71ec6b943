//! The bootable guest in its own machine: every self-test, and every way to end badly.
//!
//! Skipped, with a line that says so, where KVM cannot be used.

use std::time::Duration;

use vmm::{ControlDisk, Exit, KernelImage, Limit, Machine, MachineConfig, MachineObserver};

const DISK_BYTES: usize = 1 << 20;

/// What a machine said.
#[derive(Default)]
struct Said {
    console: String,
    /// Where a guest speaks that has no console yet.
    debug_port: String,
    stages: Vec<u32>,
}

impl MachineObserver for Said {
    fn console(&mut self, _now_ns: u64, bytes: &[u8]) {
        self.console.push_str(&String::from_utf8_lossy(bytes));
    }

    fn debug_console(&mut self, _now_ns: u64, bytes: &[u8]) {
        self.debug_port.push_str(&String::from_utf8_lossy(bytes));
    }

    fn controller_event(&mut self, _now_ns: u64, _event: &nvme_model::Event) {}

    fn boot_stage(&mut self, _now_ns: u64, stage: u32) {
        self.stages.push(stage);
    }
}

fn config(command_line: &str) -> MachineConfig {
    let mut config = MachineConfig::new(KernelImage::new("kernel", images::kernel()), command_line);
    config.memory_bytes = 64 << 20;
    config.control_disk = Some(ControlDisk::Ram(vec![0; DISK_BYTES]));
    config.limits.console_bytes_max = 1 << 20;
    config
}

/// Boots with the command line; `None` where that is impossible.
fn boot(command_line: &str) -> Option<(Exit, Said)> {
    run(config(command_line))
}

fn run(config: MachineConfig) -> Option<(Exit, Said)> {
    if let Err(error) = vmm::check_host() {
        eprintln!("SKIPPED: {error}");
        return None;
    }
    let mut machine = Machine::new(config).expect("a machine");
    let mut said = Said::default();
    let exit = machine.run(&mut said).expect("a run");
    Some((exit, said))
}

fn assert_ok(program: &str, text: &str) {
    let Some((exit, said)) = boot(&format!("program={program}")) else {
        return;
    };
    assert!(matches!(exit, Exit::Code(machine::ports::EXIT_OK)), "{program}: {exit}");
    assert!(said.console.contains(text), "{program}: {:?}", said.console);
}

fn assert_refused(command_line: &str, code: u32, text: &str) {
    let Some((exit, said)) = boot(command_line) else {
        return;
    };
    assert!(matches!(exit, Exit::Code(c) if c == code), "{command_line}: {exit}");
    let text_found = said.debug_port + &said.console;
    assert!(text_found.contains(text), "{command_line}: {text_found:?}");
}

fn assert_panic(program: &str, text: &str) {
    let Some((exit, _)) = boot(&format!("program={program}")) else {
        return;
    };
    let Exit::GuestPanic(report) = exit else { panic!("{program}: {exit}") };
    let lines = report.last_lines.join("\n");
    assert!(lines.contains(text), "{program}: {lines}");
}

#[test]
fn the_first_output_comes_from_the_first_rust_and_the_text_from_the_console() {
    let Some((exit, said)) = boot("program=selftest-hello") else {
        return;
    };
    assert!(matches!(exit, Exit::Code(machine::ports::EXIT_OK)), "{exit}");
    assert_eq!(said.stages, [machine::ports::STAGE_ENTERED, machine::ports::STAGE_PROGRAM]);
    assert_eq!(said.console, "hello from the swaplab guest\n");
}

#[test]
fn demand_paging_interrupts_and_the_control_disk_work() {
    assert_ok("selftest-fault", "demand paging: 1200 pages over 7 frames");
    assert_ok("selftest-interrupt", "interrupts: 200 raised, 200 taken\ntime: waited 1.5ms");
    assert_ok("selftest-disk", "control disk: 256 blocks");
}

#[test]
fn the_guest_boots_again_after_a_power_cycle() {
    if vmm::check_host().is_err() {
        eprintln!("SKIPPED: no KVM");
        return;
    }
    let mut machine = Machine::new(config("program=selftest-fault")).expect("a machine");
    for program in ["selftest-stray", "selftest-triple", "selftest-interrupt"] {
        machine.run(&mut Said::default()).expect("a run");
        machine.power_cycle(&format!("program={program}")).expect("a power cycle");
    }
    let exit = machine.run(&mut Said::default()).expect("a run");
    assert!(matches!(exit, Exit::Code(0)), "{exit}");
}

#[test]
fn what_nobody_knows_on_the_command_line_is_an_error() {
    let bad = machine::ports::EXIT_BAD_COMMAND_LINE;
    assert_refused("program=selftest-hello colour=red", bad, "nobody knows `colour=red`");
    assert_refused("program=nothing", bad, "no program is called `nothing`");
    assert_refused("program=selftest-hello trace=maybe", bad, "`trace=maybe` needs one of on, off");
    assert_refused("program=lab", machine::ports::EXIT_NO_DEVICE, "no NVMe controller");
}

#[test]
fn the_guests_own_bugs_end_in_a_report() {
    assert_panic("selftest-panic", "this is the panic that was asked for");
    assert_panic("selftest-stray", "#PF page fault at 0x700000000000 (load, not mapped)");
    assert_panic("selftest-stack", "(store, not mapped): stack overflow");
    assert_panic("selftest-nested-fault", "an access of the workload inside another");
}

#[test]
fn a_triple_fault_a_hang_and_a_flood_are_told_apart() {
    let Some((triple, _)) = boot("program=selftest-triple") else {
        return;
    };
    assert!(matches!(triple, Exit::TripleFault(_)), "{triple}");
    let mut spinning = config("program=selftest-spin");
    spinning.limits.no_progress = Some(Duration::from_millis(300));
    let Some((spin, said)) = run(spinning) else {
        return;
    };
    assert!(matches!(spin, Exit::Hang { limit: Limit::NoProgress, .. }), "{spin}");
    assert_eq!(said.console, "spinning\n");
    let Some((wait, _)) = boot("program=selftest-wait") else {
        return;
    };
    assert!(matches!(wait, Exit::WaitsForever(_)), "{wait}");
    let Some((flood, said)) = boot("program=selftest-flood") else {
        return;
    };
    assert!(matches!(flood, Exit::ConsoleFlood { .. }), "{flood}");
    let lines = said.console.lines().map(|line| line.split('.').next().unwrap_or_default().trim());
    let expected = (0_u64..).map(|line| format!("flood {line:016x}"));
    let whole = said.console.lines().count() - 1;
    assert!(lines.zip(expected).take(whole).all(|(line, expected)| line == expected), "lost lines");
}

/// Nobody rings a shadow doorbell. What the guest wrote there before it waits has to be seen by the thread that runs the
/// wait, or each wait lasts until the driver's time-out.
#[test]
fn in_the_wall_clock_what_a_waiting_guest_wrote_to_its_shadow_doorbells_is_seen() {
    let media = nvme_model::RamMedia::new(1 << 13, 4096);
    let faults = nvme_model::FaultPlan::none();
    let controller = nvme_model::Controller::new(Default::default(), Box::new(media), faults);
    let mut config =
        config("program=bench-fs trace=off write=on file=128 pages=4 depth=2 commands=8 rounds=4");
    config.controller = Some(controller.expect("a controller"));
    config.clock = vmm::Clock::Wall;
    // A time-out of the driver takes 30 s, and the filesystem waits hundreds of times.
    config.limits.total = Some(Duration::from_secs(60));
    let Some((exit, said)) = run(config) else { return };
    assert!(matches!(exit, Exit::Code(machine::ports::EXIT_OK)), "{exit}: {}", said.console);
    assert_eq!(said.stages.iter().filter(|s| **s == machine::ports::STAGE_ROUND_ENDS).count(), 4);
}
