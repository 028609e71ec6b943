//! The event loop: one thread beside the CPU's for whatever happens at its own time.
//!
//! Its subscribers are the watchdog and, in the wall clock, the controller's timer and the console's
//! input. It ends when the machine is dropped.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use event_manager::{EventManager, EventOps, Events, MutEventSubscriber, SubscriberOps};
use vmm_sys_util::epoll::EventSet;
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};
use vmm_sys_util::timerfd::TimerFd;

use crate::VmmError;
use crate::watchdog::{Progress, Watchdog};

/// Something that lives on the event loop's thread.
pub(crate) type Subscriber = Box<dyn MutEventSubscriber + Send>;

/// The running event loop.
#[derive(Debug)]
pub(crate) struct EventLoop {
    exit: EventFd,
    thread: Option<JoinHandle<()>>,
}

impl EventLoop {
    /// Starts the thread with its subscribers.
    ///
    /// # Errors
    /// The host has no descriptors or threads left.
    pub(crate) fn start(subscribers: Vec<Subscriber>) -> Result<Self, VmmError> {
        let failed = |source| VmmError::Host { what: "starting the event loop", source };
        let exit = EventFd::new(EFD_NONBLOCK).map_err(failed)?;
        let exit_seen = exit.try_clone().map_err(failed)?;
        let thread = std::thread::Builder::new()
            .name("events".into())
            .spawn(move || {
                if let Err(error) = dispatch(subscribers, exit_seen) {
                    log::error!("the event loop ended, no watchdog watches: {error}");
                }
            })
            .map_err(failed)?;
        Ok(Self { exit, thread: Some(thread) })
    }
}

impl Drop for EventLoop {
    fn drop(&mut self) {
        if self.exit.write(1).is_err() {
            return;
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the event loop's thread panicked");
        }
    }
}

fn dispatch(subscribers: Vec<Subscriber>, exit: EventFd) -> event_manager::Result<()> {
    let mut manager = EventManager::<Subscriber>::new()?;
    for subscriber in subscribers {
        manager.add_subscriber(subscriber);
    }
    let is_over = Arc::new(AtomicBool::new(false));
    manager.add_subscriber(Box::new(Exit { eventfd: exit, is_over: Arc::clone(&is_over) }));
    while !is_over.load(Ordering::Relaxed) {
        manager.run()?;
    }
    Ok(())
}

/// Ends the loop.
struct Exit {
    eventfd: EventFd,
    is_over: Arc<AtomicBool>,
}

impl MutEventSubscriber for Exit {
    fn process(&mut self, _events: Events, _ops: &mut EventOps<'_>) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    fn init(&mut self, ops: &mut EventOps<'_>) {
        subscribe(ops, Events::new(&self.eventfd, EventSet::IN));
    }
}

/// Registers `events` with the loop.
pub(crate) fn subscribe(ops: &mut EventOps<'_>, events: Events) {
    if let Err(error) = ops.add(events) {
        log::error!("cannot watch descriptor {}: {error}", events.fd());
    }
}

/// The watchdog as a subscriber: a timer.
pub(crate) struct WatchdogTimer {
    timer: TimerFd,
    watchdog: Watchdog,
    progress: Arc<Progress>,
}

impl WatchdogTimer {
    pub(crate) fn new(watchdog: Watchdog, progress: Arc<Progress>) -> Result<Self, VmmError> {
        let failed = |what, errno: vmm_sys_util::errno::Error| VmmError::Host {
            what,
            source: io::Error::from_raw_os_error(errno.errno()),
        };
        let mut timer = TimerFd::new().map_err(|e| failed("timerfd_create", e))?;
        let interval = watchdog.interval();
        timer.reset(interval, Some(interval)).map_err(|e| failed("timerfd_settime", e))?;
        Ok(Self { timer, watchdog, progress })
    }
}

impl MutEventSubscriber for WatchdogTimer {
    fn process(&mut self, _events: Events, _ops: &mut EventOps<'_>) {
        if let Err(error) = self.timer.wait() {
            log::error!("the watchdog's timer failed: {error}");
        }
        self.watchdog.look(&self.progress, Instant::now());
    }

    fn init(&mut self, ops: &mut EventOps<'_>) {
        subscribe(ops, Events::new(&self.timer, EventSet::IN));
    }
}
