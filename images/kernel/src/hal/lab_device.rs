//! The lab device: time and waiting, at one exit a wait.

use core::cell::Cell;

use hal::{DmaBuf, Instant, OutOfMemory, Wake};
use machine::lab_device::{BAR_BYTES, MAGIC, WAIT_BLOCK_BYTES, WAKE_INTERRUPT, WaitBlock, reg};

use super::dma::DmaPages;
use crate::arch::interrupt::{DEVICE_VECTORS, Vector};
use crate::arch::mmio::Registers;
use crate::console;

/// Looks for an interrupt that the device says was raised, before it counts as missing. A machine may
/// deliver it from another thread, a moment later.
const LOOKS_MAX: u32 = 4096;

/// The device and what it said last.
#[derive(Debug)]
pub(crate) struct LabDevice {
    registers: Registers,
    block: DmaPages,
    now_ns: Cell<u64>,
    /// Interrupts taken on each vector when a wait last returned for it.
    consumed: [Cell<u64>; DEVICE_VECTORS],
    missing_count: Cell<u64>,
}

impl LabDevice {
    /// Takes the device whose BAR 0 is at `base`; `None` if it is of another version.
    pub(crate) fn new(base: u64) -> Result<Option<Self>, OutOfMemory> {
        let registers = Registers::new(base, BAR_BYTES as usize);
        if registers.read64_at_once(reg::MAGIC as usize) != MAGIC {
            return Ok(None);
        }
        let block = DmaPages::new(1)?;
        registers.write64_at_once(reg::WAIT_BLOCK as usize, block.iova().0);
        let now_ns = Cell::new(registers.read64_at_once(reg::NOW as usize));
        let consumed = [const { Cell::new(0) }; DEVICE_VECTORS];
        Ok(Some(Self { registers, block, now_ns, consumed, missing_count: Cell::new(0) }))
    }

    /// The time that the last wait ended at.
    pub(crate) fn now(&self) -> Instant {
        Instant::from_nanos(self.now_ns.get())
    }

    /// Interrupts that the device announced and that never arrived. Not zero means that the MSI path
    /// of this machine is broken.
    pub(crate) fn missing_count(&self) -> u64 {
        self.missing_count.get()
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, vector: Vector, deadline: Instant) -> Wake {
        let request = WaitBlock {
            deadline_ns: deadline.as_nanos(),
            vector: u32::from(vector.number()),
            ..WaitBlock::default()
        };
        console::publish();
        self.block.write(0, &request.to_bytes());
        self.registers.write32(reg::WAIT as usize, 0);
        let mut answer = [0; WAIT_BLOCK_BYTES];
        self.block.read(0, &mut answer);
        let answer = WaitBlock::from_bytes(&answer);
        self.now_ns.set(answer.now_ns);
        if answer.wake != WAKE_INTERRUPT {
            return Wake::Deadline;
        }
        self.take(vector);
        Wake::Interrupt
    }

    /// Takes the real interrupt, which may reach the processor a moment after the device announced it.
    fn take(&self, vector: Vector) {
        let consumed = &self.consumed[vector.index()];
        if !vector.take_after(consumed.get(), LOOKS_MAX) {
            self.missing_count.set(self.missing_count.get() + 1);
        }
        consumed.set(vector.taken_count());
    }
}
