//! The attendant: a thread that answers the guest's bell (`machine::call_page`), so that a call is no exit.
//!
//! In the lab clock a guest that calls stands still until it is answered. So it makes no difference which thread
//! carries the call out, as long as one does: both have the devices by one lock, and do the same with them. The CPU's
//! thread does it when the guest left the CPU, this one when the guest rang. What it sees in the devices it keeps, in
//! order; the CPU's thread tells the observer.
//!
//! It must not be the only one that works. With one processor for two threads, or while it sleeps, nobody takes the
//! call, and the guest makes its access by an exit. It looks at the bell for a while, then says that it is gone,
//! and sleeps until the next exit. A guest that gives up on it too often in a run is left alone.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use machine::call_page as page;

use crate::devices::{Devices, Ending};
use crate::kvm::Ram;
use crate::seen::Seen;
use crate::watchdog::Progress;
use crate::{MachineObserver, VmmError};

/// How often an attendant looks at the bell before it sleeps ([`crate::MachineConfig::attendant_looks_max`]): some
/// hundreds of microseconds, more than a guest computes between two calls.
pub const ATTENDANT_LOOKS: u32 = 1 << 13;

/// So often a guest may give up on it in one run. Then the host has something else to do for its processors, and two
/// threads that wait for each other's time slice are slower than one that makes its exits.
const MISSES_MAX: u32 = 16;

/// No page of a guest is here: the boot pages are.
const NOWHERE: u64 = 0;

/// The number of no run.
const NO_RUN: u64 = 0;

/// The devices, for whichever thread has something to carry out.
#[derive(Debug)]
struct Work {
    devices: Box<Devices>,
    /// What the observer was not told yet.
    seen: Seen,
    /// The call that ended the run, if one did.
    end: Option<Ending>,
}

/// Where the two threads meet.
#[derive(Debug)]
struct Desk {
    /// `None` between runs.
    work: Mutex<Option<Work>>,
    ram: Ram,
    progress: Arc<Progress>,
    /// How often to look at the bell in vain before a sleep.
    looks_max: u32,
    /// The address of the bell, or [`NOWHERE`].
    bell: AtomicU64,
    /// The number of the run that is going on, or [`NO_RUN`].
    run: AtomicU64,
    /// There will be no more runs.
    is_over: AtomicBool,
}

/// The thread, for as long as the machine exists: starting one costs as much as two exits.
#[derive(Debug)]
pub(crate) struct Attendant {
    desk: Arc<Desk>,
    /// `None` once it was joined.
    thread: Option<JoinHandle<()>>,
    /// Runs so far.
    runs: u64,
    /// Handed from run to run, for its memory.
    seen: Seen,
}

impl Attendant {
    /// Starts the thread, which looks at the bell `looks_max` times before it sleeps.
    ///
    /// # Errors
    /// The host has no threads left.
    pub(crate) fn start(
        ram: Ram,
        progress: Arc<Progress>,
        looks_max: u32,
    ) -> Result<Self, VmmError> {
        let desk = Arc::new(Desk {
            work: Mutex::default(),
            ram,
            progress,
            looks_max,
            bell: AtomicU64::new(NOWHERE),
            run: AtomicU64::new(NO_RUN),
            is_over: AtomicBool::new(false),
        });
        let for_thread = Arc::clone(&desk);
        let thread = thread::Builder::new()
            .name("attendant".into())
            .spawn(move || for_thread.serve())
            .map_err(|source| VmmError::Host { what: "starting the attendant", source })?;
        Ok(Self { desk, thread: Some(thread), runs: 0, seen: Seen::default() })
    }

    /// A run begins.
    pub(crate) fn open(&mut self, devices: Box<Devices>) {
        let bell = devices.bell();
        self.desk.bell.store(bell, Ordering::Release);
        // It will be there: a guest that has just been switched on rings soon.
        self.desk.replace(bell, page::DESERTED, page::ATTENDED);
        let seen = std::mem::take(&mut self.seen);
        *self.desk.lock() = Some(Work { devices, seen, end: None });
        self.runs += 1;
        self.desk.run.store(self.runs, Ordering::Release);
        self.wake();
    }

    /// Carries out what the guest left the CPU for, and wakes the attendant if there is a guest that calls.
    pub(crate) fn at_exit<E>(
        &self,
        observer: &mut dyn MachineObserver,
        carry_out: impl FnOnce(&mut Devices, &mut dyn MachineObserver) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut work = self.desk.lock();
        let Some(Work { devices, seen, .. }) = &mut *work else { return Ok(()) };
        seen.hand_on(observer);
        carry_out(devices, observer)?;
        devices.publish_calls();
        self.desk.bell.store(devices.bell(), Ordering::Release);
        self.wake();
        Ok(())
    }

    /// How a call has ended the run. Waits for a call that is being answered.
    pub(crate) fn end(&self) -> Option<Ending> {
        self.desk.lock().as_ref().and_then(|work| work.end)
    }

    /// Whether the attendant has panicked while it had the devices.
    pub(crate) fn is_broken(&self) -> bool {
        self.desk.work.is_poisoned()
    }

    /// The run is over: tells the observer the rest and gives the devices back.
    ///
    /// # Panics
    /// With the panic of the attendant, if it had one: a bug of ours is to be seen where it would be without it.
    pub(crate) fn close(&mut self, observer: &mut dyn MachineObserver) -> Box<Devices> {
        self.desk.run.store(NO_RUN, Ordering::Release);
        let work = self.desk.lock().take();
        if self.is_broken()
            && let Some(Err(panic)) = self.thread.take().map(JoinHandle::join)
        {
            resume_unwind(panic);
        }
        let Work { devices, mut seen, .. } =
            work.expect("a run has the devices until it is closed");
        seen.hand_on(observer);
        self.seen = seen;
        devices
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Attendant {
    fn drop(&mut self) {
        self.desk.is_over.store(true, Ordering::Release);
        self.desk.run.store(NO_RUN, Ordering::Release);
        self.wake();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the attendant panicked");
        }
    }
}

impl Desk {
    /// The thread's work, run by run.
    fn serve(&self) {
        let mut served = NO_RUN;
        while !self.is_over.load(Ordering::Acquire) {
            let run = self.run.load(Ordering::Acquire);
            if run == NO_RUN || run == served {
                thread::park();
            } else {
                self.attend(run);
                served = run;
            }
        }
    }

    /// Answers the bell until the run is over or the guest has given up on it too often.
    fn attend(&self, run: u64) {
        let (mut looks, mut misses) = (0, 0);
        while self.run.load(Ordering::Acquire) == run {
            // A guest that has just been switched on names its page soon.
            let bell = self.bell.load(Ordering::Acquire);
            if looks > self.looks_max {
                self.sleep(bell);
                looks = 0;
            } else if self.replace(bell, page::RUNG, page::ANSWERING) {
                if self.answer(bell) {
                    // Somebody has to take what was seen: the next call is an exit.
                    self.sleep(bell);
                }
                looks = 0;
            } else if self.replace(bell, page::DESERTED, page::ATTENDED) {
                // Not by this thread: the guest has not been answered in time.
                misses += 1;
                if misses > MISSES_MAX {
                    self.replace(bell, page::ATTENDED, page::DESERTED);
                    return;
                }
            } else {
                looks = looks.saturating_add(1);
                std::hint::spin_loop();
            }
        }
    }

    /// Carries out what the guest has posted. If that ends the run, the bell stays as it is, and the CPU's thread is
    /// called back. Whether more was seen than is to be kept.
    fn answer(&self, bell: u64) -> bool {
        let mut work = self.lock();
        let Some(Work { devices, seen, end: end @ None }) = &mut *work else { return false };
        self.progress.count_call();
        devices.rung();
        match devices.catch_up(seen).and_then(|()| devices.power()) {
            Ok(()) => {
                devices.publish_calls();
                self.bell.store(devices.bell(), Ordering::Release);
                self.replace(bell, page::ANSWERING, page::ATTENDED);
            }
            Err(ending) => {
                *end = Some(ending);
                self.progress.kick();
            }
        }
        seen.is_full()
    }

    /// Sleeps until there is an exit, unless the bell rings just now. An exit since the last sleep counts.
    fn sleep(&self, bell: u64) {
        if !self.replace(bell, page::ATTENDED, page::DESERTED)
            && self.replace(bell, page::RUNG, page::ANSWERING)
        {
            self.answer(bell);
            return;
        }
        thread::park();
        self.replace(self.bell.load(Ordering::Acquire), page::DESERTED, page::ATTENDED);
    }

    /// Changes the bell. A bell that is no memory never changes.
    fn replace(&self, bell: u64, old: u32, new: u32) -> bool {
        bell != NOWHERE && self.ram.replace_u32(bell, old, new).unwrap_or(false)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Work>> {
        // A thread that panicked with the devices ends the run anyway.
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
