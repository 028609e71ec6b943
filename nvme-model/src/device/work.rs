//! Something that takes time in the background and survives the loss of power.

/// A span of work. The clock may begin anew between a pause and the next resumption.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    total_ns: u64,
    done_ns: u64,
    /// Since when it runs; `None` while the power is off.
    running_since: Option<u64>,
}

impl Work {
    pub(crate) fn starting_at(now_ns: u64, total_ns: u64) -> Self {
        Self { total_ns, done_ns: 0, running_since: Some(now_ns) }
    }

    fn done_ns(&self, now_ns: u64) -> u64 {
        let since = self.running_since.map_or(0, |since| now_ns.saturating_sub(since));
        self.done_ns.saturating_add(since).min(self.total_ns)
    }

    pub(crate) fn pause(&mut self, now_ns: u64) {
        self.done_ns = self.done_ns(now_ns);
        self.running_since = None;
    }

    /// Goes on, if it was paused.
    pub(crate) fn resume(&mut self, now_ns: u64) {
        self.running_since.get_or_insert(now_ns);
    }

    /// When it is done; `None` while it is paused.
    pub(crate) fn due(&self) -> Option<u64> {
        let since = self.running_since?;
        Some(since.saturating_add(self.total_ns.saturating_sub(self.done_ns)))
    }

    /// How much is done, in parts of `whole`.
    pub(crate) fn progress(&self, now_ns: u64, whole: u32) -> u32 {
        let parts = u128::from(self.done_ns(now_ns)).saturating_mul(whole.into());
        let done = parts.checked_div(self.total_ns.into()).unwrap_or(whole.into());
        u32::try_from(done).unwrap_or(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_goes_on_where_it_was_when_the_power_went() {
        let mut work = Work::starting_at(1_000, 400);
        assert_eq!((work.due(), work.progress(1_100, 100)), (Some(1_400), 25));
        work.pause(1_100);
        assert_eq!((work.due(), work.progress(9_999, 100)), (None, 25));
        work.resume(50);
        work.resume(60);
        assert_eq!((work.due(), work.progress(250, 100)), (Some(350), 75));
        assert_eq!(work.progress(10_000, 65_536), 65_536);
    }

    #[test]
    fn work_without_length_is_done_at_once() {
        let work = Work::starting_at(7, 0);
        assert_eq!((work.due(), work.progress(7, 100)), (Some(7), 100));
    }
}
