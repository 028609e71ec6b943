//! Guests of a few instructions that use the devices.

use machine::lab_device::{WAKE_DEADLINE, reg};
use machine::{layout, ports};
use nvme_model::{Config, Controller, Event, FaultPlan, RamMedia};

use super::{kvm_or_skip_with, run};
use crate::boot::tiny::{load32_to_port, store32};
use crate::{Clock, Exit, Machine, MachineConfig, MachineObserver};

/// The lab device is the first function with a BAR, so the window begins with it.
pub(super) const LAB: u32 = layout::PCI_WINDOW_BASE as u32;
/// The controller's registers come next, at a multiple of their size.
pub(super) const NVME: u32 = LAB + 0x4000;
/// Any page of memory.
pub(super) const BLOCK: u32 = 0x8000;

pub(super) fn controller() -> Controller {
    let media = Box::new(RamMedia::new(64, 4096));
    Controller::new(Config::default(), media, FaultPlan::default()).expect("a good configuration")
}

/// Waits for a vector that nobody raises, then exits with what is in the wait block at `answer`.
fn waits_until(deadline_ns: u64, answer: u32) -> Vec<u8> {
    let mut code = Vec::new();
    let low_high = [deadline_ns as u32, (deadline_ns >> 32) as u32, 0x31, 7];
    for (at, word) in (BLOCK..).step_by(4).zip(low_high) {
        code.extend(store32(at, word));
    }
    code.extend(store32(LAB + reg::WAIT_BLOCK as u32, BLOCK));
    code.extend(store32(LAB + reg::WAIT_BLOCK as u32 + 4, 0));
    code.extend(store32(LAB + reg::WAIT as u32, 0));
    code.extend(load32_to_port(BLOCK + answer, ports::EXIT));
    code
}

#[test]
fn in_the_lab_clock_a_wait_ends_exactly_at_its_deadline() {
    let Some(mut machine) = kvm_or_skip_with(&waits_until(123_456, 16), |_| {}) else {
        return;
    };
    let exit = run(&mut machine);
    assert!(matches!(exit, Exit::Code(123_456)), "{exit}");
    assert_eq!(machine.now_ns(), 123_456);
    machine.power_cycle("").expect("the host works");
    assert_eq!(machine.now_ns(), 0, "since power-on");
}

#[test]
fn a_wait_says_that_its_deadline_passed() {
    let Some(mut machine) = kvm_or_skip_with(&waits_until(2, 12), |_| {}) else {
        return;
    };
    assert!(matches!(run(&mut machine), Exit::Code(WAKE_DEADLINE)));
}

#[test]
fn a_wait_without_deadline_for_what_cannot_come_ends_the_run() {
    let plugged = |config: &mut MachineConfig| config.controller = Some(controller());
    for change in [|_: &mut MachineConfig| {}, plugged as fn(&mut MachineConfig)] {
        let Some(mut machine) = kvm_or_skip_with(&waits_until(u64::MAX, 12), change) else {
            return;
        };
        let exit = run(&mut machine);
        assert!(matches!(exit, Exit::WaitsForever(_)), "{exit}");
    }
}

#[test]
fn in_the_wall_clock_a_wait_takes_its_time() {
    let wall = |config: &mut MachineConfig| config.clock = Clock::Wall;
    let Some(mut machine) = kvm_or_skip_with(&waits_until(30_000_000, 16), wall) else {
        return;
    };
    let Exit::Code(now_ns) = run(&mut machine) else { panic!("it exits") };
    assert!(now_ns >= 30_000_000, "{now_ns}");
}

#[test]
fn in_the_wall_clock_a_wait_can_be_stopped() {
    let wall = |config: &mut MachineConfig| config.clock = Clock::Wall;
    let Some(mut machine) = kvm_or_skip_with(&waits_until(u64::MAX, 16), wall) else {
        return;
    };
    let stopper = machine.stopper();
    std::thread::scope(|scope| {
        scope.spawn(|| stopper.stop());
        assert!(matches!(run(&mut machine), Exit::Stopped));
    });
}

/// Everything in the order in which it was seen.
#[derive(Default)]
struct Order(Vec<String>);

impl MachineObserver for Order {
    fn console(&mut self, now_ns: u64, bytes: &[u8]) {
        self.0.push(format!("{now_ns} console {}", String::from_utf8_lossy(bytes)));
    }

    fn controller_event(&mut self, now_ns: u64, event: &Event) {
        let name = match event {
            Event::RegisterWrite { offset, .. } => format!("write {offset:#x}"),
            Event::PowerCut { .. } => "power cut".into(),
            other => format!("{other:?}"),
        };
        self.0.push(format!("{now_ns} {name}"));
    }
}

pub(super) fn observed(machine: &mut Machine) -> Vec<String> {
    let mut order = Order::default();
    machine.run(&mut order).expect("the host works");
    order.0
}

#[test]
fn console_and_controller_are_seen_in_one_order_and_a_power_cut_first() {
    // The console's emergency byte, a register of the controller, another byte.
    let console = LAB + 0xc000 + 0x2000 + 8;
    let mut code = store32(console, b'a'.into());
    code.extend(store32(NVME + 0xc, 1));
    code.extend(store32(console, b'b'.into()));
    code.extend(load32_to_port(NVME + 8, ports::EXIT));
    let plugged = |config: &mut MachineConfig| config.controller = Some(controller());
    let Some(mut machine) = kvm_or_skip_with(&code, plugged) else {
        return;
    };
    let expected = ["0 console a", "0 write 0xc", "0 console b"];
    assert_eq!(observed(&mut machine), expected);
    machine.power_cycle("").expect("the host works");
    let second = observed(&mut machine);
    assert_eq!(second[0], "0 power cut");
    assert_eq!(second[1..], expected);
    let old = machine.replace_controller(Some(controller())).expect("one was plugged in");
    assert_eq!(old.media(1).map(nvme_model::Media::size_blocks), Some(64));
    machine.power_cycle("").expect("the host works");
    assert_eq!(observed(&mut machine), expected, "a new controller has no power to lose");
    assert!(machine.into_controller().is_some());
}

#[test]
fn the_version_register_is_read_through_the_bar() {
    let plugged = |config: &mut MachineConfig| config.controller = Some(controller());
    let code = load32_to_port(NVME + 8, ports::EXIT);
    let Some(mut machine) = kvm_or_skip_with(&code, plugged) else {
        return;
    };
    assert!(matches!(run(&mut machine), Exit::Code(0x2_0000)));
    let Some(mut empty) = kvm_or_skip_with(&code, |_| {}) else {
        return;
    };
    assert!(!matches!(run(&mut empty), Exit::Code(0x2_0000)), "nothing is plugged in");
}
