//! The lab device: time and waiting, at one exit a wait.

use core::cell::Cell;

use hal::{DmaBuf, Instant, OutOfMemory, Wake};
use machine::lab_device::{MAGIC, WAIT_BLOCK_BYTES, WAKE_INTERRUPT, WaitBlock, reg};

use super::calls;
use super::dma::DmaPages;
use crate::arch::clock;
use crate::arch::interrupt::{DEVICE_VECTORS, Vector};
use crate::arch::mmio::Registers;
use crate::console;

/// Looks for an interrupt that the device says was raised, before it counts as missing. A machine may
/// deliver it from another thread, a moment later.
const LOOKS_MAX: u32 = 4096;

/// For so many ticks of the processor a time that was read is good enough: some milliseconds. Reading it
/// is an exit, and a driver that polls asks all the time.
const FRESH_TICKS: u64 = 1 << 24;

/// The device and what it said last.
#[derive(Debug)]
pub(crate) struct LabDevice {
    registers: Registers,
    /// Where the wait block is; `None` if it is in the call page.
    block: Option<DmaPages>,
    now_ns: Cell<u64>,
    /// Time passes by itself, and the register is where it stands.
    is_running: bool,
    /// The processor's ticks when the register was read last.
    asked_at: Cell<u64>,
    /// Interrupts taken on each vector when a wait last returned for it.
    consumed: [Cell<u64>; DEVICE_VECTORS],
    missing_count: Cell<u64>,
}

impl LabDevice {
    /// Takes the device with these registers, which has a call page or not; `None` if it is of another version.
    pub(crate) fn new(registers: Registers, has_calls: bool) -> Result<Option<Self>, OutOfMemory> {
        if has_calls {
            // Nobody has waited yet, so no time has passed.
            return Ok(Some(Self::at(registers, None, 0, false)));
        }
        if registers.read64_at_once(reg::MAGIC as usize) != MAGIC {
            return Ok(None);
        }
        let block = DmaPages::own(1)?;
        registers.write64_at_once(reg::WAIT_BLOCK as usize, block.iova().0);
        let now_ns = registers.read64_at_once(reg::NOW as usize);
        let is_running = registers.read64_at_once(reg::IS_RUNNING as usize) != 0;
        Ok(Some(Self::at(registers, Some(block), now_ns, is_running)))
    }

    fn at(registers: Registers, block: Option<DmaPages>, now_ns: u64, is_running: bool) -> Self {
        let consumed = [const { Cell::new(0) }; DEVICE_VECTORS];
        let (now_ns, missing_count) = (Cell::new(now_ns), Cell::new(0));
        Self {
            registers,
            block,
            now_ns,
            is_running,
            asked_at: Cell::new(0),
            consumed,
            missing_count,
        }
    }

    /// The time: what the last wait ended at, unless it passes by itself.
    pub(crate) fn now(&self) -> Instant {
        if self.is_running && clock::ticks().wrapping_sub(self.asked_at.get()) > FRESH_TICKS {
            self.asked_at.set(clock::ticks());
            self.now_ns.set(self.registers.read64_at_once(reg::NOW as usize));
        }
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
        let answer = match &self.block {
            Some(block) => self.wait_at(block, &request),
            None => calls::wait(&request).expect("a call page instead of a wait block"),
        };
        self.now_ns.set(answer.now_ns);
        if answer.wake != WAKE_INTERRUPT {
            return Wake::Deadline;
        }
        if self.block.is_some() {
            self.take(vector);
        }
        Wake::Interrupt
    }

    fn wait_at(&self, block: &DmaPages, request: &WaitBlock) -> WaitBlock {
        block.write(0, &request.to_bytes());
        self.registers.write32(reg::WAIT as usize, 0);
        let mut answer = [0; WAIT_BLOCK_BYTES];
        block.read(0, &mut answer);
        WaitBlock::from_bytes(&answer)
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
