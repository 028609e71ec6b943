//! The controller's timer in the wall clock.
//!
//! It says when something is due, and says it again until somebody has set another time. In a machine the
//! controller is only ever stepped on the CPU's thread, which has to be kicked out of the guest, and a kick that comes
//! just before the guest is entered is lost. A controller that is served is stepped by the timer's own thread.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use event_manager::{EventOps, Events, MutEventSubscriber};
use vmm_sys_util::epoll::EventSet;
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};
use vmm_sys_util::timerfd::TimerFd;

use crate::VmmError;
use crate::event_loop::subscribe;

/// Until it is said again.
const REPEAT: Duration = Duration::from_micros(200);

/// When the controller wants to be stepped next: set by whoever steps it, read by the timer.
#[derive(Debug)]
pub(crate) struct Alarm {
    at: Mutex<Option<Instant>>,
    changed: EventFd,
}

impl Alarm {
    /// An alarm that is not set.
    ///
    /// # Errors
    /// The host has no descriptors left.
    pub(crate) fn new() -> Result<Self, VmmError> {
        let changed = EventFd::new(EFD_NONBLOCK)
            .map_err(|source| VmmError::Host { what: "creating an eventfd", source })?;
        Ok(Self { at: Mutex::new(None), changed })
    }

    /// Sets or clears the alarm.
    pub(crate) fn set(&self, at: Option<Instant>) {
        let mut present = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        if *present != at {
            *present = at;
            if let Err(error) = self.changed.write(1) {
                log::error!("the controller's timer cannot be set: {error}");
            }
        }
    }

    fn get(&self) -> Option<Instant> {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The timer as a subscriber of the event loop.
pub(crate) struct ControllerTimer {
    timer: TimerFd,
    alarm: Arc<Alarm>,
    due: Box<dyn FnMut() + Send>,
}

/// Marks the timer's descriptor among the two.
const TIMER: u32 = 1;

impl ControllerTimer {
    /// A timer that calls `due` on the event loop's thread.
    ///
    /// # Errors
    /// The host has no descriptors left.
    pub(crate) fn new(
        alarm: Arc<Alarm>,
        due: impl FnMut() + Send + 'static,
    ) -> Result<Self, VmmError> {
        let timer = TimerFd::new().map_err(|errno| VmmError::Host {
            what: "timerfd_create",
            source: io::Error::from_raw_os_error(errno.errno()),
        })?;
        Ok(Self { timer, alarm, due: Box::new(due) })
    }

    fn rearm(&mut self) {
        let now = Instant::now();
        let result = match self.alarm.get() {
            None => self.timer.clear(),
            Some(at) if at <= now => {
                (self.due)();
                self.timer.reset(REPEAT, None)
            }
            Some(at) => self.timer.reset(at - now, None),
        };
        if let Err(error) = result {
            log::error!("the controller's timer cannot be set: {error}");
        }
    }

    /// Something is ready: the timer, or the alarm's eventfd.
    fn woken(&mut self, by_timer: bool) {
        // An expiry is not read: setting the timer takes it back. Reading would block for ever when
        // both descriptors were ready and the other one has set the timer meanwhile.
        if !by_timer && let Err(error) = self.alarm.changed.read() {
            log::debug!("the controller's timer woke for nothing: {error}");
        }
        self.rearm();
    }
}

impl MutEventSubscriber for ControllerTimer {
    fn process(&mut self, events: Events, _ops: &mut EventOps<'_>) {
        self.woken(events.data() == TIMER);
    }

    fn init(&mut self, ops: &mut EventOps<'_>) {
        subscribe(ops, Events::with_data(&self.timer, TIMER, EventSet::IN));
        subscribe(ops, Events::new(&self.alarm.changed, EventSet::IN));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_that_was_taken_back_meanwhile_does_not_block_the_event_loop() {
        let alarm = Arc::new(Alarm::new().unwrap());
        let mut timer = ControllerTimer::new(Arc::clone(&alarm), || ()).unwrap();
        alarm.set(Some(Instant::now() + Duration::from_secs(3600)));
        // Both descriptors were ready; the eventfd is handled first and sets the timer anew.
        timer.woken(false);
        timer.woken(true);
        alarm.set(None);
        timer.woken(false);
        timer.woken(true);
    }
}
