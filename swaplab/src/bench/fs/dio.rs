//! Direct I/O with 32 in flight against the same blocks through the driver alone, all on one processor: each instruction
//! of the filesystem is seen here. No limit: that is for a drive with a processor of its own.

use std::collections::VecDeque;

use block::{BLOCK_BYTES, Bio, BlockDevice, Op};
use guest_fs::Ino;
use iomap::{Direction, Kiocb, Transfer};
use nvme_model::Config;

use super::{Driver, Error, Fs, Rc, drive, mounted};
use crate::bench::nvme::load::cpu_ns;
use crate::bench::sample::Sample;

const DEPTH: usize = 32;
const ROUNDS: usize = 9;
/// Blocks of the file: 32 MiB in one piece.
pub(super) const FILE_BLOCKS: u64 = 8192;
/// Blocks of the drive: room for the file.
pub(super) const DRIVE_BLOCKS: u64 = 4 * FILE_BLOCKS;
type Page = <Driver as BlockDevice>::Page;

/// What is measured.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) pages: u64,
    pub(super) is_random: bool,
    pub(super) count: u64,
}

pub(super) const SHAPES: [Shape; 2] = [
    Shape { name: "4 KiB random", pages: 1, is_random: true, count: 20_000 },
    Shape { name: "128 KiB sequential", pages: 32, is_random: false, count: 1500 },
];

struct Bench {
    driver: Rc<Driver>,
    fs: Fs,
    ino: Ino,
    first_block: u64,
    free: VecDeque<Vec<Page>>,
    seed: u64,
}

pub(super) fn run() -> Result<(), Error> {
    for shape in SHAPES {
        for direction in [Direction::Read, Direction::Write] {
            let mut bench = Bench::new(shape.pages)?;
            bench.raw(shape, direction)?;
            bench.fs(shape, direction)?;
            let (mut raw, mut fs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                let raw_ns = bench.raw(shape, direction)?;
                let fs_ns = bench.fs(shape, direction)?;
                raw.push(raw_ns);
                fs.push(fs_ns);
                ratios.push(raw_ns / fs_ns);
            }
            let ratio = Sample::new(ratios).median();
            println!(
                "  dio {:<18} {direction:?} QD{DEPTH}: {:>7.0} ns, raw {:>7.0} ns, {:>5.1} % of raw",
                shape.name,
                Sample::new(fs).median(),
                Sample::new(raw).median(),
                ratio * 100.0
            );
        }
    }
    Ok(())
}

impl Bench {
    fn new(pages: u64) -> Result<Self, Error> {
        let config = Config { has_volatile_cache: false, channels: 1024, ..Config::default() };
        let (_, driver) = drive(DRIVE_BLOCKS, config)?;
        let fs = mounted(&driver)?;
        let ino = fs.create("file")?;
        fs.fallocate(ino, 0, FILE_BLOCKS * BLOCK_BYTES as u64)?;
        let alloc = || (0..pages).map(|_| driver.alloc_page()).collect::<Result<Vec<_>, _>>();
        let free = (0..DEPTH).map(|_| alloc()).collect::<Result<VecDeque<_>, _>>()?;
        let mut bench = Self { driver: Rc::clone(&driver), fs, ino, first_block: 0, free, seed: 1 };
        for at in (0..FILE_BLOCKS).step_by(pages as usize) {
            let pages = bench.free.pop_front().ok_or("no buffers")?;
            let pos = at * BLOCK_BYTES as u64;
            let mut transfer = Transfer { direction: Direction::Write, pos, pages };
            bench.fs.dio_write(ino, &mut transfer)?;
            bench.free.push_back(transfer.pages);
        }
        bench.fs.sync()?;
        let map = bench.fs.map(ino)?;
        let [whole] = map.as_slice() else { return Err("the file is not in one piece".into()) };
        bench.first_block = whole.block;
        Ok(bench)
    }

    /// The block in the file of the next I/O.
    fn place(&mut self, shape: Shape, number: u64) -> u64 {
        if !shape.is_random {
            return number * shape.pages % FILE_BLOCKS;
        }
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.seed >> 33) % FILE_BLOCKS
    }

    /// Nanoseconds an I/O through the driver alone.
    fn raw(&mut self, shape: Shape, direction: Direction) -> Result<f64, Error> {
        let op = match direction {
            Direction::Read => Op::Read,
            Direction::Write => Op::Write { fua: false },
        };
        let mut in_flight = VecDeque::with_capacity(DEPTH);
        let start = cpu_ns();
        for number in 0..shape.count + DEPTH as u64 {
            if in_flight.len() == DEPTH || number >= shape.count {
                let Some(ticket) = in_flight.pop_front() else { break };
                let done = self.driver.wait(ticket);
                done.result.map_err(|error| error.to_string())?;
                self.free.push_back(done.bio.pages);
            }
            if number < shape.count {
                let block = self.first_block + self.place(shape, number);
                let pages = self.free.pop_front().ok_or("no buffers")?;
                let bio = Bio { op, block, pages };
                in_flight.push_back(self.driver.submit(bio).map_err(|e| e.why.to_string())?);
            }
        }
        Ok((cpu_ns() - start) / shape.count as f64)
    }

    /// Nanoseconds an I/O through the filesystem.
    fn fs(&mut self, shape: Shape, direction: Direction) -> Result<f64, Error> {
        let mut in_flight = VecDeque::with_capacity(DEPTH);
        let start = cpu_ns();
        for number in 0..shape.count + DEPTH as u64 {
            if in_flight.len() == DEPTH || number >= shape.count {
                let Some(ticket) = in_flight.pop_front() else { break };
                let (transfer, result) = self.fs.dio_wait(ticket);
                result?;
                self.free.push_back(transfer.pages);
            }
            if number < shape.count {
                let pos = self.place(shape, number) * BLOCK_BYTES as u64;
                let pages = self.free.pop_front().ok_or("no buffers")?;
                let transfer = Transfer { direction, pos, pages };
                let ticket = self.fs.dio_submit(self.ino, transfer, Kiocb::DIRECT);
                in_flight.push_back(ticket.map_err(|(_, failure)| failure)?);
            }
        }
        Ok((cpu_ns() - start) / shape.count as f64)
    }
}
