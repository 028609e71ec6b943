//! Faults of ring-3 memory one by one, each timed by the processor's counter, for `swaplab bench swap`: of each three
//! rounds the first reads single blocks through the driver alone, the second only takes the exception, the third
//! brings pages back from swap.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use block::{BLOCK_BYTES, Bio, BlockDevice, Op};
use guest_fs::{FileSystem, Ino, MkfsOptions, MountOptions};
use hal::{BusError, DmaBuf, FaultOutcome, UserAddr, UserMemory, UserPage};
use iomap::{Direction, Transfer};
use swap_path::{Mm, MmConfig, SwaponOptions, mkswap, swapon_with};

use super::{Driver, Load, random, rounds, text};
use crate::arch::clock;
use crate::arch::window::Translation;
use crate::console::println;
use crate::hal::user::UserWindow;

type Page = <Driver as BlockDevice>::Page;

/// Pages of the transfers that write the swap file before it is used.
const FILL_PAGES: u64 = 64;

/// Bytes that an access loads.
const ACCESS_BYTES: usize = 8;

/// A memory whose pages all have a slot, and fit into it.
struct Bench {
    driver: Rc<Driver>,
    user: Rc<UserWindow>,
    mm: Mm<UserWindow, Driver>,
    /// Where the swap file lies on the drive.
    first_block: u64,
    /// A page for reads that are no swap I/O.
    buffer: Vec<Page>,
    pages: u64,
    times: Vec<u64>,
    seed: u64,
}

/// Plays the three in turn.
pub(super) fn play(driver: Driver, load: &Load) -> Result<(), String> {
    let mut bench = Bench::new(Rc::new(driver), load)?;
    rounds(load.rounds, |number| {
        bench.times.clear();
        let start = clock::ticks();
        let what = ["raw", "exception", "fault"][number as usize % 3];
        match what {
            "raw" => bench.read_blocks()?,
            "exception" => bench.take_exceptions()?,
            _ => bench.fault_in()?,
        }
        bench.tell(what, clock::ticks() - start);
        Ok(())
    })
}

impl Bench {
    fn new(driver: Rc<Driver>, load: &Load) -> Result<Self, String> {
        let pages = load.file_blocks;
        FileSystem::mkfs(&*driver, &MkfsOptions::default()).map_err(text)?;
        let fs = FileSystem::mount(Rc::clone(&driver), MountOptions::default()).map_err(text)?;
        let ino = swap_file(&fs, &driver, pages + 1)?;
        let user = Rc::new(UserWindow::new(pages, Translation::Processor).map_err(text)?);
        let config = MmConfig { read_cluster_pages: 1, ..MmConfig::new(pages as usize) };
        let mut mm = Mm::new(config, Rc::clone(&user), Rc::clone(&driver)).map_err(text)?;
        let options = SwaponOptions::new(load.path);
        let area = swapon_with(&Rc::new(fs), &driver, ino, &options).map_err(text)?;
        let [whole] = area.extents() else { return Err("the file is not in one piece".into()) };
        let first_block = whole.start_block;
        mm.add_area(area);
        for page in 0..pages {
            mm.store(address_of(page), &word_of(page).to_le_bytes()).map_err(lost)?;
        }
        let buffer = vec![driver.alloc_page().map_err(text)?];
        let times = Vec::with_capacity(pages as usize);
        Ok(Self { driver, user, mm, first_block, buffer, pages, times, seed: 1 })
    }

    /// One block after the other, waited for as the driver does.
    fn read_blocks(&mut self) -> Result<(), String> {
        for _ in 0..self.pages {
            let block = self.first_block + 1 + random(&mut self.seed) % self.pages;
            let pages = core::mem::take(&mut self.buffer);
            let start = clock::ticks();
            let bio = Bio { op: Op::Read, block, pages };
            let ticket = self.driver.submit(bio).map_err(|refused| text(refused.why))?;
            let done = self.driver.wait(ticket);
            self.times.push(clock::ticks() - start);
            done.result.map_err(text)?;
            self.buffer = done.bio.pages;
        }
        Ok(())
    }

    /// The way into the handler and back, which does no more than map a page.
    fn take_exceptions(&mut self) -> Result<(), String> {
        self.evict_all()?;
        let frame = self.buffer.first().ok_or("no page")?.iova();
        for page in (0..self.pages).map(UserPage) {
            let (mut room, user) = ([0; ACCESS_BYTES], &self.user);
            let map = &mut |_| {
                user.map(page, frame);
                FaultOutcome::Retry
            };
            let start = clock::ticks();
            let loaded = user.load(address_of(page.0), &mut room, map);
            self.times.push(clock::ticks() - start);
            loaded.map_err(lost)?;
            self.user.unmap(page).ok_or("the page was not mapped")?;
        }
        Ok(())
    }

    /// Each page once, in an order that no readahead would guess; all of them come from swap.
    fn fault_in(&mut self) -> Result<(), String> {
        self.evict_all()?;
        let before = self.mm.stats().swapped_in_pages;
        let mut order: Vec<u64> = (0..self.pages).collect();
        for last in (1..order.len()).rev() {
            order.swap(last, random(&mut self.seed) as usize % (last + 1));
        }
        for page in order {
            let mut room = [0; ACCESS_BYTES];
            let start = clock::ticks();
            let loaded = self.mm.load(address_of(page), &mut room);
            self.times.push(clock::ticks() - start);
            loaded.map_err(lost)?;
            if u64::from_le_bytes(room) != word_of(page) {
                return Err(alloc::format!("page {page} is another one"));
            }
        }
        let came = self.mm.stats().swapped_in_pages - before;
        if came == self.pages { Ok(()) } else { Err(alloc::format!("{came} pages came from swap")) }
    }

    fn evict_all(&mut self) -> Result<(), String> {
        self.mm.page_out(self.pages as usize);
        match self.mm.resident_pages() {
            0 => Ok(()),
            left => Err(alloc::format!("{left} pages stayed in memory")),
        }
    }

    /// What was measured, in ticks: half of the times and 99 in 100 are not above these, and the whole round.
    fn tell(&mut self, what: &str, round: u64) {
        self.times.sort_unstable();
        let last = self.times.len() - 1;
        let percentile = |percent: usize| self.times[(last * percent).div_ceil(100)];
        println!("{what} p50={} p99={} round={round}", percentile(50), percentile(99));
    }
}

/// A swap file in one piece, every block of it written.
fn swap_file(fs: &FileSystem<Driver>, driver: &Driver, pages: u64) -> Result<Ino, String> {
    let ino = fs.create("swapfile").map_err(text)?;
    let block_bytes = BLOCK_BYTES as u64;
    fs.fallocate(ino, 0, pages * block_bytes).map_err(text)?;
    for first in (0..pages).step_by(FILL_PAGES as usize) {
        let zeros = (0..FILL_PAGES.min(pages - first)).map(|_| driver.alloc_page());
        let pages = zeros.collect::<Result<Vec<_>, _>>().map_err(text)?;
        let mut transfer =
            Transfer { direction: Direction::Write, pos: first * block_bytes, pages };
        fs.dio_write(ino, &mut transfer).map_err(text)?;
    }
    mkswap(fs, driver, ino, [7; 16], "bench").map_err(text)?;
    fs.sync().map_err(text)?;
    Ok(ino)
}

/// What a page holds; never zero, for a page of zeros is not written.
const fn word_of(page: u64) -> u64 {
    page + 1
}

const fn address_of(page: u64) -> UserAddr {
    UserAddr(page * hal::PAGE_BYTES as u64)
}

fn lost(BusError { addr }: BusError) -> String {
    alloc::format!("there is no page for address {:#x}", addr.0)
}
