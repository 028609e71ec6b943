//! Direct I/O on a file, in turn with the same blocks through the driver alone, for `swaplab bench fs`. The machine's
//! owner measures: of each pair of rounds the first is the driver's, the second the file's.

use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use block::{BLOCK_BYTES, Bio, BlockDevice, Op};
use guest_fs::{FileSystem, Ino, MkfsOptions, MountOptions};
use iomap::{Direction, Kiocb, Transfer};

use super::{Driver, Load, keep_in_flight, poll, random, rounds, submit, take, text};

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

    /// A round through the driver alone.
    fn raw(&mut self, load: &Load) -> Result<(), String> {
        let Self { driver, first_block, free, seed, .. } = self;
        let send = |number, pages| {
            let block = *first_block + place(load, number, seed);
            submit(driver, Bio { op: load.op, block, pages })
        };
        keep_in_flight(load, free, send, |ticket| Ok(take(driver, ticket)?.pages))
    }

    /// A round through the filesystem.
    fn file(&mut self, load: &Load) -> Result<(), String> {
        let Self { driver, fs, ino, free, seed, .. } = self;
        let direction = if load.op == Op::Read { Direction::Read } else { Direction::Write };
        let send = |number, pages| {
            let pos = place(load, number, seed) * BLOCK_BYTES as u64;
            let transfer = Transfer { direction, pos, pages };
            fs.dio_submit(*ino, transfer, Kiocb::DIRECT).map_err(|(_, failure)| text(failure))
        };
        keep_in_flight(load, free, send, |ticket| {
            let (transfer, result) = poll(driver, || fs.dio_poll(ticket));
            result.map_err(text)?;
            Ok(transfer.pages)
        })
    }
}

/// The block in the file of the next I/O.
fn place(load: &Load, number: u64, seed: &mut u64) -> u64 {
    let places = load.file_blocks / load.pages;
    let place = if load.is_random { random(seed) } else { number };
    place % places * load.pages
}
