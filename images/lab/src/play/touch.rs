//! Workloads beyond a pass over all pages: chance, windows, small areas, processes, files beside swap.

use alloc::rc::Rc;
use alloc::vec;

use block::BlockDevice;
use guest_fs::{FileSystem, Ino};
use hal::{DmaBuf, PAGE_BYTES, UserMemory};
use iomap::{Direction, Errno, Transfer};

use super::{OUT_OF_PLACE, Play};
use crate::events::Step;
use crate::pattern::{PageContent, Pattern};
use crate::spec::Op;
use crate::steps::step;
use crate::touch::Touches;
use crate::tripwire::Tripwire;

const PAGE: u64 = PAGE_BYTES as u64;

/// An operation on the file comes after so many accesses.
const FILE_EVERY: u64 = 4;

/// Pages of the file beside the swap file.
const FILE_PAGES: u64 = 16;

/// Marks the file's pages in their pattern: no process is that.
const FILE_OWNER: u16 = 0xf11e;

impl<D: BlockDevice + 'static, U: UserMemory + 'static> Play<'_, D, U> {
    pub(super) fn fork(&mut self) -> Result<(), Errno> {
        let mm = self.parts.mm.as_mut().ok_or(OUT_OF_PLACE)?;
        let workload = &mut self.workload;
        step(&self.tracer, Step::Fork, || workload.fork(mm).map(|pages| ((), pages)))
    }

    pub(super) fn zeros(&mut self) -> Result<(), Errno> {
        let mm = self.parts.mm.as_mut().ok_or(OUT_OF_PLACE)?;
        let pass = || Ok(((), self.workload.zero_all(mm)));
        step(&self.tracer, Step::Zeros, pass)
    }

    /// The accesses of a word. What they saw is in the trace; the step counts those that were right.
    pub(super) fn touch(&mut self, word: Op, name: Step) -> Result<(), Errno> {
        let mm = self.parts.mm.as_mut().ok_or(OUT_OF_PLACE)?;
        let touches = Touches::new(word, self.spec.pages, self.spec.seed);
        let pass = || Ok(((), self.workload.touch(mm, touches, |_| {})));
        step(&self.tracer, name, pass)
    }

    /// The same while a file of the same filesystem is written, read, cut, grown and brought to media. A page of
    /// the file that is wrong ends the step with `EIO`, which no operation here gives on a healthy drive.
    pub(super) fn touch_beside_file(&mut self, word: Op) -> Result<(), Errno> {
        let fs = self.fs()?;
        let mm = self.parts.mm.as_mut().ok_or(OUT_OF_PLACE)?;
        let touches = Touches::new(word, self.spec.pages, self.spec.seed);
        let (workload, device, seed) = (&mut self.workload, &self.device, self.spec.seed);
        step(&self.tracer, Step::TouchBesideFile, || {
            let ino = fs.open("beside").or_else(|_| fs.create("beside"))?;
            let mut file = Beside { fs, ino, device: Rc::clone(device), seed, pages: 0 };
            let mut result = Ok(());
            let right = workload.touch(mm, touches, |nth| {
                if nth % FILE_EVERY == 0 && result.is_ok() {
                    result = file.operate(nth / FILE_EVERY);
                }
            });
            result.map(|()| ((), right))
        })
    }
}

/// The file, and how much of it is written.
struct Beside<D: BlockDevice> {
    fs: FileSystem<Tripwire<D>>,
    ino: Ino,
    device: Rc<Tripwire<D>>,
    seed: u64,
    pages: u64,
}

impl<D: BlockDevice + 'static> Beside<D> {
    /// The n-th operation: the file grows by direct writes, is read back, reserves space, is brought to
    /// media, and is cut when it is full.
    fn operate(&mut self, nth: u64) -> Result<(), Errno> {
        match nth % 5 {
            0 | 2 => self.append(),
            1 => self.verify(nth),
            3 => self.fs.fallocate(self.ino, self.pages * PAGE, 2 * PAGE),
            _ if self.pages >= FILE_PAGES => {
                self.pages = 0;
                self.fs.truncate(self.ino, 0)
            }
            _ => self.fs.fsync(self.ino),
        }
    }

    fn append(&mut self) -> Result<(), Errno> {
        let mut bytes = [0; PAGE_BYTES];
        self.pattern(self.pages).fill(&mut bytes);
        let page = self.device.alloc_page().map_err(|_| Errno::ENOMEM)?;
        page.write(0, &bytes);
        let pos = self.pages * PAGE;
        let mut transfer = Transfer { direction: Direction::Write, pos, pages: vec![page] };
        self.fs.dio_write(self.ino, &mut transfer)?;
        self.pages += 1;
        Ok(())
    }

    fn verify(&self, nth: u64) -> Result<(), Errno> {
        let index = nth % self.pages.max(1);
        let page = self.device.alloc_page().map_err(|_| Errno::ENOMEM)?;
        let pos = index * PAGE;
        let mut transfer = Transfer { direction: Direction::Read, pos, pages: vec![page] };
        self.fs.dio_read(self.ino, &mut transfer)?;
        let mut bytes = [0; PAGE_BYTES];
        transfer.pages.iter().for_each(|page| page.read(0, &mut bytes));
        let is_right = self.pattern(index).check(&bytes) == PageContent::Expected;
        if is_right || index >= self.pages { Ok(()) } else { Err(Errno::EIO) }
    }

    const fn pattern(&self, page: u64) -> Pattern {
        Pattern { seed: self.seed, owner: FILE_OWNER, page, generation: 1 }
    }
}
