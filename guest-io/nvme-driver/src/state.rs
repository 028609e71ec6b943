//! The driver's state, and the one function that moves it on.
//!
//! This is a state machine that never waits: whoever waits for anything calls [`Core::drive`], waits
//! for what [`Core::next_wait`] says, and calls again. So any number of waiters share the work, and a
//! time-out or a reset in the middle of one caller's wait blocks nobody else.
//!
//! Invariant: no call does more than a bounded amount of work, whatever the device puts into its
//! queues.

use alloc::vec::Vec;
use core::time::Duration;

use block::{Bio, BlockError, Done, Ticket};
use hal::{Instant, Platform, Wake};
use nvme_spec::register::Cap;

use crate::admin::{self, AdminQueue};
use crate::cid;
use crate::config::{Completion, Config};
use crate::configure::Step;
use crate::counters::Counters;
use crate::error::{Error, Missing};
use crate::events::Event;
use crate::finished::Finished;
use crate::identity::{ControllerLimits, NamespaceLimits};
use crate::phase::{PAUSE_MIN, Phase, Poll};
use crate::registers::Registers;
use crate::ring::{self, Ring};
use crate::shadow::Shadow;
use crate::slots::{Job, JobState, Slots};

/// The interrupt vector of the admin completion queue.
pub(crate) const ADMIN_VECTOR: u16 = 0;
/// The interrupt vector of the I/O completion queue.
pub(crate) const IO_VECTOR: u16 = 1;
/// The number of the I/O queue pair.
pub(crate) const IO_QID: u16 = 1;
/// So many wake-ups in a row at the same time, with nothing done, mean that the device is broken.
const SPINS_MAX: u32 = 10_000;
/// The longest pause between two looks at a polled queue. It doubles from look to look, so a completion
/// is never noticed later than after twice the time it took.
const COMPLETION_PAUSE_MAX: Duration = Duration::from_secs(1);
/// CAP.CSS, bit 0: the NVM command set.
const CSS_NVM: u64 = 1;

/// The driver's state.
pub(crate) struct Core<P: Platform> {
    pub(crate) config: Config,
    pub(crate) cap: Cap,
    pub(crate) phase: Phase,
    pub(crate) controller: Option<ControllerLimits>,
    pub(crate) namespace: Option<NamespaceLimits>,
    pub(crate) admin: AdminQueue<P::Dma>,
    pub(crate) io: Ring<P::Dma>,
    pub(crate) shadow: Option<Shadow<P::Dma>>,
    pub(crate) slots: Slots<P::Dma>,
    pub(crate) finished: Finished<P::Dma>,
    pub(crate) counters: Counters,
    /// Where identify structures and log pages arrive.
    pub(crate) data: P::Dma,
    /// Log pages that wait for another to be read, a bit each.
    pub(crate) unread_logs: u32,
    next_serial: u64,
    spins: u32,
    /// Time and completions at the last wake-up.
    last_wake: (Instant, u64),
    /// How long the next look at a queue without interrupts may wait.
    pub(crate) pause: Duration,
}

impl<P: Platform> Core<P> {
    /// Looks at the controller's capabilities, allocates everything and begins the first reset.
    pub(crate) fn new(platform: &P, config: Config) -> Result<Self, Error> {
        let registers = Registers(platform.bar());
        if registers.csts().is_none() || registers.vs().0 == u32::MAX {
            return Err(Error::Removed);
        }
        let cap = registers.cap();
        let depth = io_depth(cap, config.io_depth)?;
        let alloc = |pages| platform.dma_alloc(pages).map_err(|_| Error::OutOfMemory);
        let ring = |qid, depth| -> Result<_, Error> {
            let (sq, cq) = ring::pages(depth);
            Ok(Ring::new(qid, depth, cap.dstrd(), alloc(sq)?, alloc(cq)?))
        };
        let lists = (1..depth).map(|_| alloc(1)).collect::<Result<Vec<_>, _>>()?;
        let shadow =
            config.shadow_doorbells.then(|| Ok(Shadow::new(alloc(1)?, alloc(1)?, cap.dstrd())));
        let now = platform.now();
        let mut core = Self {
            config,
            cap,
            phase: Phase::Disabling(Poll::new(now, Duration::ZERO)),
            controller: None,
            namespace: None,
            admin: AdminQueue::new(ring(0, admin::DEPTH)?),
            io: ring(IO_QID, depth)?,
            shadow: shadow.transpose()?,
            slots: Slots::new(lists),
            finished: Finished::with_capacity(config.untaken_max),
            counters: Counters::default(),
            data: alloc(1)?,
            unread_logs: 0,
            next_serial: 0,
            spins: 0,
            last_wake: (now, 0),
            pause: PAUSE_MIN,
        };
        core.begin_disable(platform, now);
        Ok(core)
    }

    /// Does all there is to do now. `wake` is how the wait before this call ended, if there was one.
    pub(crate) fn drive(&mut self, platform: &P, wake: Option<Wake>) {
        let now = platform.now();
        if matches!(self.phase, Phase::Configuring(_) | Phase::Live | Phase::ShuttingDown(_)) {
            self.reap_admin(platform, now);
        }
        if matches!(self.phase, Phase::Live | Phase::ShuttingDown(_)) {
            self.reap_io(platform, now, wake);
        }
        if matches!(self.phase, Phase::Live) {
            self.check_deadlines(platform, now);
            // What was late may have begun a reset, before whose end nothing is sent.
            if matches!(self.phase, Phase::Live) {
                self.send_waiting(platform, now);
            }
        } else {
            self.go_on(platform, now);
        }
        if wake.is_some() {
            self.check_stall(platform, now);
        }
    }

    /// Does what is due before I/O flows, and after. Apart from [`Core::drive`], for its pages of data on the
    /// stack: who submits drives, too, and would touch them each time.
    #[inline(never)]
    fn go_on(&mut self, platform: &P, now: Instant) {
        match self.phase {
            Phase::Disabling(poll) => self.poll_disabled(platform, now, poll),
            Phase::Enabling(poll) => self.poll_enabled(platform, now, poll),
            Phase::Configuring(_) => self.check_admin_deadlines(platform, now),
            Phase::ShuttingDown(poll) => self.poll_shut_down(platform, now, poll),
            Phase::Live | Phase::Ended(_) => {}
        }
    }

    /// What to wait for before the next [`Core::drive`].
    pub(crate) fn next_wait(&self, now: Instant) -> (u16, Instant) {
        let admin = self.admin.late_from();
        match self.phase {
            Phase::Disabling(poll) | Phase::Enabling(poll) | Phase::ShuttingDown(poll) => {
                (ADMIN_VECTOR, poll.next)
            }
            Phase::Configuring(_) | Phase::Ended(_) => (ADMIN_VECTOR, admin),
            Phase::Live => {
                let io = self.slots.jobs().map(|job| match job.state {
                    JobState::InFlight { deadline } => deadline,
                    JobState::Waiting { until } => until,
                });
                let deadline = io.min().unwrap_or(Instant::NEVER).min(admin);
                match self.config.completion {
                    Completion::Interrupts => (IO_VECTOR, deadline),
                    Completion::Polled => (IO_VECTOR, deadline.min(now.after(self.pause))),
                }
            }
        }
    }

    /// Why nothing is sent any more, if that is so.
    pub(crate) fn ended(&self) -> Option<Error> {
        match self.phase {
            Phase::Ended(error) => Some(error),
            _ => None,
        }
    }

    /// Takes a bio into the free slot `slot`; it is sent as soon as the controller is live.
    pub(crate) fn accept(&mut self, platform: &P, bio: Bio<P::Dma>, slot: u8) -> Ticket {
        let ticket = Ticket(self.next_serial);
        self.next_serial = self.next_serial.saturating_add(1);
        let now = platform.now();
        let state = JobState::Waiting { until: now };
        let is_alone = !self.slots.may_wait();
        self.slots.note(state);
        let job = Job {
            ticket,
            bio,
            state,
            done_blocks: 0,
            piece_blocks: 0,
            retries: 0,
            is_abort_sent: false,
        };
        self.slots.occupy(slot, job);
        if matches!(self.phase, Phase::Live) {
            if is_alone {
                // The common case: nothing older is to be sent first.
                self.send(platform, now, slot);
                self.slots.sent_alone();
            } else {
                self.send_waiting(platform, now);
            }
        }
        ticket
    }

    /// Whether the bio is here: in a slot or finished and not taken.
    pub(crate) fn is_in_slot(&self, ticket: Ticket) -> bool {
        self.slots.jobs().any(|job| job.ticket == ticket)
    }

    /// Gives the bio in `slot` back to its owner.
    pub(crate) fn finish(&mut self, platform: &P, slot: u8, result: Result<(), BlockError>) {
        let Some((ticket, bio)) = self.slots.vacate(slot) else {
            return;
        };
        let error = result.err().map_or(0, BlockError::code);
        platform.tracer().emit(Event::Finish { error, serial: ticket.0 });
        self.finished.put(ticket, Done { bio, result });
    }

    /// Ends everything: the device is gone, given up or switched off.
    ///
    /// A device that was not seen to stop is cut off from memory first; only then do pages go back.
    pub(crate) fn end(&mut self, platform: &P, error: Error) {
        if self.ended().is_some() {
            return;
        }
        if !matches!(error, Error::Removed | Error::ShutDown) {
            self.write_disable(platform);
            platform.stop_dma();
        }
        if matches!(self.phase, Phase::ShuttingDown(_)) {
            let is_complete = u8::from(error == Error::ShutDown);
            platform.tracer().emit(Event::ShutDown { is_complete });
        }
        if error != Error::ShutDown {
            platform.tracer().emit(Event::Gone { error: error.code() });
        }
        self.phase = Phase::Ended(error);
        self.admin.reset();
        let mut last = None;
        while let Some((ticket, slot)) = self.slots.next_after(last, |_| true) {
            self.finish(platform, slot, Err(BlockError::Gone));
            last = Some(ticket);
        }
    }

    /// Begins the set-up once the controller is ready.
    pub(crate) fn begin_configure(&mut self, platform: &P, now: Instant) {
        self.send_step(platform, now, Step::FIRST);
    }

    /// An interrupt that keeps coming while time stands still must not hang the guest.
    fn check_stall(&mut self, platform: &P, now: Instant) {
        let this_wake = (now, self.counters.completions);
        let is_same = this_wake == self.last_wake;
        self.spins = if is_same { self.spins.saturating_add(1) } else { 0 };
        let is_progress = this_wake.1 != self.last_wake.1;
        let longer = self.pause.saturating_mul(2).min(COMPLETION_PAUSE_MAX);
        self.pause = if is_progress { PAUSE_MIN } else { longer };
        self.last_wake = this_wake;
        if self.spins > SPINS_MAX {
            self.end(platform, Error::Stalled);
        }
    }
}

/// Entries of the I/O queues, if the controller is one that this driver can drive.
fn io_depth(cap: Cap, wanted: u16) -> Result<u16, Error> {
    if cap.css() & CSS_NVM == 0 {
        return Err(Error::Unsupported(Missing::NvmCommandSet));
    }
    if cap.mpsmin() != 0 {
        return Err(Error::Unsupported(Missing::SmallPages));
    }
    let offered = u16::try_from(cap.mqes_z().saturating_add(1)).unwrap_or(u16::MAX);
    let slots_max = u16::try_from(cid::SLOTS_MAX).unwrap_or(u16::MAX);
    let depth = offered.min(wanted).min(slots_max.saturating_add(1));
    if depth < 2 { Err(Error::Unsupported(Missing::QueueEntries)) } else { Ok(depth) }
}

#[cfg(test)]
mod tests;
