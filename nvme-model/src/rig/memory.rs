//! The bench's memory and interrupts.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use crate::{BadAddress, GuestMemory, IrqSink, LabIrq};

/// Pages that exist; everything else is a bad address. Notes accesses outside.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Pages {
    pages: RefCell<BTreeMap<u64, Box<[u8; 4096]>>>,
    pub(crate) refused: Cell<u64>,
    /// Bytes that went past the caches, if there is such a way.
    pub(crate) past_caches: Option<Cell<u64>>,
}

impl Pages {
    pub(crate) fn grant(&self, address: u64, bytes: u64) {
        for page in address / 4096..(address + bytes).div_ceil(4096) {
            self.pages.borrow_mut().entry(page).or_insert_with(|| Box::new([0; 4096]));
        }
    }

    pub(crate) fn revoke(&self, address: u64) {
        self.pages.borrow_mut().remove(&(address / 4096));
    }

    fn each(
        &self,
        address: u64,
        length: usize,
        mut act: impl FnMut(usize, &mut u8),
    ) -> Result<(), BadAddress> {
        let mut pages = self.pages.borrow_mut();
        for i in 0..length {
            let at = address.checked_add(i as u64).ok_or(BadAddress { address })?;
            let Some(page) = pages.get_mut(&(at / 4096)) else {
                self.refused.set(self.refused.get() + 1);
                return Err(BadAddress { address: at });
            };
            act(i, &mut page[(at % 4096) as usize]);
        }
        Ok(())
    }
}

impl GuestMemory for Pages {
    fn read(&self, address: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        self.each(address, dst.len(), |i, byte| dst[i] = *byte)
    }

    fn passes_caches(&self) -> bool {
        self.past_caches.is_some()
    }

    fn read_past_caches(&self, address: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        let count = self.past_caches.as_ref().expect("there is no such way");
        count.set(count.get() + dst.len() as u64);
        self.read(address, dst)
    }

    fn write(&self, address: u64, src: &[u8]) -> Result<(), BadAddress> {
        self.each(address, src.len(), |i, byte| *byte = src[i])
    }
}

/// Lines are vectors here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines(pub(crate) BTreeMap<u16, u64>);

impl IrqSink for Lines {
    fn signal(&mut self, vector: u16) {
        *self.0.entry(vector).or_default() += 1;
    }
}

impl LabIrq for Lines {
    fn take_raised(&mut self, line: u32) -> bool {
        self.0.remove(&(line as u16)).is_some()
    }
}
