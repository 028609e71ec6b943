//! What happened in the devices while nobody could be told: kept in order, and handed on later.

use crate::MachineObserver;

/// More than this is not kept for long: some megabytes. A guest says and does a few hundred things between two exits.
const KEPT_MAX: usize = 1 << 16;

/// An observer that keeps what it is told.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    events: Vec<(u64, Event)>,
    /// The bytes of all [`Event::Console`] and [`Event::DebugConsole`], one after the other.
    bytes: Vec<u8>,
}

#[derive(Debug)]
enum Event {
    Console { length: usize },
    DebugConsole { length: usize },
    Controller(nvme_model::Event),
    Server(file_server::Event),
    Stage(u32),
}

impl Seen {
    /// Whether somebody should take it soon.
    pub(crate) fn is_full(&self) -> bool {
        self.events.len() > KEPT_MAX || self.bytes.len() > KEPT_MAX * 64
    }

    /// Tells `observer` everything, oldest first, and forgets it; the memory stays.
    pub(crate) fn hand_on(&mut self, observer: &mut dyn MachineObserver) {
        let mut rest = self.bytes.as_slice();
        for (now_ns, event) in self.events.drain(..) {
            let mut take = |length| rest.split_off(..length).unwrap_or_default();
            match event {
                Event::Console { length } => observer.console(now_ns, take(length)),
                Event::DebugConsole { length } => observer.debug_console(now_ns, take(length)),
                Event::Controller(event) => observer.controller_event(now_ns, &event),
                Event::Server(event) => observer.server_event(now_ns, &event),
                Event::Stage(stage) => observer.boot_stage(now_ns, stage),
            }
        }
        self.bytes.clear();
    }
}

impl MachineObserver for Seen {
    fn console(&mut self, now_ns: u64, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.events.push((now_ns, Event::Console { length: bytes.len() }));
    }

    fn controller_event(&mut self, now_ns: u64, event: &nvme_model::Event) {
        self.events.push((now_ns, Event::Controller(*event)));
    }

    fn server_event(&mut self, now_ns: u64, event: &file_server::Event) {
        self.events.push((now_ns, Event::Server(*event)));
    }

    fn debug_console(&mut self, now_ns: u64, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.events.push((now_ns, Event::DebugConsole { length: bytes.len() }));
    }

    fn boot_stage(&mut self, now_ns: u64, stage: u32) {
        self.events.push((now_ns, Event::Stage(stage)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Notes(Vec<String>);

    impl MachineObserver for Notes {
        fn console(&mut self, now_ns: u64, bytes: &[u8]) {
            self.0.push(format!("{now_ns} console {}", String::from_utf8_lossy(bytes)));
        }

        fn controller_event(&mut self, now_ns: u64, event: &nvme_model::Event) {
            self.0.push(format!("{now_ns} {event}"));
        }

        fn debug_console(&mut self, now_ns: u64, bytes: &[u8]) {
            self.0.push(format!("{now_ns} debug {}", String::from_utf8_lossy(bytes)));
        }

        fn boot_stage(&mut self, now_ns: u64, stage: u32) {
            self.0.push(format!("{now_ns} stage {stage}"));
        }
    }

    fn tell(observer: &mut dyn MachineObserver) {
        observer.console(1, b"one");
        observer.controller_event(2, &nvme_model::Event::PowerLost);
        observer.debug_console(3, b"two");
        observer.boot_stage(4, 1);
        observer.console(5, b"three");
    }

    #[test]
    fn what_is_handed_on_is_what_was_told_and_is_told_once() {
        let (mut seen, mut later, mut at_once) =
            (Seen::default(), Notes::default(), Notes::default());
        for _ in 0..2 {
            tell(&mut seen);
            seen.hand_on(&mut later);
            tell(&mut at_once);
        }
        assert_eq!(later.0, at_once.0);
        seen.hand_on(&mut later);
        assert_eq!(later.0.len(), 10);
    }

    #[test]
    fn it_is_full_before_it_takes_much_memory() {
        let mut seen = Seen::default();
        (0..=KEPT_MAX).for_each(|_| seen.boot_stage(0, 1));
        assert!(seen.is_full());
        seen.hand_on(&mut Notes::default());
        assert!(!seen.is_full());
    }
}
