//! What happens to an active swap file: a user must be refused, the filesystem may move it.

use block::BlockDevice;
use hal::{PAGE_BYTES, UserMemory};
use iomap::{Direction, Errno, Transfer};

use super::Play;
use super::file::{SWAP_FILE, try_swap_on};
use crate::events::Step;
use crate::steps::step;

impl<D: BlockDevice + 'static, U: UserMemory + 'static> Play<'_, D, U> {
    /// The filesystem moves the file. It may: it decides where its files are.
    pub(super) fn relocate(&self) -> Result<(), Errno> {
        let (fs, ino) = (self.fs()?, self.ino()?);
        let _ = step(&self.tracer, Step::Relocate, || fs.relocate(ino).map(|moved| ((), moved)));
        Ok(())
    }

    /// Tries each once; what each gives is in the trace.
    pub(super) fn modify_active(&self) -> Result<(), Errno> {
        let (fs, ino, tracer) = (self.fs()?, self.ino()?, &self.tracer);
        let _ = step(tracer, Step::WriteActive, || {
            let page = self.device.alloc_page().map_err(|_| Errno::ENOMEM)?;
            let pos = PAGE_BYTES as u64;
            let pages = alloc::vec![page];
            fs.dio_write(ino, &mut Transfer { direction: Direction::Write, pos, pages })?;
            Ok(((), 1))
        });
        let _ = step(tracer, Step::FallocateActive, || {
            fs.fallocate(ino, 0, PAGE_BYTES as u64).map(|()| ((), 1))
        });
        let _ = step(tracer, Step::UnlinkActive, || fs.unlink(SWAP_FILE).map(|()| ((), 1)));
        let _ = step(tracer, Step::SwapOnAgain, || {
            try_swap_on(fs.clone(), &self.device, ino, self.spec.path).map(|()| ((), 1))
        });
        Ok(())
    }
}
