//! The workload's address space, walked in software.

use alloc::vec::Vec;
use core::cell::RefCell;

use super::DmaPool;
use crate::{
    Access, BusError, FaultOutcome, Iova, PAGE_BYTES, PageFault, Unmapped, UserAddr, UserMemory,
    UserPage,
};

/// A page table in a vector. Its frames are pages of a [`DmaPool`].
///
/// Sets the accessed bit on every access and the dirty bit on every store, as a CPU does, and never
/// clears either: only unmapping does.
#[derive(Debug)]
pub struct SoftUserMemory {
    pool: DmaPool,
    pages: usize,
    /// As long as the highest page that was ever mapped: an empty table is quickly made.
    table: RefCell<Vec<Option<Unmapped>>>,
}

impl SoftUserMemory {
    /// An address space of `pages` pages, none of them mapped.
    #[must_use]
    pub fn new(pool: DmaPool, pages: usize) -> Self {
        Self { pool, pages, table: RefCell::default() }
    }

    /// Calls `copy(frame address, offset in the access, length)` for each piece, faulting as needed.
    fn access(
        &self,
        addr: UserAddr,
        length: usize,
        access: Access,
        on_fault: &mut dyn FnMut(PageFault) -> FaultOutcome,
        mut copy: impl FnMut(Iova, usize, usize),
    ) -> Result<(), BusError> {
        let mut done = 0;
        while done < length {
            let here = addr.0 + done as u64;
            let in_page = (here % PAGE_BYTES as u64) as usize;
            let piece = (PAGE_BYTES - in_page).min(length - done);
            let page = UserPage(here / PAGE_BYTES as u64);
            // The fault handler changes the table, so nothing is borrowed while it runs.
            if let Some(frame) = self.translate(page, access) {
                copy(Iova(frame.0 + in_page as u64), done, piece);
                done += piece;
            } else if on_fault(PageFault { page, access }) == FaultOutcome::BusError {
                return Err(BusError { addr: UserAddr(here) });
            }
        }
        Ok(())
    }

    fn index(&self, page: UserPage) -> usize {
        let index = usize::try_from(page.0).ok().filter(|&index| index < self.pages);
        index.unwrap_or_else(|| panic!("page {} of {} accessed", page.0, self.pages))
    }

    fn translate(&self, page: UserPage, access: Access) -> Option<Iova> {
        let mut table = self.table.borrow_mut();
        let entry = table.get_mut(self.index(page))?.as_mut()?;
        entry.is_accessed = true;
        entry.is_dirty |= access == Access::Write;
        Some(entry.frame)
    }
}

impl UserMemory for SoftUserMemory {
    fn size_pages(&self) -> u64 {
        self.pages as u64
    }

    fn map(&self, page: UserPage, frame: Iova) {
        let index = self.index(page);
        let mut table = self.table.borrow_mut();
        if table.len() <= index {
            table.resize(index + 1, None);
        }
        let entry = &mut table[index];
        assert!(entry.is_none(), "page {} is mapped already", page.0);
        *entry = Some(Unmapped { frame, is_accessed: false, is_dirty: false });
    }

    fn unmap(&self, page: UserPage) -> Option<Unmapped> {
        self.table.borrow_mut().get_mut(page.0 as usize)?.take()
    }

    fn unmap_run(&self, first: UserPage, pages: usize, each: impl FnMut(Unmapped)) {
        let mut table = self.table.borrow_mut();
        let run = table.iter_mut().skip(first.0 as usize).take(pages);
        run.filter_map(Option::take).for_each(each);
    }

    fn load(
        &self,
        addr: UserAddr,
        dst: &mut [u8],
        on_fault: &mut dyn FnMut(PageFault) -> FaultOutcome,
    ) -> Result<(), BusError> {
        self.access(addr, dst.len(), Access::Read, on_fault, |frame, at, length| {
            self.pool.read_at(frame, &mut dst[at..at + length]).expect("a mapped frame is alive");
        })
    }

    fn store(
        &self,
        addr: UserAddr,
        src: &[u8],
        on_fault: &mut dyn FnMut(PageFault) -> FaultOutcome,
    ) -> Result<(), BusError> {
        self.access(addr, src.len(), Access::Write, on_fault, |frame, at, length| {
            self.pool.write_at(frame, &src[at..at + length]).expect("a mapped frame is alive");
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DmaBuf;

    #[test]
    fn a_store_over_two_pages_faults_twice_and_sets_the_bits() {
        let pool = DmaPool::new(2);
        let frames = [pool.alloc(1).unwrap(), pool.alloc(1).unwrap()];
        let user = SoftUserMemory::new(pool, 4);
        let mut faults = Vec::new();
        let mut on_fault = |fault: PageFault| {
            faults.push(fault);
            user.map(fault.page, frames[faults.len() - 1].iova());
            FaultOutcome::Retry
        };
        user.store(UserAddr(2 * 4096 - 1), &[7, 8], &mut on_fault).unwrap();
        let wrote = |page| PageFault { page: UserPage(page), access: Access::Write };
        assert_eq!(faults, [wrote(1), wrote(2)]);
        assert_eq!(frames[1].load_acquire_u32(0), 8);

        let first = user.unmap(UserPage(1)).unwrap();
        assert!(first.is_accessed && first.is_dirty);
        assert_eq!(first.frame, frames[0].iova());
        assert_eq!(user.unmap(UserPage(1)), None);
    }

    #[test]
    fn a_run_is_unmapped_in_order_without_what_is_not_mapped() {
        let pool = DmaPool::new(2);
        let frames = [pool.alloc(1).unwrap(), pool.alloc(1).unwrap()];
        let user = SoftUserMemory::new(pool, 8);
        user.map(UserPage(2), frames[1].iova());
        user.map(UserPage(4), frames[0].iova());
        let mut seen = Vec::new();
        user.unmap_run(UserPage(2), 6, |entry| seen.push(entry.frame));
        assert_eq!(seen, [frames[1].iova(), frames[0].iova()]);
        assert_eq!([2, 4].map(|page| user.unmap(UserPage(page))), [None; 2]);
    }

    #[test]
    fn a_load_sets_accessed_only() {
        let pool = DmaPool::new(1);
        let frame = pool.alloc(1).unwrap();
        let user = SoftUserMemory::new(pool, 1);
        user.map(UserPage(0), frame.iova());
        user.load(UserAddr(5), &mut [0; 3], &mut |_| unreachable!("the page is mapped")).unwrap();
        let entry = user.unmap(UserPage(0)).unwrap();
        assert!(entry.is_accessed && !entry.is_dirty);
    }

    #[test]
    fn a_bus_error_names_the_first_address_and_ends_the_access() {
        let pool = DmaPool::new(1);
        let frame = pool.alloc(1).unwrap();
        let user = SoftUserMemory::new(pool, 2);
        user.map(UserPage(0), frame.iova());
        let result = user.store(UserAddr(4090), &[1; 10], &mut |_| FaultOutcome::BusError);
        assert_eq!(result, Err(BusError { addr: UserAddr(4096) }));
    }
}
