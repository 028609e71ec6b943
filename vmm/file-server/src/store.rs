//! What the server exports: one directory of files, in memory.

use std::collections::BTreeMap;

use crate::errno::{EEXIST, EINVAL, EIO, ENFILE, ENOENT, ENOSPC, Errno};

/// Bytes of a block: the unit of space.
pub(crate) const BLOCK_BYTES: u64 = 4096;

/// A file that is not on the disk: what is written to it is an order to the server's administrator,
/// `goingdown` (the filesystem is shut down and answers EIO from then on) or `remount`.
pub const CONTROL: &str = "ctl";

/// The most files: a guest may ask for any number.
const FILES_MAX: usize = 64;

/// How a session names a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Root,
    Control,
    /// A file by its number, from 2.
    File(u64),
}

impl Node {
    /// The number in a qid.
    pub(crate) const fn path(self) -> u64 {
        match self {
            Self::Root => 0,
            Self::Control => 1,
            Self::File(path) => path,
        }
    }
}

/// A file: blocks that were never written are holes.
#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    size_bytes: u64,
    version: u32,
    blocks: BTreeMap<u64, Box<[u8; BLOCK_BYTES as usize]>>,
}

/// The exported directory.
#[derive(Clone, Debug)]
pub struct Export {
    names: BTreeMap<String, u64>,
    files: BTreeMap<u64, File>,
    capacity_blocks: u64,
    is_down: bool,
}

impl Export {
    /// An empty directory on a disk of so many blocks of 4 KiB.
    #[must_use]
    pub(crate) fn new(capacity_blocks: u64) -> Self {
        let (names, files) = (BTreeMap::new(), BTreeMap::new());
        Self { names, files, capacity_blocks, is_down: false }
    }

    /// Whether the filesystem is shut down.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.is_down
    }

    /// Shuts it down, or mounts it again. What was acknowledged is there afterwards.
    pub(crate) fn set_down(&mut self, is_down: bool) {
        self.is_down = is_down;
    }

    /// What every operation on the disk asks first.
    pub(crate) fn check_up(&self) -> Result<(), Errno> {
        if self.is_down { Err(EIO) } else { Ok(()) }
    }

    pub(crate) fn find(&self, name: &str) -> Result<Node, Errno> {
        if name == CONTROL {
            return Ok(Node::Control);
        }
        self.check_up()?;
        self.names.get(name).map(|path| Node::File(*path)).ok_or(ENOENT)
    }

    pub(crate) fn create(&mut self, name: &str) -> Result<Node, Errno> {
        self.check_up()?;
        if name.is_empty() || name == "." || name == ".." || name.contains('/') {
            return Err(EINVAL);
        }
        if name == CONTROL || self.names.contains_key(name) {
            return Err(EEXIST);
        }
        if self.names.len() >= FILES_MAX {
            return Err(ENFILE);
        }
        let path = self.names.len() as u64 + 2;
        self.names.insert(name.to_owned(), path);
        self.files.insert(path, File::default());
        Ok(Node::File(path))
    }

    /// Size in bytes, blocks behind it, version.
    pub(crate) fn attributes(&self, node: Node) -> Result<(u64, u64, u32), Errno> {
        let Node::File(path) = node else { return Ok((0, 0, 0)) };
        self.check_up()?;
        let file = self.files.get(&path).ok_or(ENOENT)?;
        Ok((file.size_bytes, file.blocks.len() as u64, file.version))
    }

    /// Blocks in all, and free ones.
    pub(crate) fn space(&self) -> Result<(u64, u64), Errno> {
        self.check_up()?;
        Ok((self.capacity_blocks, self.capacity_blocks.saturating_sub(self.used_blocks())))
    }

    fn used_blocks(&self) -> u64 {
        self.files.values().map(|file| file.blocks.len() as u64).sum()
    }

    /// At most `count` bytes from `offset` on; fewer at the end of the file.
    pub(crate) fn read(&self, path: u64, offset: u64, count: u32) -> Result<Vec<u8>, Errno> {
        self.check_up()?;
        let file = self.files.get(&path).ok_or(ENOENT)?;
        let end = file.size_bytes.min(offset.saturating_add(count.into()));
        let mut bytes = Vec::new();
        let mut at = offset;
        while at < end {
            let (block, inside, length) = piece(at, end);
            match file.blocks.get(&block).and_then(|data| data.get(inside..inside + length)) {
                Some(data) => bytes.extend_from_slice(data),
                None => bytes.resize(bytes.len() + length, 0),
            }
            at += length as u64;
        }
        Ok(bytes)
    }

    /// Writes all of `bytes`, or nothing.
    pub(crate) fn write(&mut self, path: u64, offset: u64, bytes: &[u8]) -> Result<(), Errno> {
        self.check_up()?;
        let end = offset.checked_add(bytes.len() as u64).ok_or(EINVAL)?;
        let free = self.capacity_blocks.saturating_sub(self.used_blocks());
        let file = self.files.get_mut(&path).ok_or(ENOENT)?;
        if bytes.is_empty() {
            return Ok(());
        }
        let touched = offset / BLOCK_BYTES..end.div_ceil(BLOCK_BYTES);
        let there = file.blocks.range(touched.clone()).count() as u64;
        if touched.end.saturating_sub(touched.start).saturating_sub(there) > free {
            return Err(ENOSPC);
        }
        let (mut at, mut rest) = (offset, bytes);
        while at < end {
            let (block, inside, length) = piece(at, end);
            let (now, later) = rest.split_at_checked(length).ok_or(EINVAL)?;
            let data = file.blocks.entry(block).or_insert_with(|| Box::new([0; 4096]));
            if let Some(room) = data.get_mut(inside..inside + length) {
                room.copy_from_slice(now);
            }
            (at, rest) = (at + length as u64, later);
        }
        file.size_bytes = file.size_bytes.max(end);
        file.version = file.version.wrapping_add(1);
        Ok(())
    }
}

/// The block at `at`, where in it, and how many bytes up to `end`.
fn piece(at: u64, end: u64) -> (u64, usize, usize) {
    let inside = at % BLOCK_BYTES;
    let length = (BLOCK_BYTES - inside).min(end - at);
    // Both are at most a block.
    (at / BLOCK_BYTES, inside as usize, length as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_read_as_zeros_and_take_no_space() {
        let mut export = Export::new(4);
        let Node::File(path) = export.create("f").expect("room") else { panic!("a file") };
        export.write(path, 3 * BLOCK_BYTES - 2, &[7; 4]).expect("room");
        assert_eq!(export.attributes(Node::File(path)), Ok((3 * BLOCK_BYTES + 2, 2, 1)));
        assert_eq!(export.read(path, 3 * BLOCK_BYTES - 4, 100), Ok(vec![0, 0, 7, 7, 7, 7]));
        assert_eq!(export.read(path, 100 * BLOCK_BYTES, 1), Ok(vec![]));
        assert_eq!(export.space(), Ok((4, 2)));
        assert_eq!(export.write(path, 0, &[1; 3 * 4096]), Ok(()), "one block is there already");
        assert_eq!(export.write(path, 1 << 30, &[1]), Err(ENOSPC));
    }

    #[test]
    fn a_filesystem_that_is_down_answers_nothing_but_orders() {
        let mut export = Export::new(4);
        let Node::File(path) = export.create("f").expect("room") else { panic!("a file") };
        export.set_down(true);
        assert_eq!(export.find(CONTROL), Ok(Node::Control));
        assert_eq!(export.find("f"), Err(EIO));
        assert_eq!(export.read(path, 0, 1), Err(EIO));
        assert_eq!(export.write(path, 0, &[1]), Err(EIO));
        export.set_down(false);
        assert_eq!(export.find("f"), Ok(Node::File(path)));
    }
}
