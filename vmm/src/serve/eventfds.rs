//! The interrupts of a function whose client listens by eventfds.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::pci::{Line, MsiMessage, MsiSink};

/// Who listens to which vector; the function's first line is 0.
#[derive(Debug, Default)]
pub(super) struct Eventfds(Mutex<BTreeMap<u16, File>>);

impl Eventfds {
    /// From now on `eventfd` is written when `vector` is raised, or nothing.
    pub(super) fn set(&self, vector: u16, eventfd: Option<File>) {
        match eventfd {
            Some(file) => drop(self.lock().insert(vector, file)),
            None => drop(self.lock().remove(&vector)),
        }
    }

    /// Raises `vector` for a client that wants to see whether that arrives.
    pub(super) fn raise(&self, vector: u16) {
        if let Some(mut eventfd) = self.lock().get(&vector)
            && let Err(error) = eventfd.write_all(&1_u64.to_ne_bytes())
        {
            // The guest's own time-out is what notices it.
            log::error!("lost an interrupt of vector {vector}: {error}");
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u16, File>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MsiSink for Eventfds {
    fn send(&self, line: Line, _message: MsiMessage) {
        self.raise(u16::try_from(line.0).unwrap_or(u16::MAX));
    }
}
