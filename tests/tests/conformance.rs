//! The conformance test passes on the controller model, whole: in this process, and in a virtual
//! machine with the same verdicts. QEMU's controller answers the same questions in `images`.

use std::rc::Rc;

use campaign::engine::{HostMachine, HostPlatform};
use campaign::trace::TraceLog;
use conformance::{Line, Verdict};
use nvme_model::{Config, Controller, FaultPlan, RamMedia};
use vmm::{Exit, KernelImage, Machine, MachineConfig, MachineObserver};

/// Fewer checks than this mean that the list was cut.
const CHECKS_MIN: usize = 75;

/// A healthy controller over 32 MiB, and one that no namespace has.
fn controller(lba_bytes: u32, plan: FaultPlan) -> Controller {
    let media = RamMedia::new((32 << 20) / u64::from(lba_bytes), lba_bytes);
    let config = Config { unallocated_bytes: 1 << 20, ..Config::default() };
    Controller::new(config, Box::new(media), plan).expect("a valid configuration")
}

/// The verdicts in this process.
fn on_host(controller: Controller) -> Vec<Line> {
    let machine = Rc::new(HostMachine::new(controller, TraceLog::default()));
    let mut lines = Vec::new();
    let platform = HostPlatform::new(Rc::clone(&machine));
    let summary = conformance::run(&platform, |line| lines.push(line.clone()));
    summary.expect("a controller that can be used");
    machine.power_cut();
    lines
}

#[derive(Default)]
struct Said(String);

impl MachineObserver for Said {
    fn console(&mut self, _now_ns: u64, bytes: &[u8]) {
        self.0.push_str(&String::from_utf8_lossy(bytes));
    }

    fn controller_event(&mut self, _now_ns: u64, _event: &nvme_model::Event) {}
}

/// The verdicts in a virtual machine; `None` where there can be none.
fn on_kvm(controller: Controller) -> Option<Vec<Line>> {
    if let Err(error) = vmm::check_host() {
        eprintln!("SKIPPED on kvm: {error}");
        return None;
    }
    let image = KernelImage::new("kernel", images::kernel());
    let mut config = MachineConfig::new(image, "program=selftest-nvme trace=off");
    config.memory_bytes = 64 << 20;
    config.controller = Some(controller);
    let mut said = Said::default();
    let exit = Machine::new(config).expect("a machine").run(&mut said).expect("a run");
    assert!(matches!(exit, Exit::Code(machine::ports::EXIT_OK)), "{exit}: {}", said.0);
    Some(said.0.lines().filter_map(|line| line.parse().ok()).collect())
}

/// Checks that have nothing to ask of a controller that has more than it must.
const MAY_BE_SKIPPED: [&str; 4] = [
    // With blocks of a page there is no shorter transfer.
    "one_entry_with_an_offset",
    "a_fused_command_is_refused_if_there_are_none",
    "an_sgl_is_refused_if_there_are_none",
    "what_cannot_be_saved_is_refused",
];

fn assert_conforms(lines: &[Line]) {
    assert!(lines.len() >= CHECKS_MIN, "{} checks", lines.len());
    for line in lines {
        let is_good = match line.verdict {
            Verdict::Passed => true,
            Verdict::Skipped(_) => MAY_BE_SKIPPED.contains(&line.name.as_str()),
            Verdict::Failed(_) => false,
        };
        assert!(is_good, "{line}");
    }
}

#[test]
fn the_model_conforms_with_either_block_size() {
    for lba_bytes in [512, 4096] {
        assert_conforms(&on_host(controller(lba_bytes, FaultPlan::none())));
    }
}

#[test]
fn the_model_conforms_in_a_virtual_machine_with_the_same_verdicts() {
    for lba_bytes in [512, 4096] {
        let Some(lines) = on_kvm(controller(lba_bytes, FaultPlan::none())) else {
            return;
        };
        assert_conforms(&lines);
        assert_eq!(lines, on_host(controller(lba_bytes, FaultPlan::none())));
    }
}

/// The control: a controller that lies is found out, by the checks that are about the lie.
#[test]
fn a_controller_that_lies_does_not_conform() {
    for (rule, check) in [
        ("read every=2 => corrupt=3^1", "what_is_written_is_read"),
        ("flush every=3 => wrong-sqhd=9", "rings_wrap_and_entries_name_their_queue"),
        ("abort => status=generic/internal-error", "an_abort_of_an_event_request_ends_it"),
        ("write-zeroes => lost-write", "write_zeroes_makes_zeroes"),
        ("create-io-cq => status=generic/internal-error", "what_is_written_is_read"),
        ("shutdown => ignore-shutdown", "a_shutdown_completes_and_the_controller_comes_back"),
        ("flush every=2 => lost-interrupt", "rings_wrap_and_entries_name_their_queue"),
    ] {
        let plan = FaultPlan { seed: 1, rules: vec![rule.parse().expect(rule)] };
        let lines = on_host(controller(512, plan));
        let failed = lines.iter().filter(|line| matches!(line.verdict, Verdict::Failed(_)));
        let failed: Vec<&str> = failed.map(|line| line.name.as_str()).collect();
        assert!(failed.contains(&check), "{rule}: {failed:?}");
    }
}
