//! The function that is served, with its clock: what the threads of a server share.

use std::io;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nvme_model::Controller;

use super::SessionEnd;
use super::windows::Windows;
use crate::clock::nanos;
use crate::control::Answering;
use crate::controller_timer::Alarm;
use crate::devices::nvme::NvmeFunction;
use crate::pci::Function;

/// The function, as long as the server has it.
#[derive(Debug)]
pub(super) struct Device {
    function: Option<NvmeFunction<Windows>>,
    pub(super) answering: Option<Answering>,
    /// When the present client touched it first.
    power_on: Option<Instant>,
    /// When something happens next by itself.
    alarm: Arc<Alarm>,
    ends: Sender<SessionEnd>,
}

/// A device that several threads use, one at a time.
pub(super) type Shared = Arc<Mutex<Device>>;

/// The device, for oneself.
pub(super) fn lock(shared: &Shared) -> MutexGuard<'_, Device> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Device {
    /// A device without power.
    pub(super) fn new(
        function: NvmeFunction<Windows>,
        alarm: Arc<Alarm>,
        ends: Sender<SessionEnd>,
    ) -> Self {
        let (function, answering, power_on) = (Some(function), None, None);
        Self { function, answering, power_on, alarm, ends }
    }

    /// Carries an access of the client in, at the present time.
    ///
    /// # Errors
    /// The function has gone, or its power has: nobody answers.
    pub(super) fn access<R>(
        &mut self,
        work: impl FnOnce(&mut NvmeFunction<Windows>) -> R,
    ) -> io::Result<R> {
        self.power_on.get_or_insert_with(Instant::now);
        let (function, _) = self.powered().ok_or_else(gone)?;
        function.course.begin(false);
        let result = work(function);
        self.settle();
        Ok(result)
    }

    /// Lets the controller do what is due, if it has power.
    pub(super) fn step(&mut self) {
        if self.power_on.is_some()
            && let Some((function, now_ns)) = self.powered()
        {
            function.step(now_ns);
            self.settle();
        }
    }

    /// The function, told what time it is, and that time; none if it has gone, or its power has.
    fn powered(&mut self) -> Option<(&mut NvmeFunction<Windows>, u64)> {
        let now_ns = self.now_ns();
        let function = self.function.as_mut()?;
        if function.controller().is_power_lost() {
            return None;
        }
        function.course.set_now(now_ns);
        Some((function, now_ns))
    }

    /// Answers what was said at the control socket.
    pub(super) fn answer(&mut self) {
        let now_ns = self.now_ns();
        let drive = self.function.as_mut().map(|function| function.controlled(now_ns));
        if let Some(answering) = &mut self.answering {
            answering.answer_all(drive);
        }
        // What was armed may come at a time of its own.
        self.step();
    }

    /// The client has hung up: its memory and its interrupts are no more, and the drive has lost its power.
    pub(super) fn hang_up(&mut self, vectors: u16) {
        let now_ns = self.now_ns();
        self.power_on = None;
        self.alarm.set(None);
        if let Some(function) = &mut self.function {
            (0..vectors).for_each(|vector| function.msix_mut().listen(vector, false));
            function.reset();
            function.power_cut(now_ns);
            function.memory_mut().clear();
            drop(function.course.take_events());
        }
    }

    /// Takes the controller out: from now on nobody answers.
    pub(super) fn take_controller(&mut self) -> Option<Controller> {
        self.alarm.set(None);
        self.function.take().map(NvmeFunction::into_controller)
    }

    /// After a step: when the next one is due, and whether there is one.
    fn settle(&mut self) {
        let (Some(function), Some(power_on)) = (&self.function, self.power_on) else {
            return;
        };
        if function.controller().is_power_lost() {
            self.alarm.set(None);
            // Nobody waits any more if this cannot be told.
            let _ = self.ends.send(SessionEnd::PowerLost);
            return;
        }
        let due = function.next_event();
        self.alarm.set(due.and_then(|at_ns| power_on.checked_add(Duration::from_nanos(at_ns))));
    }

    /// The time of the present client; without one it is zero o'clock.
    fn now_ns(&self) -> u64 {
        self.power_on.map_or(0, |power_on| nanos(power_on.elapsed()))
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the drive has gone")
}
