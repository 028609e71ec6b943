//! The trace's way to the console.

use alloc::rc::Rc;

use hal::Tracer;
use hal::trace::{Record, TraceSink};

use crate::console;

struct ConsoleSink;

impl TraceSink for ConsoleSink {
    fn emit(&self, record: &Record) {
        console::emit(record);
    }
}

/// A tracer that sends records to the console.
pub(crate) fn console_tracer() -> Tracer {
    Tracer::new(Rc::new(ConsoleSink))
}
