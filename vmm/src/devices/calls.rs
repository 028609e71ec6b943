//! The device's side of the call page (`machine::call_page`): posted writes, output, copies of registers.
//!
//! Everything in the page is the guest's word. A count that is too large is cut, an output ring that is
//! not memory or a position that cannot be is the end of that ring; nothing of it can fail the machine.
//!
//! Invariant: between two exits that wait, a guest with a call page sees what it would see without, and
//! the observer sees the same in the same order.

use machine::lab_device::MAGIC;
use machine::{call_page as page, layout};
use nvme_model::GuestMemory;

use super::{Access, Devices};
use crate::MachineObserver;
use crate::clock::MachineClock;

/// What of the page is read at every exit: all but the posted writes.
const HEAD_BYTES: usize = page::POSTED;

/// Bytes of the copies of registers, with the address that they are at.
pub(super) const COPY_BYTES: usize = 8 + page::REGISTERS_BYTES;

const _: () = assert!(page::REGISTERS == page::REGISTERS_ADDRESS + 8);

/// The page that the guest named, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallPage {
    address: u64,
    output: Option<Ring>,
}

/// The output ring in guest memory.
#[derive(Clone, Copy, Debug)]
struct Ring {
    address: u64,
    size_bytes: u64,
    taken: u64,
}

/// The head of the page.
struct Head([u8; HEAD_BYTES]);

impl Head {
    fn u32(&self, at: usize) -> u32 {
        self.bytes(at).map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }

    fn u64(&self, at: usize) -> u64 {
        self.bytes(at).map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    fn bytes<const N: usize>(&self, at: usize) -> Option<&[u8; N]> {
        self.0.get(at..)?.first_chunk()
    }
}

impl Devices {
    /// Attaches the page that the guest has named, if it has.
    pub(super) fn take_named_page(&mut self) {
        if let Some(page) = self.lab.take_call_page() {
            self.attach_calls(page);
        }
    }

    /// The guest names its call page. Refused in the wall clock, where time does not wait for exits.
    fn attach_calls(&mut self, address: u64) {
        self.calls = None;
        let is_lab = matches!(self.clock, MachineClock::Lab(_));
        if !is_lab || !address.is_multiple_of(page::PAGE_BYTES as u64) {
            return log::debug!("no call page at {address:#x}");
        }
        let Some(head) = self.head(address) else {
            return log::warn!("the call page at {address:#x} is not memory");
        };
        let size_bytes = head.u64(page::OUTPUT_BYTES);
        let ring = Ring { address: head.u64(page::OUTPUT_ADDRESS), size_bytes, taken: 0 };
        let output = (size_bytes > 0 && size_bytes <= self.ram.size_bytes()).then_some(ring);
        self.raised.set_announced_only(head.u32(page::OPTIONS) & page::ANNOUNCE_ONLY != 0);
        self.calls = Some(CallPage { address, output });
        self.shown_registers = None;
        self.page_write(address, page::ACCEPTED, &MAGIC.to_le_bytes());
    }

    /// Where the bell is that a guest may ring: in its call page, or in the page that is set aside for one.
    pub(crate) fn bell(&self) -> u64 {
        let page = self.calls.map_or(layout::CALL_PAGE, |calls| calls.address);
        page + page::BELL as u64
    }

    /// The guest has rung. If it has no page yet, it names the one that is set aside.
    pub(crate) fn rung(&mut self) {
        if self.calls.is_none() {
            self.lab.name_call_page(layout::CALL_PAGE);
            self.take_named_page();
        }
    }

    /// Carries out what the guest did since its last exit: its output and its posted writes, in the
    /// order in which it did them.
    pub(super) fn take_posted(&mut self, observer: &mut dyn MachineObserver) -> Access {
        let Some(CallPage { address, .. }) = self.calls else { return Ok(()) };
        let Some(head) = self.head(address) else { return Ok(()) };
        let count = (head.u32(page::POSTED_COUNT) as usize).min(page::POSTED_MAX);
        if count > 0 {
            self.page_write(address, page::POSTED_COUNT, &0_u32.to_le_bytes());
        }
        for index in 0..count {
            let mut bytes = [0; page::POSTED_BYTES];
            let at = address + (page::POSTED + index * page::POSTED_BYTES) as u64;
            if GuestMemory::read(&self.ram, at, &mut bytes).is_err() {
                break;
            }
            let write = page::PostedWrite::from_bytes(&bytes);
            self.take_output(write.at, observer)?;
            self.mmio_write(write.address, &write.value.to_le_bytes(), observer)?;
        }
        self.take_output(head.u64(page::WRITTEN), observer)?;
        self.answer_asked(address, head.u64(page::ASKED_ADDRESS), observer);
        Ok(())
    }

    /// Reads the register that the guest asks for, if it does.
    fn answer_asked(&mut self, calls: u64, asked: u64, observer: &mut dyn MachineObserver) {
        if asked == 0 {
            return;
        }
        let mut value = [0; 4];
        self.mmio_read(asked, &mut value, observer);
        self.page_write(calls, page::ASKED_VALUE, &value);
        self.page_write(calls, page::ASKED_ADDRESS, &0_u64.to_le_bytes());
    }

    /// Hands the observer the ring's bytes up to position `until`.
    fn take_output(&mut self, until: u64, observer: &mut dyn MachineObserver) -> Access {
        let Some(ring) = self.calls.and_then(|calls| calls.output) else { return Ok(()) };
        let size = until.wrapping_sub(ring.taken);
        if size == 0 {
            return Ok(());
        }
        let mut bytes = std::mem::take(&mut self.taken_output);
        let is_taken = self.read_ring(ring, size, &mut bytes).is_some();
        if !is_taken {
            log::warn!("the output ring at {:#x} cannot be: {size} bytes in it", ring.address);
            bytes.clear();
        }
        self.set_ring(is_taken.then_some(Ring { taken: until, ..ring }));
        let taken = self.output.console(self.clock.now_ns(), &bytes, observer);
        self.taken_output = bytes;
        Ok(taken?)
    }

    fn set_ring(&mut self, ring: Option<Ring>) {
        if let Some(calls) = &mut self.calls {
            calls.output = ring;
        }
    }

    /// Reads the next `size` bytes of the ring; `None` if there cannot be so many, or no memory is there.
    fn read_ring(&self, ring: Ring, size: u64, bytes: &mut Vec<u8>) -> Option<()> {
        if size > ring.size_bytes {
            return None;
        }
        let start = ring.taken % ring.size_bytes;
        bytes.resize(usize::try_from(size).ok()?, 0);
        let first = usize::try_from(size.min(ring.size_bytes - start)).ok()?;
        let (end, beginning) = bytes.split_at_mut(first);
        GuestMemory::read(&self.ram, ring.address.checked_add(start)?, end).ok()?;
        GuestMemory::read(&self.ram, ring.address, beginning).ok()
    }

    /// Shows the guest, which is about to go on, how things stand.
    pub(crate) fn publish_calls(&mut self) {
        let Some(CallPage { address, output }) = self.calls else { return };
        let mut state = 0;
        let now_ns = self.clock.now_ns();
        if let Some(nvme) = &mut self.nvme {
            nvme.course.set_now(now_ns);
            if nvme.controller().answers_take_time() {
                state |= page::MAY_POST;
            }
            let mut copy = [0; COPY_BYTES];
            let (base, registers) = copy.split_at_mut(8);
            if let Some(at) = nvme.read_registers(registers) {
                state |= page::HAS_REGISTERS;
                base.copy_from_slice(&at.to_le_bytes());
            }
            // Else the guest would have to fetch what it has.
            if self.shown_registers != Some(copy) {
                self.shown_registers = Some(copy);
                self.page_write(address, page::REGISTERS_ADDRESS, &copy);
            }
        }
        self.page_write(address, page::STATE, &state.to_le_bytes());
        let taken = output.map_or(u64::MAX, |ring| ring.taken);
        self.page_write(address, page::TAKEN, &taken.to_le_bytes());
    }

    fn head(&self, address: u64) -> Option<Head> {
        let mut bytes = [0; HEAD_BYTES];
        GuestMemory::read(&self.ram, address, &mut bytes).ok()?;
        Some(Head(bytes))
    }

    fn page_write(&self, address: u64, at: usize, bytes: &[u8]) {
        if GuestMemory::write(&self.ram, address + at as u64, bytes).is_err() {
            log::warn!("the call page at {address:#x} is no longer memory");
        }
    }
}
