//! Checking an unmounted filesystem, and repairing what can be repaired without a guess.
//!
//! A journal that is not empty is reported, and everything else is checked as recovery would leave it:
//! its images lie over the device. Everything is counted twice, once from the roots down and once from the
//! summaries: blocks against bitmaps, owners against the tree of shared blocks, names against link counts.
//! Every walk is bounded by the device's size, whatever the image says.
//!
//! Memory: one bit a block for groups in use, and a few words for every shared run and every inode with
//! several names.

mod claims;
mod finding;
mod groups;
mod inodes;
mod names;
mod repair;
mod shared;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::rc::Rc;

use block::BlockDevice;
use claims::Claims;
pub use finding::{Finding, FsckError, Report};
use shared::SharedRuns;

use crate::btree::{Step, Tree, Walker};
use crate::format::superblock::{self, Layout};
use crate::format::{Image, Structure};
use crate::log::recovery::{ScanError, scan};
use crate::meta::{Fault, MetaRead, read_verified};
use crate::mount::{MountError, check_superblock, find_superblock};
use crate::planted::Plant;
use crate::space::Run;
use crate::store::Reserve;

/// The most findings of a report.
const FINDINGS_MAX: usize = 1000;

/// What a check works with.
struct Check<'a, D: BlockDevice> {
    device: &'a D,
    reserve: Reserve<D::Page>,
    layout: Layout,
    /// What recovery would put in place.
    overlay: BTreeMap<u64, Image>,
    claims: Claims,
    shared: SharedRuns,
    /// Directories still to be looked into.
    directories: VecDeque<u64>,
    /// Inodes with several names: names seen, names that the inode says.
    links: BTreeMap<u64, (u32, u32)>,
    /// A part could not be read, so that nothing can be called leaked.
    is_incomplete: bool,
    /// Blocks as they should be, where that is beyond doubt.
    fixes: BTreeMap<u64, Image>,
    report: Report,
}

/// Checks the filesystem on `device`.
pub(crate) fn fsck<D: BlockDevice>(device: &D) -> Result<Report, FsckError> {
    Ok(check(device)?.report)
}

/// Checks and repairs the filesystem on `device`. The report says what was wrong before.
pub(crate) fn repair<D: BlockDevice>(device: &D) -> Result<Report, FsckError> {
    let check = check(device)?;
    check.write_fixes()
}

fn check<D: BlockDevice>(device: &D) -> Result<Check<'_, D>, FsckError> {
    let reserve = Reserve::new(device).map_err(|_| FsckError(MountError::OutOfMemory))?;
    let layout = find_superblock(device, &reserve).map_err(FsckError)?;
    check_superblock(&layout, device.geometry().size_blocks).map_err(FsckError)?;
    let mut check = Check {
        device,
        reserve,
        layout,
        overlay: BTreeMap::new(),
        claims: Claims::new(&layout),
        shared: SharedRuns::default(),
        directories: VecDeque::new(),
        links: BTreeMap::new(),
        is_incomplete: false,
        fixes: BTreeMap::new(),
        report: Report::default(),
    };
    check.superblocks();
    check.journal();
    check.names();
    check.orphans();
    check.link_counts();
    check.owners();
    check.groups();
    Ok(check)
}

impl<D: BlockDevice> MetaRead for Check<'_, D> {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn read(&self, structure: Structure, block: u64, owner: u64) -> Result<Rc<Image>, Fault> {
        read_verified(&self.layout, structure, block, owner, |block| {
            match self.overlay.get(&block) {
                Some(image) => Ok(image.clone()),
                None => self.reserve.read(self.device, block),
            }
        })
    }
}

impl<D: BlockDevice> Check<'_, D> {
    fn found(&mut self, finding: Finding) {
        if self.report.findings.len() < FINDINGS_MAX {
            self.report.findings.push(finding);
        } else {
            self.report.is_truncated = true;
        }
    }

    /// A block that cannot be read or is something else.
    fn failed(&mut self, fault: Fault) {
        self.is_incomplete = true;
        self.found(match fault {
            Fault::Corrupt(corruption) => Finding::Corrupt(corruption),
            Fault::Io(error) => Finding::Unreadable(error),
            other => Finding::Other(other.into()),
        });
    }

    /// Blocks of `ino`. False if some belong to somebody else already.
    fn claim(&mut self, ino: u64, run: Run) -> bool {
        self.report.blocks_used = self.report.blocks_used.saturating_add(run.blocks);
        match self.claims.claim(run) {
            None => true,
            Some(block) => {
                self.is_incomplete = true;
                self.found(Finding::UsedTwice { block, ino });
                false
            }
        }
    }

    /// Shows every record of a tree and claims its nodes. Gives how many nodes there are.
    fn tree(&mut self, tree: Tree, mut visit: impl FnMut(&mut Self, u64, &[u8])) -> u64 {
        let mut walker = Walker::new(tree);
        let mut nodes: u64 = 0;
        while let Some(step) = walker.step(self) {
            match step {
                Step::Record(key, value) => visit(self, key, &value),
                Step::Bad(fault) => self.failed(fault),
                Step::Node(block) => {
                    nodes = nodes.saturating_add(1);
                    if !self.claim(tree.root, Run::one(block)) {
                        walker.skip();
                    }
                }
            }
        }
        nodes
    }

    /// All superblocks must be there and say the same.
    fn superblocks(&mut self) {
        let layout = self.layout;
        for block in layout.superblocks() {
            let decoded = self.reserve.read(self.device, block).map_err(Fault::Io);
            let decoded = decoded.and_then(|image| Ok(superblock::decode(&image, block)?));
            let finding = match decoded {
                Ok(found) if found == layout => continue,
                Ok(_) => Finding::SuperblocksDiffer { block },
                Err(Fault::Io(error)) => Finding::Unreadable(error),
                Err(Fault::Corrupt(corruption)) => Finding::Corrupt(corruption),
                Err(other) => Finding::Other(other.into()),
            };
            self.found(finding);
            self.fixes.insert(block, superblock::encode(&layout, block));
        }
    }

    fn journal(&mut self) {
        match scan(&self.layout, Plant::default(), |block| self.reserve.read(self.device, block)) {
            Ok(replay) => {
                if replay.batches > 0 {
                    self.found(Finding::JournalNotEmpty { batches: replay.batches });
                }
                self.overlay = replay.images;
            }
            Err(ScanError::Io(error)) => self.failed(error.into()),
            Err(ScanError::Corrupt(corruption)) => self.failed(corruption.into()),
        }
    }
}
