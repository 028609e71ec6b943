//! Checking an unmounted filesystem. Read-only.
//!
//! A journal that is not empty is reported, and everything else is checked as recovery would leave it:
//! its images lie over the device. Every walk is bounded by the device's size, whatever the image says.

mod finding;
mod walk;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use block::BlockDevice;
pub use finding::{Finding, FsckError, Report};
use walk::Walk;

use crate::format::superblock::{self, Layout, SUPERBLOCK_AT};
use crate::format::{Image, Structure, bitmap};
use crate::inode::Inode;
use crate::log::recovery::{ScanError, scan};
use crate::mount::{MountError, check_superblock, find_superblock, load_directory, load_inode};
use crate::space::{Bits, Run};
use crate::store::{IoError, Reserve};

/// The most findings of a report.
const FINDINGS_MAX: usize = 1000;

/// What a check works with.
struct Check<'a, D: BlockDevice> {
    device: &'a D,
    reserve: Reserve<D::Page>,
    layout: Layout,
    /// What recovery would put in place.
    overlay: BTreeMap<u64, Image>,
    report: Report,
}

/// Checks the filesystem on `device`.
pub(crate) fn fsck<D: BlockDevice>(device: &D) -> Result<Report, FsckError> {
    let reserve = Reserve::new(device).map_err(|_| FsckError(MountError::OutOfMemory))?;
    let layout = find_superblock(device, &reserve).map_err(FsckError)?;
    check_superblock(&layout, device.geometry().size_blocks).map_err(FsckError)?;
    let mut check =
        Check { device, reserve, layout, overlay: BTreeMap::new(), report: Report::default() };
    check.superblocks();
    check.journal();
    let marked = check.bitmap();
    let claimed = check.files();
    if let (Some(marked), Some(claimed)) = (marked, claimed) {
        check.compare(&marked, &claimed);
    }
    Ok(check.report)
}

impl<D: BlockDevice> Check<'_, D> {
    fn found(&mut self, finding: Finding) {
        if self.report.findings.len() < FINDINGS_MAX {
            self.report.findings.push(finding);
        } else {
            self.report.is_truncated = true;
        }
    }

    fn read(&self, block: u64) -> Result<Image, IoError> {
        match self.overlay.get(&block) {
            Some(image) => Ok(image.clone()),
            None => self.reserve.read(self.device, block),
        }
    }

    fn failed(&mut self, error: MountError) {
        match error {
            MountError::Corrupt(corruption) => self.found(Finding::Corrupt(corruption)),
            MountError::Io(error) => self.found(Finding::Unreadable(error)),
            other => self.found(Finding::Other(other)),
        }
    }

    /// Both superblocks must be there and say the same.
    fn superblocks(&mut self) {
        for block in [SUPERBLOCK_AT, self.layout.copy_at()] {
            let decoded = self.read(block).map_err(MountError::Io);
            let decoded = decoded.and_then(|image| Ok(superblock::decode(&image, block)?));
            match decoded {
                Ok(layout) if layout == self.layout => {}
                Ok(_) => self.found(Finding::SuperblocksDiffer),
                Err(error) => self.failed(error),
            }
        }
    }

    fn journal(&mut self) {
        match scan(&self.layout, |block| self.reserve.read(self.device, block)) {
            Ok(replay) => {
                if replay.batches > 0 {
                    self.found(Finding::JournalNotEmpty { batches: replay.batches });
                }
                self.overlay = replay.images;
            }
            Err(ScanError::Io(error)) => self.found(Finding::Unreadable(error)),
            Err(ScanError::Corrupt(corruption)) => self.found(Finding::Corrupt(corruption)),
        }
    }

    /// What the bitmap says is in use; `None` if a part of it is unreadable.
    fn bitmap(&mut self) -> Option<Bits> {
        let mut marked = Bits::new(self.layout.blocks);
        let mut is_complete = true;
        let mut block = 0;
        let mut is_beyond_clear = true;
        for index in 0..self.layout.bitmap_blocks {
            let image = self.read(self.layout.bitmap_start.saturating_add(index));
            let decoded = image.map_err(MountError::Io).and_then(|image| {
                Ok(bitmap::decode(&self.layout, index, &image)?.collect::<Vec<u64>>())
            });
            let words = decoded.unwrap_or_else(|error| {
                self.failed(error);
                is_complete = false;
                alloc::vec![0; bitmap::WORDS_PER_BLOCK]
            });
            for bit in words.iter().flat_map(|word| (0..64).map(move |bit| word >> bit & 1 != 0)) {
                if block < self.layout.blocks {
                    marked.set(block, bit);
                } else {
                    is_beyond_clear &= !bit;
                }
                block = block.saturating_add(1);
            }
        }
        if !is_beyond_clear {
            self.found(Finding::BitmapBeyondEnd);
        }
        is_complete.then_some(marked)
    }

    /// Walks the directory and every file; gives the blocks that they use. `None` if a part could not be
    /// read, so that nothing can be called leaked.
    fn files(&mut self) -> Option<Bits> {
        let mut walk = Walk::new(&self.layout);
        let root = load_inode(&self.layout, self.layout.root, |block| self.read(block));
        let root = root.map_err(|error| self.failed(error)).ok()?;
        let mut is_complete = self.inode(&mut walk, self.layout.root, &root);
        if root.kind != crate::FileKind::Directory {
            let identity =
                self.layout.identity(Structure::Inode, self.layout.root, self.layout.root);
            self.found(Finding::Corrupt(identity.field("the kind directory, being the root")));
            return None;
        }
        let directory = load_directory(&self.layout, &root, |block| self.read(block));
        let directory = directory.map_err(|error| self.failed(error)).ok()?;
        for entry in directory.entries() {
            if !walk.name(&entry.name) {
                self.found(Finding::DuplicateName { name: entry.name.to_vec() });
            }
            match load_inode(&self.layout, entry.ino, |block| self.read(block)) {
                Ok(inode) => {
                    if inode.kind != crate::FileKind::File {
                        self.found(Finding::NotAFile { ino: entry.ino });
                    }
                    is_complete &= self.inode(&mut walk, entry.ino, &inode);
                    self.report.files = self.report.files.saturating_add(1);
                }
                Err(error) => {
                    self.failed(error);
                    is_complete = false;
                }
            }
        }
        is_complete.then_some(walk.claimed)
    }

    /// Claims the blocks of an inode. False if some belong to somebody else already.
    fn inode(&mut self, walk: &mut Walk, ino: u64, inode: &Inode) -> bool {
        if inode.nlink != 1 {
            self.found(Finding::BadNlink { ino, found: inode.nlink });
        }
        let leaves = inode.map.leaves().iter().map(|leaf| leaf.block);
        let leaves = leaves.filter(|block| *block != crate::extents::IN_INODE).map(Run::one);
        let data = inode.map.iter().map(|e| Run { start: e.block, blocks: e.blocks });
        let runs = core::iter::once(Run::one(ino)).chain(leaves).chain(data);
        let twice: Vec<u64> = runs.filter_map(|run| walk.claim(run)).collect();
        for block in &twice {
            self.found(Finding::UsedTwice { block: *block, ino });
        }
        self.report.blocks_used = self.report.blocks_used.saturating_add(inode.blocks());
        twice.is_empty()
    }

    fn compare(&mut self, marked: &Bits, claimed: &Bits) {
        for block in 0..self.layout.blocks {
            match (marked.get(block), claimed.get(block)) {
                (false, true) => self.found(Finding::NotMarked { block }),
                (true, false) => self.found(Finding::Leaked { block }),
                _ => {}
            }
        }
    }
}
