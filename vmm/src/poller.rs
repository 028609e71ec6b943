//! The poll thread: in the wall clock it looks at shadow doorbells while the CPU is in the guest.
//!
//! The controller is lent: the CPU's thread puts it here before it enters the guest and takes it back
//! after. So everything else in this crate has it for itself, as in the lab clock, and what the poll
//! thread does is the same step.
//!
//! It must not be the only one that works: with one processor for two threads, a guest that spins keeps
//! this one from running. A guest that sees nothing for a while therefore rings the real doorbell, and
//! the CPU's thread does the step. This thread spins for a moment, then lets others run, and sleeps after
//! some milliseconds without any work, done by whomever.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::VmmError;
use crate::devices::nvme::NvmeFunction;
use crate::watchdog::Progress;

/// How long it spins.
const SPIN: Duration = Duration::from_micros(20);
/// After how long it sleeps.
const AWAKE: Duration = Duration::from_millis(5);
/// How long it sleeps at the most: a run may end, or the controller may be taken back, meanwhile.
const NAP: Duration = Duration::from_millis(20);

/// The controller while the CPU is in the guest, and the time that it lives in.
type Lent = Option<(Box<NvmeFunction>, Instant)>;

#[derive(Debug)]
struct Shared {
    lent: Mutex<Lent>,
    changed: Condvar,
    is_asleep: AtomicBool,
    /// The CPU's thread wants the controller back: a lock that is taken again and again starves it.
    is_wanted: AtomicBool,
    is_over: AtomicBool,
    progress: Arc<Progress>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Lent> {
        self.lent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread, for as long as the machine exists.
#[derive(Debug)]
pub(crate) struct Poller {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// Work done when the controller was lent last.
    work_seen: u64,
}

impl Poller {
    /// Starts the thread.
    ///
    /// # Errors
    /// The host has no threads left.
    pub(crate) fn start(progress: Arc<Progress>) -> Result<Self, VmmError> {
        let shared = Arc::new(Shared {
            lent: Mutex::default(),
            changed: Condvar::new(),
            is_asleep: AtomicBool::new(false),
            is_wanted: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            progress,
        });
        let for_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("poll".into())
            .spawn(move || poll_until_over(&for_thread))
            .map_err(|source| VmmError::Host { what: "starting the poll thread", source })?;
        Ok(Self { shared, thread: Some(thread), work_seen: 0 })
    }

    /// Lends the controller, whose time began at `power_on`.
    pub(crate) fn lend(&mut self, nvme: Box<NvmeFunction>, power_on: Instant) {
        let work = nvme.controller().work_done();
        let is_news = std::mem::replace(&mut self.work_seen, work) != work;
        *self.shared.lock() = Some((nvme, power_on));
        if is_news && self.shared.is_asleep.load(Ordering::SeqCst) {
            self.shared.changed.notify_one();
        }
    }

    /// Takes the controller back, if it was lent.
    pub(crate) fn take_back(&self) -> Option<Box<NvmeFunction>> {
        self.shared.is_wanted.store(true, Ordering::SeqCst);
        let lent = self.shared.lock().take();
        self.shared.is_wanted.store(false, Ordering::SeqCst);
        lent.map(|(nvme, _)| nvme)
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the poll thread panicked");
        }
    }
}

fn poll_until_over(shared: &Shared) {
    let (mut work_seen, mut idle_since) = (0, Instant::now());
    while !shared.is_over.load(Ordering::SeqCst) {
        // One look at the clock: while the guest works it is a good part of a poll.
        let (now, work) = poll_once(shared).unwrap_or_else(|| (Instant::now(), work_seen));
        if work != work_seen {
            (work_seen, idle_since) = (work, now);
            shared.progress.count_exit();
        }
        match now - idle_since {
            idle if idle < SPIN => std::hint::spin_loop(),
            idle if idle < AWAKE => std::thread::yield_now(),
            _ => sleep(shared),
        }
    }
}

/// Steps the controller if it is lent and not in use; says when that was, and how much work it has done
/// in its life.
fn poll_once(shared: &Shared) -> Option<(Instant, u64)> {
    if shared.is_wanted.load(Ordering::SeqCst) {
        return None;
    }
    let mut lent = match shared.lent.try_lock() {
        Ok(lent) => lent,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => return None,
    };
    let (nvme, power_on) = lent.as_mut()?;
    let now = Instant::now();
    nvme.poll(crate::clock::nanos(now - *power_on));
    Some((now, nvme.controller().work_done()))
}

/// Tells the guest that it has to ring again, and sleeps until somebody has worked.
fn sleep(shared: &Shared) {
    let mut lent = shared.lock();
    if let Some((nvme, power_on)) = lent.as_mut() {
        nvme.stop_polling(crate::clock::nanos(power_on.elapsed()));
    }
    shared.is_asleep.store(true, Ordering::SeqCst);
    let woken = shared.changed.wait_timeout(lent, NAP);
    shared.is_asleep.store(false, Ordering::SeqCst);
    drop(woken);
}
