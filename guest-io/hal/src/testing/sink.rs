//! A trace in a vector.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;

use crate::Tracer;
use crate::trace::{Record, TraceSink};

/// Keeps every record.
#[derive(Debug, Default)]
pub struct VecSink(RefCell<Vec<Record>>);

impl VecSink {
    /// A sink and a tracer that feeds it.
    #[must_use]
    pub fn with_tracer() -> (Rc<Self>, Tracer) {
        let sink = Rc::new(Self::default());
        (Rc::clone(&sink), Tracer::new(sink))
    }

    /// A copy of the records so far, oldest first.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.0.borrow().clone()
    }

    /// Takes the records so far, oldest first; the sink is empty afterwards.
    pub fn take(&self) -> Vec<Record> {
        self.0.take()
    }
}

impl TraceSink for VecSink {
    fn emit(&self, record: &Record) {
        self.0.borrow_mut().push(*record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Layer;

    #[test]
    fn records_come_out_in_order_and_once() {
        let (sink, tracer) = VecSink::with_tracer();
        let record = |code| Record { layer: Layer::Swap, code, small: 0, word: 0, args: [0; 3] };
        tracer.emit(record(1));
        tracer.clone().emit(record(2));
        assert_eq!(sink.take(), [record(1), record(2)]);
        assert_eq!(sink.records(), []);
    }
}
