//! Accesses to this machine's devices that need no exit of their own (`machine::call_page`).
//!
//! Until a page is attached, and whenever the page cannot help, an access is made as on any machine.

use core::fmt;

use hal::trace::Record;
use hal::{OutOfMemory, PAGE_BYTES};
use kernel_core::calls::{Calls, Rung};
use kernel_core::outbox::Full;
use machine::frame::KIND_RECORDS;
use machine::lab_device::{WaitBlock, reg};
use machine::layout::CALL_RING_BYTES;

use super::dma::DmaPages;
use crate::arch::mmio::Registers;
use crate::arch::single::Single;

/// Pages of the output ring.
const RING_PAGES: usize = CALL_RING_BYTES as usize / PAGE_BYTES;

struct Attached {
    calls: Calls<DmaPages>,
    lab: Registers,
}

static ATTACHED: Single<Option<Attached>> = Single::new(None);

/// Names a call page to the lab device; `false` if it takes none. It is what the machine has set aside, if that is
/// `given`: then to ring its bell is to name it, and no exit.
pub(crate) fn attach(lab: Registers, given: Option<u64>) -> Result<bool, OutOfMemory> {
    let (page, ring) = match given {
        Some(address) => {
            let ring = address + PAGE_BYTES as u64;
            (DmaPages::set_aside(address, 1), DmaPages::set_aside(ring, RING_PAGES))
        }
        None => (DmaPages::own(1)?, DmaPages::own(RING_PAGES)?),
    };
    let attached = Attached { calls: Calls::new(page, ring), lab };
    let is_named = attached.is_answered(attached.calls.ring_for_posted());
    if !is_named || !attached.calls.is_accepted() {
        lab.write64_at_once(reg::CALL_PAGE as usize, attached.calls.address());
    }
    let is_accepted = attached.calls.is_accepted();
    if is_accepted {
        ATTACHED.with(|slot| *slot = Some(attached));
    }
    Ok(is_accepted)
}

/// Whether there is a call page. Interrupts are only announced then.
pub(crate) fn is_attached() -> bool {
    ATTACHED.with(|slot| slot.is_some())
}

/// Writes a register, at the latest before the next access that leaves the guest.
pub(crate) fn write32(registers: &Registers, offset: usize, value: u32) {
    let address = registers.base() + offset as u64;
    let is_done = ATTACHED.with(|slot| {
        slot.as_ref().is_some_and(|a| a.calls.post(address, value) || a.ring(address, value))
    });
    if !is_done {
        registers.write32(offset, value);
    }
}

impl Attached {
    /// Makes a write at once without an exit; `false` if it has to be made.
    fn ring(&self, address: u64, value: u32) -> bool {
        self.is_answered(self.calls.ring(address, value))
    }

    /// What a register holds, if that can be known without an exit.
    fn register(&self, address: u64) -> Option<u32> {
        if self.calls.is_stale(address) {
            let _ = self.is_answered(self.calls.ring_for_posted());
        }
        let known = self.calls.register(address);
        known.or_else(|| self.is_answered(self.calls.ask(address)).then(|| self.calls.asked()))
    }

    /// Waits for the answer to a call, if there will be one.
    fn is_answered(&self, rung: Rung) -> bool {
        match rung {
            Rung::Answered => true,
            Rung::Nobody => false,
            Rung::Slow => {
                while !self.calls.is_answered() {
                    self.leave();
                }
                true
            }
        }
    }

    /// Leaves the processor without wanting anything.
    fn leave(&self) {
        self.lab.read32(reg::NOW as usize);
    }
}

/// Reads a register.
pub(crate) fn read32(registers: &Registers, offset: usize) -> u32 {
    let address = registers.base() + offset as u64;
    let known = ATTACHED.with(|slot| slot.as_ref().and_then(|a| a.register(address)));
    known.unwrap_or_else(|| registers.read32(offset))
}

/// Waits; `None` without a call page.
pub(crate) fn wait(request: &WaitBlock) -> Option<WaitBlock> {
    ATTACHED.with(|slot| {
        let attached = slot.as_ref()?;
        let Attached { calls, lab } = attached;
        calls.set_wait_block(request);
        if !attached.ring(lab.base() + reg::WAIT, 0) {
            lab.write32(reg::WAIT as usize, 0);
        }
        Some(calls.wait_block())
    })
}

/// The console through the call page.
#[derive(Debug)]
pub(crate) struct CallOutput;

impl CallOutput {
    /// Sends one trace record.
    pub(crate) fn record(&mut self, record: &Record) {
        let bytes = record.to_bytes();
        until_it_fits(|calls| calls.push_frame(KIND_RECORDS, &bytes));
    }
}

impl fmt::Write for CallOutput {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while !rest.is_empty() {
            let size = ATTACHED.with(|slot| slot.as_ref().map_or(0, |a| a.calls.output_bytes()));
            let (piece, later) = rest.split_at(rest.floor_char_boundary(size));
            until_it_fits(|calls| calls.push_text(piece));
            rest = later;
        }
        Ok(())
    }
}

/// Every exit empties the ring, so an access that does nothing makes room.
fn until_it_fits(mut push: impl FnMut(&mut Calls<DmaPages>) -> Result<(), Full>) {
    ATTACHED.with(|slot| {
        let attached = slot.as_mut().expect("this output needs a call page");
        while push(&mut attached.calls) == Err(Full) {
            attached.leave();
        }
    });
}
