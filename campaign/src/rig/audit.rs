//! Counts what must not happen inside swap I/O, event by event, and keeps nothing.

use std::cell::Cell;

use guest_fs::events::Event as FsEvent;
use hal::trace::{Layer, Record, TraceSink};
use iomap::Context;
use swap_path::events::Event as SwapEvent;

use crate::oracle::context_of_deed;

/// The counts.
#[derive(Debug, Default)]
pub struct Audit {
    /// Transactions, locks, allocations of blocks, log writes in the context of swap I/O.
    pub deeds: Cell<u64>,
    /// Swap-outs and swap-ins.
    pub swap_ios: Cell<u64>,
    /// Those that failed.
    pub failed: Cell<u64>,
}

fn add(cell: &Cell<u64>, count: u64) {
    cell.set(cell.get() + count);
}

impl TraceSink for Audit {
    fn emit(&self, record: &Record) {
        match record.layer {
            Layer::Filesystem => {
                let event = FsEvent::decode(record);
                let context = event.as_ref().and_then(context_of_deed);
                add(&self.deeds, u64::from(context.is_some_and(Context::is_swap_io)));
            }
            Layer::Swap => match SwapEvent::decode(record) {
                Some(SwapEvent::SwapOutBegin { .. } | SwapEvent::SwapInBegin { .. }) => {
                    add(&self.swap_ios, 1);
                }
                Some(
                    SwapEvent::SwapOutEnd { error: Some(_), .. }
                    | SwapEvent::SwapInEnd { error: Some(_), .. },
                ) => add(&self.failed, 1),
                _ => {}
            },
            _ => {}
        }
    }
}
