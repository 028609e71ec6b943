//! The attendant: a thread that answers the guest's bell (`machine::call_page`), so that a call is no exit.
//!
//! In the lab clock a guest that calls stands still until it is answered. So it makes no difference which thread
//! carries the call out, as long as one does: both have the devices by one lock, and do the same with them. The CPU's
//! thread does it when the guest left the CPU, this one when the guest rang.
//!
//! It must not be the only one that works. With one processor for two threads, or while it sleeps, nobody takes the
//! call, and the guest makes its access by an exit. It looks at the bell for a while, then says that it is gone,
//! and sleeps until the next exit. A guest that gives up on it too often in a run is left alone.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

use machine::call_page as page;

use crate::MachineObserver;
use crate::devices::{Devices, Ending};
use crate::kvm::Ram;
use crate::watchdog::Progress;

/// How often it looks at the bell before it sleeps: some hundreds of microseconds, more than a guest computes between
/// two calls.
const LOOKS_MAX: u32 = 1 << 13;

/// So often a guest may give up on it in one run. Then the host has something else to do for its processors, and two
/// threads that wait for each other's time slice are slower than one that makes its exits.
const MISSES_MAX: u32 = 16;

/// No page of a guest is here: the boot pages are.
const NOWHERE: u64 = 0;

/// The devices, for whichever thread has something to carry out.
pub(crate) struct Work<'a> {
    /// The devices.
    pub(crate) devices: &'a mut Devices,
    /// Who watches them.
    pub(crate) observer: &'a mut dyn MachineObserver,
    /// The call that ended the run, if one did.
    end: Option<Ending>,
}

/// Where the two threads meet, for one run.
pub(crate) struct Desk<'a> {
    work: Mutex<Work<'a>>,
    ram: Ram,
    progress: &'a Progress,
    /// The address of the bell, or [`NOWHERE`].
    bell: AtomicU64,
    is_over: AtomicBool,
}

impl<'a> Desk<'a> {
    /// A desk for one run.
    pub(crate) fn new(
        devices: &'a mut Devices,
        observer: &'a mut dyn MachineObserver,
        ram: Ram,
        progress: &'a Progress,
    ) -> Self {
        let bell = AtomicU64::new(bell_of(devices));
        let work = Mutex::new(Work { devices, observer, end: None });
        Self { work, ram, progress, bell, is_over: AtomicBool::new(false) }
    }

    /// Carries out what the guest left the CPU for, and wakes the attendant: there is a guest that calls.
    pub(crate) fn at_exit<E>(
        &self,
        attendant: &Thread,
        carry_out: impl FnOnce(&mut Devices, &mut dyn MachineObserver) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut work = self.lock();
        let Work { devices, observer, .. } = &mut *work;
        carry_out(devices, *observer)?;
        devices.publish_calls();
        let bell = bell_of(devices);
        self.bell.store(bell, Ordering::Release);
        if bell != NOWHERE {
            attendant.unpark();
        }
        Ok(())
    }

    /// How a call has ended the run. Waits for a call that is being answered.
    pub(crate) fn end(&self) -> Option<Ending> {
        self.lock().end
    }

    /// Whether the attendant has panicked while it had the devices.
    pub(crate) fn is_broken(&self) -> bool {
        self.work.is_poisoned()
    }

    /// Sends the attendant home.
    pub(crate) fn close(&self, attendant: &Thread) {
        self.is_over.store(true, Ordering::Release);
        attendant.unpark();
    }

    /// The attendant's work, until the desk closes.
    pub(crate) fn attend(&self) {
        let (mut looks, mut misses) = (0, 0);
        while !self.is_over.load(Ordering::Acquire) {
            // A guest that has just been switched on names its page soon.
            let bell = self.bell.load(Ordering::Acquire);
            if looks > LOOKS_MAX {
                self.sleep(bell);
                looks = 0;
            } else if self.replace(bell, page::RUNG, page::ANSWERING) {
                self.answer(bell);
                looks = 0;
            } else if self.replace(bell, page::DESERTED, page::ATTENDED) {
                // Not by this thread: the guest has not been answered in time.
                misses += 1;
                if misses > MISSES_MAX {
                    break;
                }
            } else {
                looks += 1;
                std::hint::spin_loop();
            }
        }
        self.replace(self.bell.load(Ordering::Acquire), page::ATTENDED, page::DESERTED);
    }

    /// Carries out what the guest has posted. If that ends the run, the bell stays as it is, and the CPU's thread is
    /// called back.
    fn answer(&self, bell: u64) {
        let mut work = self.lock();
        let Work { devices, observer, end } = &mut *work;
        if end.is_some() {
            return;
        }
        self.progress.count_call();
        match devices.catch_up(*observer).and_then(|()| devices.power()) {
            Ok(()) => {
                devices.publish_calls();
                self.bell.store(bell_of(devices), Ordering::Release);
                self.replace(bell, page::ANSWERING, page::ATTENDED);
            }
            Err(ending) => {
                *end = Some(ending);
                self.progress.kick();
            }
        }
    }

    /// Sleeps until there is an exit, unless the bell rings just now. An exit since the last sleep counts.
    fn sleep(&self, bell: u64) {
        if !self.replace(bell, page::ATTENDED, page::DESERTED)
            && self.replace(bell, page::RUNG, page::ANSWERING)
        {
            return self.answer(bell);
        }
        thread::park();
        self.replace(self.bell.load(Ordering::Acquire), page::DESERTED, page::ATTENDED);
    }

    /// Changes the bell. A bell that is no memory never changes.
    fn replace(&self, bell: u64, old: u32, new: u32) -> bool {
        bell != NOWHERE && self.ram.replace_u32(bell, old, new).unwrap_or(false)
    }

    fn lock(&self) -> MutexGuard<'_, Work<'a>> {
        // A thread that panicked with the devices ends the run anyway.
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bell_of(devices: &Devices) -> u64 {
    devices.call_page().map_or(NOWHERE, |address| address + page::BELL as u64)
}
