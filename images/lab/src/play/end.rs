//! The ends: unmount, swapoff, and what is there after a power cycle.

use block::BlockDevice;
use guest_fs::FileSystem;
use hal::UserMemory;
use iomap::Errno;

use super::file::SWAP_FILE;
use super::{OUT_OF_PLACE, Play};
use crate::events::Step;
use crate::steps::step;

impl<D: BlockDevice + 'static, U: UserMemory + 'static> Play<'_, D, U> {
    /// Unmounts, if the filesystem is still mounted.
    pub(super) fn unmount(&mut self, name: Step) -> Result<(), Errno> {
        if let Some(fs) = self.parts.fs.take() {
            let unmounted = step(&self.tracer, name, || {
                fs.clone().unmount().map(|()| ((), 0)).map_err(|(_still_mounted, errno)| errno)
            });
            self.parts.fs = unmounted.is_err().then_some(fs);
        }
        Ok(())
    }

    /// Takes the filesystem out of the namespace (Linux `umount -l`). It is unmounted when nobody uses it any more.
    pub(super) fn unmount_lazily(&mut self) -> Result<(), Errno> {
        self.fs()?;
        self.parts.is_detached = true;
        step(&self.tracer, Step::UnmountLazy, || Ok(((), 0)))
    }

    /// First as swapoff(2) does it: the path is opened to find the area. Then by the area's number,
    /// which Linux cannot do.
    pub(super) fn swap_off(&mut self) -> Result<(), Errno> {
        let fs = self.fs()?;
        let tracer = self.tracer.clone();
        let by_path = step(&tracer, Step::SwapOffByPath, || {
            if self.parts.is_detached {
                return Err(Errno::ENOENT);
            }
            fs.open(SWAP_FILE)?;
            self.turn_off()
        });
        if by_path.is_err() {
            self.swap_off_by_area()?;
        }
        Ok(())
    }

    pub(super) fn swap_off_by_area(&mut self) -> Result<(), Errno> {
        let tracer = self.tracer.clone();
        let _ = step(&tracer, Step::SwapOffByArea, || self.turn_off());
        Ok(())
    }

    pub(super) fn turn_off(&mut self) -> Result<((), u64), Errno> {
        let area = self.parts.area.ok_or(OUT_OF_PLACE)?;
        let report = self.mm()?.swapoff(area).map_err(|error| error.errno())?;
        Ok(((), report.pages_read))
    }

    /// Opens the swap file by its name.
    pub(super) fn find(&mut self) -> Result<(), Errno> {
        let fs = self.fs()?;
        let found =
            step(&self.tracer, Step::FindSwapFile, || fs.open(SWAP_FILE).map(|ino| (ino, 1)));
        self.parts.ino = found.ok();
        Ok(())
    }

    pub(super) fn fsck(&self) -> Result<(), Errno> {
        step(&self.tracer, Step::Fsck, || {
            let report = FileSystem::fsck(&*self.device).map_err(|error| error.0.errno())?;
            Ok(((), report.findings.len() as u64))
        })
    }
}
