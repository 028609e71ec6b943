//! What a PCI function with a device behind it knows of the run: the time, whether the guest ran, and what
//! happened in the device and was not yet shown.

/// The most events that are kept while nobody takes them: a guest need not leave the CPU for long.
const EVENTS_MAX: usize = 1 << 16;

/// The course of a run, with the device's events.
#[derive(Debug)]
pub(crate) struct Course<E> {
    /// The time, as of the present exit.
    now_ns: u64,
    /// Since the device was connected, the guest ran: a power cycle cuts its power.
    has_run: bool,
    /// Somebody wants to see the events.
    is_watched: bool,
    events: Vec<(u64, E)>,
}

impl<E> Course<E> {
    pub(super) fn new() -> Self {
        Self { now_ns: 0, has_run: false, is_watched: true, events: Vec::new() }
    }

    pub(super) fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// Says what time it is; to be called before an access is carried in.
    pub(crate) fn set_now(&mut self, now_ns: u64) {
        self.now_ns = now_ns;
    }

    /// The guest begins to run, with or without somebody who wants to see what happens.
    pub(crate) fn begin(&mut self, is_watched: bool) {
        self.has_run = true;
        self.is_watched = is_watched;
    }

    /// The power goes; whether the guest ran since the last time.
    pub(super) fn end(&mut self) -> bool {
        self.is_watched = true;
        std::mem::take(&mut self.has_run)
    }

    /// Takes what happened since the last call, oldest first.
    pub(crate) fn take_events(&mut self) -> impl Iterator<Item = (u64, E)> {
        self.events.drain(..)
    }

    /// Forgets events that nobody has taken for too long.
    pub(super) fn limit_events(&mut self) {
        if self.events.len() > EVENTS_MAX {
            log::debug!("{} events of a device are not shown", self.events.len());
            self.events.clear();
        }
    }

    fn note(&mut self, now_ns: u64, event: E) {
        if self.is_watched {
            self.events.push((now_ns, event));
        }
    }
}

impl nvme_model::Observer for Course<nvme_model::Event> {
    fn event(&mut self, now_ns: u64, event: &nvme_model::Event) {
        self.note(now_ns, *event);
    }
}

impl file_server::Observer for Course<file_server::Event> {
    fn server_event(&mut self, now_ns: u64, event: &file_server::Event) {
        self.note(now_ns, *event);
    }
}

#[cfg(test)]
mod tests {
    use nvme_model::{Event, Observer as _};

    use super::*;

    #[test]
    fn events_are_kept_only_for_somebody_who_watches_and_what_a_power_cut_does_always() {
        let mut course = Course::new();
        let event = Event::PowerLost;
        for (is_watched, kept) in [(true, 1), (false, 0)] {
            course.begin(is_watched);
            course.event(1, &event);
            assert_eq!(course.take_events().count(), kept);
        }
        assert!(course.end() && !course.end());
        course.event(2, &event);
        assert!(course.take_events().eq([(2, event)]));
    }
}
