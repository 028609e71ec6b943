//! Asynchronous events: those that happened, and the requests that wait for them.
//!
//! A type that was reported is masked until the host reads the log page that tells more. An event that
//! finds no request waits; the same event does not wait twice.
// Spec: NVMe-Base-2.0c 5.2 "Asynchronous Event Request command"

use std::collections::{BTreeMap, VecDeque};

use nvme_spec::aer::AerResult;

/// Events and parked requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct AsyncEvents {
    /// Command identifiers of the parked requests, oldest first.
    parked: VecDeque<u16>,
    pending: VecDeque<AerResult>,
    /// Types that were reported, and the log page that tells more and has to be read before the next.
    masked: BTreeMap<u32, u32>,
    /// An event that is reported so often, masked or not: a fault.
    flood: Option<(AerResult, u16)>,
}

impl AsyncEvents {
    /// Parks a request; `false` if `limit` requests are parked already.
    pub(crate) fn park(&mut self, cid: u16, limit: u16) -> bool {
        let has_room = self.parked.len() < usize::from(limit);
        if has_room {
            self.parked.push_back(cid);
        }
        has_room
    }

    /// Whether a request with this identifier is parked.
    pub(crate) fn is_parked(&self, cid: u16) -> bool {
        self.parked.contains(&cid)
    }

    /// Takes a request out, for an abort.
    pub(crate) fn unpark(&mut self, cid: u16) -> bool {
        let before = self.parked.len();
        self.parked.retain(|parked| *parked != cid);
        self.parked.len() < before
    }

    /// Something happened.
    pub(crate) fn raise(&mut self, event: AerResult) {
        if !self.pending.contains(&event) {
            self.pending.push_back(event);
        }
    }

    /// An event is to be reported so often, masked or not, as fast as requests come.
    pub(crate) fn flood(&mut self, event: AerResult, count: u16) {
        self.flood = (count > 0).then_some((event, count));
    }

    /// Whether an event can be reported now.
    pub(crate) fn is_deliverable(&self) -> bool {
        !self.parked.is_empty() && (self.flood.is_some() || self.next().is_some())
    }

    fn next(&self) -> Option<usize> {
        self.pending.iter().position(|event| !self.masked.contains_key(&event.event_type()))
    }

    /// The next event to report and the request that reports it; its type is masked then.
    pub(crate) fn deliver(&mut self) -> Option<(u16, AerResult)> {
        if let Some((event, left)) = self.flood.filter(|_| !self.parked.is_empty()) {
            self.flood(event, left.saturating_sub(1));
            return Some((self.parked.pop_front()?, event));
        }
        let index = self.next()?;
        let cid = self.parked.pop_front()?;
        let event = self.pending.remove(index)?;
        self.masked.insert(event.event_type(), event.log_page());
        Some((cid, event))
    }

    /// The host read a log page without retaining the event: types whose last event named that page may
    /// be reported again.
    pub(crate) fn rearm(&mut self, log_page: u32) {
        self.masked.retain(|_, named| *named != log_page);
    }

    /// What an event that was not reported yet would tell is known already.
    pub(crate) fn forget(&mut self, is_known: impl Fn(&AerResult) -> bool) {
        self.pending.retain(|event| !is_known(event));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nvme_spec::aer;

    fn error(info: u32) -> AerResult {
        AerResult(0).with_event_type(aer::TYPE_ERROR).with_info(info).with_log_page(1)
    }

    #[test]
    fn a_request_without_an_event_stays_parked() {
        let mut events = AsyncEvents::default();
        assert!(events.park(7, 1));
        assert!(!events.is_deliverable());
        assert_eq!(events.deliver(), None);
        assert!(events.is_parked(7));
    }

    #[test]
    fn the_limit_holds() {
        let mut events = AsyncEvents::default();
        assert!(events.park(1, 2) && events.park(2, 2));
        assert!(!events.park(3, 2));
    }

    #[test]
    fn an_event_waits_for_a_request_and_then_masks_its_type() {
        let mut events = AsyncEvents::default();
        events.raise(error(0));
        events.raise(error(0));
        events.raise(error(1));
        assert!(events.park(1, 4) && events.park(2, 4));
        assert_eq!(events.deliver(), Some((1, error(0))));
        assert_eq!(events.deliver(), None);
        events.rearm(2);
        assert_eq!(events.deliver(), None);
        events.rearm(1);
        assert_eq!(events.deliver(), Some((2, error(1))));
    }
}
