//! The host engine: the guest's crates, in this process, against the controller model.
//!
//! No /dev/kvm, no threads, no clock: a register access is a call, and waiting advances the virtual
//! clock from one controller event to the next. A debugger, a fuzzer or a coverage tool sees driver
//! and controller at once.

mod machine;
mod platform;
mod registers;
mod watch;

use std::any::Any;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use file_server::FileServer;
use hal::testing::DmaPool;
use nvme_model::Controller;
use stacks::HostStacks;

use super::{Engine, EngineError, EngineKind, LIFE, LifeEnd, PATIENCE};
use crate::trace::TraceLog;
use lab::LabError;
use machine::{Endless, MEMORY_PAGES, PowerLost, WaitsForever};
use watch::Watch;

pub use machine::HostMachine;
pub use platform::{HostPlatform, ServerPlatform};

/// The engine without a virtual machine.
#[derive(Debug)]
pub struct HostEngine {
    controller: Option<Controller>,
    server: Option<FileServer>,
    /// What the last life gave back. Touching 64 MiB anew would cost more than most lives.
    memory: Option<DmaPool>,
    now_ns: u64,
    lives: u32,
    patience: Duration,
}

impl HostEngine {
    /// An engine with nothing plugged in.
    #[must_use]
    pub fn new() -> Self {
        keep_freed_memory();
        let (controller, server, memory) = (None, None, None);
        Self { controller, server, memory, now_ns: 0, lives: 0, patience: PATIENCE }
    }

    /// The same, that gives up a life after so much real time.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }
}

impl Default for HostEngine {
    fn default() -> Self {
        Self::new()
    }
}

/// Makes the C library keep what a unit frees for the next one.
///
/// glibc gives the free end of its heap back to the host above a threshold that adapts to the largest block
/// that was freed so far ("dynamic mmap threshold" in `mallopt(3)`). One such block raises it; without that,
/// each unit pays for some hundred page faults, a third of its time. Another library sees an allocation.
fn keep_freed_memory() {
    const LARGER_THAN_A_UNIT: usize = 16 << 20;
    drop(black_box(Vec::<u8>::with_capacity(LARGER_THAN_A_UNIT)));
}

impl Engine for HostEngine {
    fn kind(&self) -> EngineKind {
        EngineKind::Host
    }

    fn insert(&mut self, controller: Controller) -> Result<(), EngineError> {
        self.controller = Some(controller);
        self.now_ns = 0;
        self.lives = 0;
        self.server = None;
        Ok(())
    }

    fn connect(&mut self, server: Option<FileServer>) {
        self.server = server;
    }

    fn live(&mut self, command_line: &str, log: &mut TraceLog) -> Result<LifeEnd, EngineError> {
        let mut controller = self
            .controller
            .take()
            .ok_or_else(|| EngineError::Infrastructure("no controller is plugged in".to_owned()))?;
        let mut memory = self.memory.take().unwrap_or_else(|| DmaPool::like_ram(MEMORY_PAGES));
        if self.lives > 0 {
            // Before memory is cleared: what is in flight is still there.
            let machine = HostMachine::with_pool(controller, std::mem::take(log), memory.clone());
            let machine = machine.with_server(self.server.take());
            machine.power_cut();
            self.server = machine.take_server();
            (controller, *log) = machine.take_apart();
        }
        // A guest that leaked memory must not leave the next one with other addresses.
        if memory.free_pages() != MEMORY_PAGES {
            memory = DmaPool::like_ram(MEMORY_PAGES);
        }
        memory.clear();
        let machine = HostMachine::with_pool(controller, std::mem::take(log), memory.clone());
        let machine = machine.bounded(LIFE, Watch::new(self.patience));
        let machine = Rc::new(machine.with_server(self.server.take()));
        self.lives += 1;
        let stacks = Rc::new(HostStacks::new());
        let end = run_guest(&machine, Rc::clone(&stacks), command_line);
        self.now_ns = machine.now_ns();
        let (controller, trace) = machine.take_apart();
        self.server = machine.take_server();
        // Tasks that wait for ever end with the machine; nobody hears what their stacks say then.
        stacks.unwind();
        self.controller = Some(controller);
        self.memory = Some(memory);
        *log = trace;
        Ok(end)
    }

    fn now_ns(&self) -> u64 {
        self.now_ns
    }

    fn controller(&self) -> Option<&Controller> {
        self.controller.as_ref()
    }

    fn server(&self) -> Option<&FileServer> {
        self.server.as_ref()
    }
}

/// Runs the program; a guest that panics or waits for ever is stopped by unwinding.
fn run_guest(machine: &Rc<HostMachine>, stacks: Rc<HostStacks>, command_line: &str) -> LifeEnd {
    let guest = AssertUnwindSafe(|| {
        let platform = HostPlatform::new(Rc::clone(machine));
        let user = platform.user_memory();
        let remote = ServerPlatform::new(Rc::clone(machine));
        lab::run(platform, remote, user, stacks, command_line)
    });
    match catch_unwind(guest) {
        Ok(Ok(())) => LifeEnd::Done,
        Ok(Err(LabError::Probe(_))) => LifeEnd::NoDevice,
        Ok(Err(error)) => LifeEnd::Failed(error.to_string()),
        Err(payload) if payload.is::<PowerLost>() => LifeEnd::PowerLost,
        Err(payload) if payload.is::<WaitsForever>() => LifeEnd::WaitsForever,
        Err(payload) if payload.is::<Endless>() => {
            LifeEnd::Failed("the guest runs on and on, and does not wait".to_owned())
        }
        Err(payload) => {
            machine.say(&format!("the guest panicked: {}", text_of(&payload)));
            LifeEnd::Panicked
        }
    }
}

fn text_of(payload: &Box<dyn Any + Send>) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default()
}
