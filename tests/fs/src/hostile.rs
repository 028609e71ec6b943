//! Images that lie: everything that a user could do to one, within bounds.
//!
//! A damaged image may give errors, and may be right by luck. It may not make the filesystem panic, and what
//! is done to it must end: the drive counts requests, and goes away when there are too many.

use std::rc::Rc;

use block::{BLOCK_BYTES, BlockDevice};
use guest_fs::inspect::Inspector;
use guest_fs::{FileKind, FileSystem, Ino, RenameFlags};
use hal::testing::DmaPool;
use iomap::{Direction, Transfer};
use nvme_model::media::OverlayMedia;

use crate::disk::Disk;
use crate::format::Block;
use crate::observe::Fs;
use crate::op::Op;
use crate::player::{Player, mkfs, mount};
use crate::{Failure, ace};

/// Pages of the drive.
pub const DISK_BLOCKS: u64 = 700;

/// Requests that any of it may take on an image this small; the most that was ever seen is a tenth.
const REQUESTS_MAX: u64 = 20_000;

/// Names that are visited: a directory may be its own child.
const VISITS_MAX: usize = 200;

/// An image to damage.
#[derive(Debug)]
pub struct Bench {
    image: OverlayMedia,
    pool: DmaPool,
    /// The most requests that one attempt took.
    pub requests_most: u64,
}

impl Bench {
    /// An image with every structure, a journal with batches in it, and nothing wrong.
    ///
    /// # Errors
    /// A filesystem that cannot be made.
    pub fn new() -> Result<Self, Failure> {
        let pool = Disk::pool();
        let disk = Disk::new(crate::disk::poisoned(DISK_BLOCKS, 4096), &pool);
        mkfs(&disk)?;
        let mut player = Player::new(disk.media(), &pool, None)?;
        drop(disk);
        let long = |n: usize| format!("A/{n}{}", "n".repeat(200));
        let mut ops = ace::setup();
        // More names than a block has, and more extents: trees with nodes.
        ops.extend((0..24).map(|n| Op::Create(long(n))));

        ops.push(Op::Create("holes".into()));
        ops.extend((0..150).map(|n| Op::Write("holes".into(), 2 * n, 1)));
        ops.push(Op::Symlink("A/foo".into(), "sym".into()));
        ops.push(Op::Sync);
        ops.push(Op::Unlink(long(3)));
        ops.push(Op::Truncate("A/foo".into(), 9));
        ops.push(Op::Sync);
        ops.iter().try_for_each(|op| player.play(op))?;
        Ok(Self { image: player.disk.media(), pool, requests_most: 0 })
    }

    /// The blocks of the image.
    pub fn blocks(&self) -> impl Iterator<Item = (u64, Block)> {
        let disk = Disk::of(self.image.clone(), &self.pool);
        (0..DISK_BLOCKS).map(move |block| (block, disk.peek(block)))
    }

    /// Tries everything on the image with these blocks instead of its own. Gives whether it was mounted.
    pub fn attempt(&mut self, changes: &[(u64, &Block)]) -> bool {
        let damaged = || {
            let disk = Rc::new(Disk::of(self.image.clone(), &self.pool));
            changes.iter().for_each(|(block, content)| disk.poke(*block, content));
            disk.set_budget(REQUESTS_MAX);
            disk
        };
        let mut most = 0;
        let mut done = |disk: &Disk, what: &str| {
            assert!(!disk.is_exhausted(), "{what} does not come to an end");
            most = most.max(disk.requests());
        };
        let disk = damaged();
        let _ = FileSystem::fsck(&*disk);
        done(&disk, "the check");
        if let Ok(inspector) = Inspector::new(&*disk) {
            inspect(&inspector);
        }
        done(&disk, "a dump");
        let disk = damaged();
        let _ = FileSystem::repair(&*disk);
        done(&disk, "the repair");
        let disk = damaged();
        let mounted = mount(&disk, None);
        let is_mounted = mounted.is_ok();
        if let Ok(fs) = mounted {
            walk(&fs, &disk);
            change(&fs, &disk);
            drop(fs.unmount());
            let _ = FileSystem::fsck(&*disk);
        }
        done(&disk, "a mount");
        self.requests_most = self.requests_most.max(most);
        is_mounted
    }
}

fn inspect<D: BlockDevice>(inspector: &Inspector<'_, D>) {
    let _ = (inspector.groups(), inspector.orphans(), inspector.shared());
    for path in ["", "foo", "A", "A/foo", "sym"] {
        if let Ok(ino) = inspector.lookup(path.as_bytes()) {
            let _ = (inspector.inode(ino), inspector.entries(ino), inspector.extents(ino));
        }
    }
}

/// Looks at everything that has a name.
fn walk(fs: &Fs, disk: &Disk) {
    let mut left = vec![fs.root()];
    let mut visits = 0;
    while let Some(ino) = left.pop() {
        for entry in fs.read_dir(ino, 0, VISITS_MAX).unwrap_or_default() {
            visits += 1;
            if visits > VISITS_MAX {
                return;
            }
            let Ok(found) = fs.lookup(ino, &entry.name) else { continue };
            let _ = (fs.stat(found), fs.map(found));
            match entry.kind {
                FileKind::Directory => left.push(found),
                FileKind::File => read(fs, disk, found),
                FileKind::Symlink => drop(fs.open(&entry.name)),
            }
        }
    }
}

fn read(fs: &Fs, disk: &Disk, ino: Ino) {
    for pos in [0, 8 * BLOCK_BYTES as u64] {
        let pages = (0..4).filter_map(|_| disk.alloc_page().ok()).collect();
        let _ = fs.dio_read(ino, &mut Transfer { direction: Direction::Read, pos, pages });
    }
}

/// Does a little of everything.
fn change(fs: &Fs, disk: &Disk) {
    let _ = (fs.create("made"), fs.mkdir("B/made"), fs.link("foo", "B/linked"));
    let _ = fs.rename("A", "B/moved", RenameFlags::empty());
    let _ = (fs.unlink("bar"), fs.rmdir("B"), fs.sync());
    for path in ["foo", "B/moved/foo", "A/foo", "made"] {
        let Ok(ino) = fs.open(path) else { continue };
        let pages = (0..3).filter_map(|_| disk.alloc_page().ok()).collect();
        let mut transfer = Transfer { direction: Direction::Write, pos: 4096, pages };
        let _ = (fs.dio_write(ino, &mut transfer), fs.fallocate(ino, 0, 80_000));
        let _ = (fs.truncate(ino, 5000), fs.fsync(ino));
    }
    let _ = (fs.unlink("foo"), fs.unlink("B/moved/foo"), fs.sync());
}
