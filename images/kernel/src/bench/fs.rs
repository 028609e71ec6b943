//! Direct I/O on a file, in turn with the same blocks through the driver alone, for `swaplab bench fs`. The machine's
//! owner measures: of each pair of rounds the first is the driver's, the second the file's.

use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use block::{BLOCK_BYTES, Bio, BlockDevice, Op};
use guest_fs::{DioTicket, FileSystem, Ino, MkfsOptions, MountOptions};
use iomap::{Direction, Kiocb, Transfer};

use super::{Driver, LOOKS_MAX, Load, checked, random, rounds, take, text};

type Page = <Driver as BlockDevice>::Page;

/// Pages of the transfers that write the file before it is measured.
const FILL_PAGES: usize = 64;

/// A file in one piece, every block of it written.
struct Bench {
    driver: Rc<Driver>,
    fs: FileSystem<Driver>,
    ino: Ino,
    /// Where the file lies on the drive.
    first_block: u64,
    free: VecDeque<Vec<Page>>,
    seed: u64,
}

/// Plays both sides of the load in turn.
pub(super) fn play(driver: Driver, load: &Load) -> Result<(), String> {
    let mut bench = Bench::new(driver, load)?;
    rounds(load.rounds, |number| if number % 2 == 0 { bench.raw(load) } else { bench.file(load) })?;
    let Bench { driver, fs, .. } = bench;
    fs.unmount().map_err(|(_, errno)| text(errno))?;
    driver.shut_down().map_err(text)
}

impl Bench {
    fn new(driver: Driver, load: &Load) -> Result<Self, String> {
        let driver = Rc::new(driver);
        FileSystem::mkfs(&*driver, &MkfsOptions::default()).map_err(text)?;
        let fs = FileSystem::mount(Rc::clone(&driver), MountOptions::default()).map_err(text)?;
        let ino = fs.create("file").map_err(text)?;
        fs.fallocate(ino, 0, load.file_blocks * BLOCK_BYTES as u64).map_err(text)?;
        let buffer = || (0..load.pages).map(|_| driver.alloc_page()).collect::<Result<Vec<_>, _>>();
        let free = (0..load.depth).map(|_| buffer()).collect::<Result<_, _>>().map_err(text)?;
        let bench = Self { driver, fs, ino, first_block: 0, free, seed: 1 };
        bench.fill(load)?;
        let map = bench.fs.map(ino).map_err(text)?;
        let [whole] = map.as_slice() else { return Err("the file is not in one piece".into()) };
        Ok(Self { first_block: whole.block, ..bench })
    }

    /// Writes the whole file once.
    fn fill(&self, load: &Load) -> Result<(), String> {
        let page = |_| self.driver.alloc_page();
        let mut pages = (0..FILL_PAGES).map(page).collect::<Result<Vec<_>, _>>().map_err(text)?;
        for at in (0..load.file_blocks).step_by(FILL_PAGES) {
            pages.truncate((load.file_blocks - at) as usize);
            let pos = at * BLOCK_BYTES as u64;
            let mut transfer = Transfer { direction: Direction::Write, pos, pages };
            self.fs.dio_write(self.ino, &mut transfer).map_err(text)?;
            pages = transfer.pages;
        }
        self.fs.sync().map_err(text)
    }

    /// The block in the file of the next I/O.
    fn place(&mut self, load: &Load, number: u64) -> u64 {
        let places = load.file_blocks / load.pages;
        let place = if load.is_random { random(&mut self.seed) } else { number };
        place % places * load.pages
    }

    /// A round through the driver alone.
    fn raw(&mut self, load: &Load) -> Result<(), String> {
        let mut in_flight = VecDeque::with_capacity(load.depth);
        for number in 0..load.commands {
            if self.free.is_empty() {
                let ticket = in_flight.pop_front().ok_or("nothing is in flight")?;
                self.free.push_back(checked(take(&self.driver, ticket))?.pages);
            }
            let pages = self.free.pop_front().ok_or("no buffers")?;
            let block = self.first_block + self.place(load, number);
            let bio = Bio { op: load.op, block, pages };
            in_flight.push_back(self.driver.submit(bio).map_err(|refused| text(refused.why))?);
        }
        for ticket in in_flight {
            self.free.push_back(checked(take(&self.driver, ticket))?.pages);
        }
        Ok(())
    }

    /// A round through the filesystem.
    fn file(&mut self, load: &Load) -> Result<(), String> {
        let direction = if load.op == Op::Read { Direction::Read } else { Direction::Write };
        let mut in_flight = VecDeque::with_capacity(load.depth);
        for number in 0..load.commands {
            if self.free.is_empty() {
                let ticket = in_flight.pop_front().ok_or("nothing is in flight")?;
                let pages = self.taken(ticket)?;
                self.free.push_back(pages);
            }
            let pages = self.free.pop_front().ok_or("no buffers")?;
            let pos = self.place(load, number) * BLOCK_BYTES as u64;
            let transfer = Transfer { direction, pos, pages };
            let ticket = self.fs.dio_submit(self.ino, transfer, Kiocb::USER);
            in_flight.push_back(ticket.map_err(|(_, failure)| text(failure))?);
        }
        for ticket in in_flight {
            let pages = self.taken(ticket)?;
            self.free.push_back(pages);
        }
        Ok(())
    }

    /// Polls for a direct I/O as [`take`] does for a bio.
    fn taken(&self, ticket: DioTicket) -> Result<Vec<Page>, String> {
        loop {
            for _ in 0..LOOKS_MAX {
                if let Some((transfer, result)) = self.fs.dio_poll(ticket) {
                    result.map_err(text)?;
                    return Ok(transfer.pages);
                }
                core::hint::spin_loop();
            }
            self.driver.kick();
        }
    }
}
