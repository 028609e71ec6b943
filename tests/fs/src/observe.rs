//! What a mounted filesystem shows of itself: every name, every size, every byte.

use std::collections::BTreeMap;

use block::{BLOCK_BYTES, BlockDevice};
use guest_fs::{FileKind, FileSystem, Ino};
use hal::DmaBuf;
use iomap::{Direction, Errno, Transfer};

use crate::disk::Disk;
use crate::op::SECTOR;

/// The filesystem under test.
pub type Fs = FileSystem<Disk>;

/// The most pages of one read.
const READ_PAGES: u64 = 16;

/// A sector whose bytes are not all alike.
pub const MIXED: u16 = 0x100;

/// Something with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its inode.
    pub ino: u64,
    /// How many names it says it has.
    pub nlink: u32,
    /// What it is.
    pub kind: FileKind,
    /// Bytes; of a directory its entries.
    pub size_bytes: u64,
    /// The byte that fills each sector, or [`MIXED`].
    pub sectors: Vec<u16>,
    /// Where a symbolic link points to.
    pub target: Vec<u8>,
}

/// Every path, but for the root.
pub type Tree = BTreeMap<String, Seen>;

/// Looks at everything.
///
/// # Errors
/// Where the filesystem gave an error, and which.
pub fn observe(fs: &Fs, disk: &Disk) -> Result<Tree, (String, Errno)> {
    let mut tree = Tree::new();
    let mut left = vec![(String::new(), fs.root())];
    while let Some((above, ino)) = left.pop() {
        let entries = fs.read_dir(ino, 0, usize::MAX).map_err(|errno| (above.clone(), errno))?;
        for entry in entries {
            let path = format!("{above}{}", String::from_utf8_lossy(&entry.name));
            let seen =
                look(fs, disk, ino, &entry.name, &path).map_err(|errno| (path.clone(), errno))?;
            if seen.kind == FileKind::Directory {
                left.push((format!("{path}/"), Ino(seen.ino)));
            }
            tree.insert(path, seen);
        }
    }
    Ok(tree)
}

/// Every file that is no directory and no link, by each of its names.
///
/// # Errors
/// As [`observe`].
pub fn files(fs: &Fs) -> Result<Vec<(String, Ino)>, (String, Errno)> {
    let mut files = Vec::new();
    let mut left = vec![(String::new(), fs.root())];
    while let Some((above, ino)) = left.pop() {
        let entries = fs.read_dir(ino, 0, usize::MAX).map_err(|errno| (above.clone(), errno))?;
        for entry in entries {
            let path = format!("{above}{}", String::from_utf8_lossy(&entry.name));
            match entry.kind {
                FileKind::Directory => left.push((format!("{path}/"), entry.ino)),
                FileKind::File => {
                    let ino = fs.lookup(ino, &entry.name).map_err(|errno| (path.clone(), errno))?;
                    files.push((path, ino));
                }
                FileKind::Symlink => {}
            }
        }
    }
    Ok(files)
}

fn look(fs: &Fs, disk: &Disk, parent: Ino, name: &[u8], path: &str) -> Result<Seen, Errno> {
    let ino = fs.lookup(parent, name)?;
    let stat = fs.stat(ino)?;
    let mut seen = Seen {
        ino: ino.0,
        nlink: stat.nlink,
        kind: stat.kind,
        size_bytes: stat.size_bytes,
        sectors: Vec::new(),
        target: Vec::new(),
    };
    match stat.kind {
        FileKind::File => seen.sectors = content(fs, disk, ino, stat.size_bytes)?,
        FileKind::Symlink => seen.target = fs.readlink(path)?,
        FileKind::Directory => {}
    }
    Ok(seen)
}

/// The whole content of a file, sector by sector, read directly.
///
/// # Errors
/// What the filesystem gives.
pub fn content(fs: &Fs, disk: &Disk, ino: Ino, size: u64) -> Result<Vec<u16>, Errno> {
    let mut sectors = Vec::new();
    let page_bytes = BLOCK_BYTES as u64;
    let mut pos = 0;
    while pos < size {
        let count = (size - pos).div_ceil(page_bytes).min(READ_PAGES);
        let pages = (0..count).map(|_| disk.alloc_page());
        let pages = pages.collect::<Result<_, _>>().map_err(|_| Errno::ENOMEM)?;
        let mut transfer = Transfer { direction: Direction::Read, pos, pages };
        fs.dio_read(ino, &mut transfer)?;
        for page in &transfer.pages {
            let mut bytes = [0; BLOCK_BYTES];
            page.read(0, &mut bytes);
            sectors.extend(bytes.chunks(SECTOR as usize).map(fill_of));
        }
        pos += count * page_bytes;
    }
    sectors.truncate(size.div_ceil(SECTOR) as usize);
    Ok(sectors)
}

fn fill_of(sector: &[u8]) -> u16 {
    let first = sector[0];
    if sector.iter().all(|byte| *byte == first) { first.into() } else { MIXED }
}
