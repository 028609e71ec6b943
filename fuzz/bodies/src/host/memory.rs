//! Guest memory with an eye on who touches it.

use std::cell::{Cell, RefCell};

use nvme_model::{BadAddress, GuestMemory};

/// Bytes of a page.
pub(crate) const PAGE_BYTES: u64 = 4096;
/// Pages that the guest has granted.
pub(crate) const PAGES: u64 = 32;
/// Where they begin.
const BASE: u64 = 0x10_0000;

/// A few pages; everything else is no memory.
pub(crate) struct Memory {
    bytes: RefCell<Vec<u8>>,
    accesses_left: Cell<u64>,
    is_open: Cell<bool>,
    /// Accesses outside of memory that were refused.
    pub(crate) refused: Cell<u64>,
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self {
            bytes: RefCell::new(vec![0; (PAGES * PAGE_BYTES) as usize]),
            accesses_left: Cell::new(0),
            is_open: Cell::new(false),
            refused: Cell::new(0),
        }
    }

    /// The address of a page.
    pub(crate) const fn page(index: u64) -> u64 {
        BASE + index * PAGE_BYTES
    }

    /// From here on the controller may use memory, so many times.
    pub(crate) fn begin_step(&self, accesses: u64) {
        self.accesses_left.set(accesses);
        self.is_open.set(true);
    }

    /// Memory is lent for the length of a step and no longer.
    pub(crate) fn end_step(&self) {
        self.is_open.set(false);
    }

    /// Changes memory as the guest.
    pub(crate) fn poke(&self, address: u64, bytes: &[u8]) {
        if let Ok(range) = range(address, bytes.len()) {
            self.bytes.borrow_mut()[range].copy_from_slice(bytes);
        }
    }

    /// Looks at memory as the guest.
    pub(crate) fn peek(&self, address: u64, length: usize) -> Vec<u8> {
        let range = range(address, length).expect("the guest knows its memory");
        self.bytes.borrow()[range].to_vec()
    }

    fn account(&self) {
        assert!(self.is_open.get(), "memory is used outside of a step");
        let left = self.accesses_left.get();
        assert!(left > 0, "one step used memory without end");
        self.accesses_left.set(left - 1);
    }

    fn refuse(&self, address: u64) -> BadAddress {
        self.refused.set(self.refused.get() + 1);
        BadAddress { address }
    }
}

fn range(address: u64, length: usize) -> Result<std::ops::Range<usize>, BadAddress> {
    let bad = BadAddress { address };
    let start = usize::try_from(address.checked_sub(BASE).ok_or(bad)?).map_err(|_| bad)?;
    let end = start.checked_add(length).ok_or(bad)?;
    if end <= (PAGES * PAGE_BYTES) as usize { Ok(start..end) } else { Err(bad) }
}

impl GuestMemory for Memory {
    fn read(&self, address: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        self.account();
        let range = range(address, dst.len()).map_err(|bad| self.refuse(bad.address))?;
        dst.copy_from_slice(&self.bytes.borrow()[range]);
        Ok(())
    }

    fn write(&self, address: u64, src: &[u8]) -> Result<(), BadAddress> {
        self.account();
        let range = range(address, src.len()).map_err(|bad| self.refuse(bad.address))?;
        self.bytes.borrow_mut()[range].copy_from_slice(src);
        Ok(())
    }
}
