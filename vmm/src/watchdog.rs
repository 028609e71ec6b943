//! The watchdog: a guest that makes no progress is kicked out of the CPU, never waited for.
//!
//! It runs on the event loop's thread. Exits and calls are counted in [`Progress`]; the watchdog
//! looks at the counts now and then, and asks for an end when they stand still for too long. The CPU's
//! thread is the one that reads the registers and returns.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::VmmError;
use crate::config::Limits;
use crate::kvm::Kicker;
use crate::raised::Raised;

/// Why the CPU's thread is asked to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// The limit without an exit passed.
    NoProgress,
    /// The limit of the whole run passed.
    Total,
    /// Somebody outside asked for it.
    Outside,
}

/// What the CPU's thread and the watchdog tell each other.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    exits: AtomicU64,
    /// Calls that were answered without an exit.
    calls: AtomicU64,
    /// The guest waits at the lab device: standing still is what it is supposed to do.
    is_waiting: AtomicBool,
    /// Somebody outside wants no more runs.
    is_stopped: AtomicBool,
    /// There is something for the CPU's thread to fetch.
    is_wanted: AtomicBool,
    run: Mutex<Option<Run>>,
    kicker: Kicker,
    raised: Arc<Raised>,
}

/// The run that is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    started: Instant,
    stop: Option<StopReason>,
}

impl Progress {
    /// For a machine whose waits `raised` ends.
    pub(crate) fn new(raised: Arc<Raised>) -> Self {
        Self { raised, ..Self::default() }
    }

    /// A run begins on this thread.
    pub(crate) fn enter(&self) -> Result<(), VmmError> {
        self.kicker.enter()?;
        self.raised.set_cancelled(self.is_stopped.load(Ordering::SeqCst));
        *self.run() = Some(Run { started: Instant::now(), stop: None });
        Ok(())
    }

    /// The run is over: no more kicks.
    pub(crate) fn leave(&self) {
        *self.run() = None;
        self.kicker.leave();
    }

    /// How often the guest has left the CPU or begun or ended to wait.
    pub(crate) fn exits(&self) -> u64 {
        self.exits.load(Ordering::Relaxed)
    }

    /// The guest left the CPU.
    pub(crate) fn count_exit(&self) {
        self.exits.fetch_add(1, Ordering::Relaxed);
    }

    /// The guest called without leaving the CPU.
    pub(crate) fn count_call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    /// Moves as long as the guest does anything but compute.
    fn signs_of_life(&self) -> u64 {
        self.exits.load(Ordering::Relaxed).wrapping_add(self.calls.load(Ordering::Relaxed))
    }

    /// The guest begins or ends to wait at the lab device.
    pub(crate) fn set_waiting(&self, is_waiting: bool) {
        self.exits.fetch_add(1, Ordering::Relaxed);
        self.is_waiting.store(is_waiting, Ordering::Relaxed);
    }

    /// Whether the CPU's thread is asked to come back.
    pub(crate) fn stop_reason(&self) -> Option<StopReason> {
        if self.is_stopped.load(Ordering::SeqCst) {
            return Some(StopReason::Outside);
        }
        (*self.run()).and_then(|run| run.stop)
    }

    /// Asks the CPU's thread to come back from the run that started at `started`; the first reason
    /// stays. The kick may get lost (see [`Kicker`]), so it has to be repeated.
    fn ask_to_stop(&self, started: Instant, reason: StopReason) {
        let mut run = self.run();
        let Some(run) = run.as_mut().filter(|run| run.started == started) else {
            return;
        };
        run.stop.get_or_insert(reason);
        self.raised.set_cancelled(true);
        self.kicker.kick();
    }

    /// No more runs: the present one ends (at the watchdog's next look at the latest), and so does
    /// every later one as soon as it begins.
    pub(crate) fn stop_from_outside(&self) {
        self.is_stopped.store(true, Ordering::SeqCst);
        self.raised.set_cancelled(true);
        self.kicker.kick();
    }

    /// Makes the CPU's thread look up, unless it just enters the guest.
    pub(crate) fn kick(&self) {
        self.kicker.kick();
    }

    /// Makes the CPU's thread look up, at the watchdog's next look at the latest.
    pub(crate) fn look_up(&self) {
        self.is_wanted.store(true, Ordering::SeqCst);
        self.kicker.kick();
    }

    /// The CPU's thread has looked up.
    pub(crate) fn looked_up(&self) {
        self.is_wanted.store(false, Ordering::SeqCst);
    }

    fn run(&self) -> MutexGuard<'_, Option<Run>> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The watchdog's memory between two looks.
#[derive(Debug)]
pub(crate) struct Watchdog {
    limits: Limits,
    seen_signs: u64,
    seen_at: Option<Instant>,
    seen_run: Option<Instant>,
}

impl Watchdog {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, seen_signs: 0, seen_at: None, seen_run: None }
    }

    /// How often to look: often enough to be at most an eighth late.
    pub(crate) fn interval(&self) -> Duration {
        let shortest = [self.limits.no_progress, self.limits.total].into_iter().flatten().min();
        let eighth = shortest.map_or(Duration::MAX, |limit| limit / 8);
        eighth.clamp(Duration::from_millis(2), Duration::from_millis(250))
    }

    /// Looks at `progress` at `now`, and asks for the end of the run if a limit has passed; asks again
    /// at every look until the CPU's thread has gone.
    pub(crate) fn look(&mut self, progress: &Progress, now: Instant) {
        let run = progress.run().map(|run| run.started);
        let signs = progress.signs_of_life();
        let is_waiting = progress.is_waiting.load(Ordering::Relaxed);
        if run != self.seen_run || signs != self.seen_signs || is_waiting {
            self.seen_run = run;
            self.seen_signs = signs;
            self.seen_at = Some(now);
        }
        let Some(started) = run else { return };
        let is_over = |limit: Option<Duration>, since: Option<Instant>| {
            limit.zip(since).is_some_and(|(limit, since)| now.duration_since(since) >= limit)
        };
        if is_over(self.limits.total, Some(started)) {
            progress.ask_to_stop(started, StopReason::Total);
        } else if is_over(self.limits.no_progress, self.seen_at) {
            progress.ask_to_stop(started, StopReason::NoProgress);
        } else if let Some(reason) = progress.stop_reason() {
            progress.ask_to_stop(started, reason);
        } else if progress.is_wanted.load(Ordering::SeqCst) {
            progress.kick();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    struct Fixture {
        dog: Watchdog,
        progress: Progress,
        start: Instant,
    }

    impl Fixture {
        fn new() -> Self {
            let limits = Limits {
                no_progress: Some(2 * SECOND),
                total: Some(10 * SECOND),
                ..Limits::default()
            };
            // No thread enters the kicker here: these tests move the clock by hand, and a kick must
            // not reach the test's own thread.
            let start = Instant::now();
            let progress = Progress::default();
            *progress.run() = Some(Run { started: start, stop: None });
            Self { dog: Watchdog::new(limits), progress, start }
        }

        fn look_after(&mut self, seconds: u32) -> Option<StopReason> {
            self.dog.look(&self.progress, self.start + seconds * SECOND);
            self.progress.stop_reason()
        }
    }

    #[test]
    fn a_guest_that_never_exits_is_stopped_after_its_limit() {
        let mut fixture = Fixture::new();
        assert_eq!(fixture.look_after(0), None);
        assert_eq!(fixture.look_after(1), None);
        assert_eq!(fixture.look_after(2), Some(StopReason::NoProgress));
        assert_eq!(fixture.look_after(10), Some(StopReason::NoProgress), "the first reason stays");
    }

    #[test]
    fn a_guest_that_exits_is_stopped_only_by_the_total() {
        let mut fixture = Fixture::new();
        for second in 0..10 {
            fixture.progress.count_exit();
            assert_eq!(fixture.look_after(second), None);
        }
        assert_eq!(fixture.look_after(10), Some(StopReason::Total));
    }

    #[test]
    fn a_guest_that_calls_without_an_exit_makes_progress() {
        let mut fixture = Fixture::new();
        for second in 0..9 {
            fixture.progress.count_call();
            assert_eq!(fixture.look_after(second), None);
        }
    }

    #[test]
    fn a_guest_that_waits_at_the_lab_device_makes_progress() {
        let mut fixture = Fixture::new();
        fixture.progress.set_waiting(true);
        assert_eq!(fixture.look_after(0), None);
        assert_eq!(fixture.look_after(5), None);
        fixture.progress.set_waiting(false);
        assert_eq!(fixture.look_after(5), None);
        assert_eq!(fixture.look_after(7), Some(StopReason::NoProgress));
    }

    #[test]
    fn a_limit_of_one_run_does_not_end_the_next() {
        let mut fixture = Fixture::new();
        let old = fixture.start;
        fixture.progress.leave();
        assert_eq!(fixture.look_after(100), None);
        *fixture.progress.run() = Some(Run { started: old + SECOND, stop: None });
        fixture.progress.ask_to_stop(old, StopReason::Total);
        assert_eq!(fixture.progress.stop_reason(), None);
    }

    #[test]
    fn a_stop_from_outside_stays() {
        let mut fixture = Fixture::new();
        fixture.progress.stop_from_outside();
        fixture.progress.leave();
        assert_eq!(fixture.look_after(0), Some(StopReason::Outside));
    }
}
