//! The persistent event log: what happened to the device, the newest first.
//!
//! A context is a frozen copy: what happens while it is there goes into the log and not into it. A reset
//! ends the context.
// Spec: NVMe-Base-2.0c 5.16.1.14 "Persistent Event Log (Log Identifier 0Dh)"

use std::collections::VecDeque;

use nvme_spec::log::EventHeader;
use zerocopy::IntoBytes;

/// The most bytes of events: PELS = 1 says 64 KiB with the header.
const BYTES_MAX: usize = 63 << 10;

/// Events, and the report that a host is reading.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal {
    events: VecDeque<Vec<u8>>,
    bytes: usize,
    generation: u16,
    context: Option<Vec<u8>>,
}

impl Journal {
    /// Something happened; the oldest events go if there is no room.
    pub(crate) fn enter(&mut self, event_type: u8, timestamp: u64, data: &[u8]) {
        let length = u16::try_from(data.len()).unwrap_or(u16::MAX);
        let header = EventHeader::new(event_type, length, timestamp);
        let mut event = header.as_bytes().to_vec();
        event.extend(data);
        self.bytes = self.bytes.saturating_add(event.len());
        self.events.push_front(event);
        while self.bytes > BYTES_MAX {
            let Some(oldest) = self.events.pop_back() else {
                return;
            };
            self.bytes = self.bytes.saturating_sub(oldest.len());
        }
    }

    /// How many events there are.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.events.len()).unwrap_or(u32::MAX)
    }

    /// All events, the newest first.
    pub(crate) fn events(&self) -> impl Iterator<Item = &[u8]> {
        self.events.iter().map(Vec::as_slice)
    }

    /// The number of the next report.
    pub(crate) fn next_generation(&mut self) -> u16 {
        self.generation = self.generation.wrapping_add(1);
        self.generation
    }

    pub(crate) fn set_context(&mut self, report: Vec<u8>) {
        self.context = Some(report);
    }

    /// The report that is being read.
    pub(crate) fn context(&self) -> Option<&[u8]> {
        self.context.as_deref()
    }

    pub(crate) fn release(&mut self) {
        self.context = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_bounded_and_loses_its_oldest_events() {
        let mut journal = Journal::default();
        for number in 0..200_u64 {
            journal.enter(1, number, &[0; 512]);
        }
        assert_eq!(journal.count() as usize, BYTES_MAX / 536);
        let newest = journal.events().next().and_then(EventHeader::from_prefix);
        assert_eq!(newest.map(|header| header.timestamp.get()), Some(199));
    }
}
