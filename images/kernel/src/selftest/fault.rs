//! Demand paging over a window: real faults, real accessed and dirty bits, bus errors.

use alloc::vec;
use alloc::vec::Vec;

use hal::{
    Access, BusError, DmaBuf, FaultOutcome, PAGE_BYTES, PageFault, UserAddr, UserMemory, UserPage,
};
use machine::ports;

use crate::arch::window::Translation;
use crate::console::println;
use crate::hal::dma::DmaPages;
use crate::hal::user::UserWindow;
use crate::system::System;

const PAGES: u64 = 1200;
const FRAMES: usize = 7;

/// A pager with few frames: the page that came first leaves first, its content goes to a "disk".
struct Pager<'a> {
    window: &'a UserWindow,
    frames: Vec<DmaPages>,
    mapped: Vec<u64>,
    next: usize,
    disk: Vec<Option<Vec<u8>>>,
    loads: u64,
    stores: u64,
    written_back: u64,
    dropped_clean: u64,
}

impl<'a> Pager<'a> {
    fn new(window: &'a UserWindow) -> Self {
        let frames = (0..FRAMES).map(|_| DmaPages::new(1).expect("a frame")).collect();
        let disk = vec![None; PAGES as usize];
        Self {
            window,
            frames,
            mapped: Vec::new(),
            next: 0,
            disk,
            loads: 0,
            stores: 0,
            written_back: 0,
            dropped_clean: 0,
        }
    }

    fn on_fault(&mut self, fault: PageFault) -> FaultOutcome {
        match fault.access {
            Access::Read => self.loads += 1,
            Access::Write => self.stores += 1,
        }
        let slot = self.next % FRAMES;
        self.next += 1;
        if self.mapped.len() == FRAMES {
            self.evict(slot);
            self.mapped[slot] = fault.page.0;
        } else {
            self.mapped.push(fault.page.0);
        }
        let empty = vec![0; PAGE_BYTES];
        let content = self.disk[fault.page.0 as usize].as_ref().unwrap_or(&empty);
        self.frames[slot].write(0, content);
        self.window.map(fault.page, self.frames[slot].iova());
        FaultOutcome::Retry
    }

    fn evict(&mut self, slot: usize) {
        let page = self.mapped[slot];
        let unmapped = self.window.unmap(UserPage(page)).expect("a mapped page");
        assert_eq!(unmapped.frame, self.frames[slot].iova(), "page {page} has another frame");
        assert!(unmapped.is_accessed, "page {page} was brought in and not accessed");
        if unmapped.is_dirty {
            let mut content = vec![0; PAGE_BYTES];
            self.frames[slot].read(0, &mut content);
            self.disk[page as usize] = Some(content);
            self.written_back += 1;
        } else {
            self.dropped_clean += 1;
        }
    }
}

/// Writes and reads a window many times the size of memory.
pub(super) fn run(_: &mut System) -> u32 {
    let window =
        UserWindow::new(PAGES, Translation::Processor).expect("memory for the page tables");
    let mut pager = Pager::new(&window);
    write_all(&window, &mut pager);
    assert_eq!((pager.loads, pager.stores), (0, PAGES), "one store fault for each page");
    read_all(&window, &mut pager);
    assert_eq!((pager.loads, pager.stores), (PAGES, PAGES), "one load fault for each page");
    assert_eq!(pager.written_back, PAGES, "every page was dirty once");
    assert_eq!(pager.dropped_clean, PAGES - FRAMES as u64, "and clean when it was only read");
    across_pages(&window, &mut pager);
    bus_error(&window, &mut pager);
    registers(&window, &mut pager);
    println!(
        "demand paging: {} pages over {FRAMES} frames, {} load faults, {} store faults",
        PAGES, pager.loads, pager.stores
    );
    ports::EXIT_OK
}

fn mark(page: u64) -> [u8; 8] {
    (page ^ 0x5a5a_0000_0000_a5a5).to_le_bytes()
}

fn addr(page: u64, offset: u64) -> UserAddr {
    UserAddr(page * PAGE_BYTES as u64 + offset)
}

fn write_all(window: &UserWindow, pager: &mut Pager<'_>) {
    for page in 0..PAGES {
        let stored = window.store(addr(page, page % 500 * 8), &mark(page), &mut |fault| {
            assert_eq!(fault, PageFault { page: UserPage(page), access: Access::Write });
            pager.on_fault(fault)
        });
        assert_eq!(stored, Ok(()));
    }
}

fn read_all(window: &UserWindow, pager: &mut Pager<'_>) {
    for page in 0..PAGES {
        let mut found = [0; 8];
        let loaded = window.load(addr(page, page % 500 * 8), &mut found, &mut |fault| {
            assert_eq!(fault, PageFault { page: UserPage(page), access: Access::Read });
            pager.on_fault(fault)
        });
        assert_eq!((loaded, found), (Ok(()), mark(page)), "page {page}");
    }
}

/// One access over three pages, all absent: it faults three times and goes on where it was.
fn across_pages(window: &UserWindow, pager: &mut Pager<'_>) {
    let data: Vec<u8> = (0..2 * PAGE_BYTES).map(|i| (i * 7 % 251) as u8).collect();
    let mut faults = Vec::new();
    let stored = window.store(addr(100, 1000), &data, &mut |fault| {
        faults.push(fault.page.0);
        pager.on_fault(fault)
    });
    assert_eq!((stored, faults), (Ok(()), vec![100, 101, 102]));
    let mut found = vec![0; data.len()];
    assert_eq!(window.load(addr(100, 1000), &mut found, &mut |f| pager.on_fault(f)), Ok(()));
    assert_eq!(found, data);
}

/// A page that cannot be had ends the access there, with everything before it transferred.
fn bus_error(window: &UserWindow, pager: &mut Pager<'_>) {
    let data = vec![0x77; PAGE_BYTES];
    let stored = window.store(addr(200, 4000), &data, &mut |fault| {
        if fault.page == UserPage(201) { FaultOutcome::BusError } else { pager.on_fault(fault) }
    });
    assert_eq!(stored, Err(BusError { addr: addr(201, 0) }));
    let mut found = vec![0; 96];
    assert_eq!(window.load(addr(200, 4000), &mut found, &mut |f| pager.on_fault(f)), Ok(()));
    assert_eq!(found, vec![0x77; 96]);
    let mut untouched = [1; 3];
    let loaded = window.load(addr(300, 5), &mut untouched, &mut |_| FaultOutcome::BusError);
    assert_eq!(loaded, Err(BusError { addr: addr(300, 5) }));
    assert_eq!(untouched, [1; 3], "nothing of the faulting page was transferred");
}

/// A fault changes no register, no flag and no word of the red zone.
fn registers(window: &UserWindow, pager: &mut Pager<'_>) {
    for page in 400..500 {
        let before = pager.loads;
        let differences = window.probe(addr(page, 9), &mut |fault| {
            // Work that needs many registers, floating-point ones too.
            let noise = (0..page).map(|i| i as f64 * 1.5).sum::<f64>();
            assert!(noise > 0.0);
            pager.on_fault(fault)
        });
        assert_eq!(pager.loads, before + 1, "page {page} was absent");
        assert_eq!(differences, 0, "a fault changed registers");
    }
}

/// Accesses the window from inside the handler, which there is no second fault stack for.
pub(super) fn run_nested(_: &mut System) -> u32 {
    let window = UserWindow::new(4, Translation::Processor).expect("memory for the page tables");
    let mut byte = [0];
    let loaded = window.load(UserAddr(0), &mut byte, &mut |_| {
        let mut inner = [0];
        let loaded = window.load(UserAddr(4096), &mut inner, &mut |_| FaultOutcome::BusError);
        panic!("an access inside another returned {loaded:?}");
    });
    panic!("the outer access returned {loaded:?}");
}
