//! The exercise in a virtual machine.

use exercise::Words;
use nvme_model::{Controller, Event};
use vmm::{Exit, KernelImage, Machine, MachineConfig, MachineObserver, MemoryAfterPowerCycle};

use crate::{Played, UNPOWERED, has_fired};

#[derive(Default)]
struct Seen {
    console: String,
    events: Vec<(u64, Event)>,
}

impl MachineObserver for Seen {
    fn console(&mut self, _now_ns: u64, bytes: &[u8]) {
        self.console.push_str(&String::from_utf8_lossy(bytes));
    }

    fn controller_event(&mut self, now_ns: u64, event: &Event) {
        self.events.push((now_ns, *event));
    }
}

/// A machine to be power-cycled; `None` where there can be none.
pub(crate) fn machine() -> Option<Machine> {
    if let Err(error) = vmm::check_host() {
        eprintln!("SKIPPED on kvm: {error}");
        return None;
    }
    let mut config = MachineConfig::new(KernelImage::new("kernel", images::kernel()), "");
    config.memory_bytes = 32 << 20;
    config.memory_after_power_cycle = MemoryAfterPowerCycle::Kept;
    Some(Machine::new(config).expect("a machine"))
}

/// One exercise.
pub(crate) fn play(machine: &mut Machine, controller: Controller, words: Words) -> Played {
    machine.replace_controller(Some(controller));
    machine.power_cycle(&format!("program=exercise trace=off {words}")).expect("a power cycle");
    let mut seen = Seen::default();
    let exit = machine.run(&mut seen).expect("a run");
    let line = match exit {
        Exit::PowerLost => UNPOWERED.to_owned(),
        Exit::Code(machine::ports::EXIT_OK) => seen.console.trim_end().to_owned(),
        _ => panic!("{exit}: {}", seen.console),
    };
    Played {
        line,
        events: seen.events,
        now_ns: machine.now_ns(),
        has_fired: machine.controller().is_some_and(has_fired),
    }
}
