//! An inode: one block, named by its block number (as in GFS2 and OCFS2).
//!
//! Fixed fields first; the rest of the block is the *body*: the root of the file's extent tree or of
//! the directory's tree of names, or the target of a symbolic link.

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::bytes::{put_bytes, slice};
use super::superblock::Layout;
use super::{BLOCK, BLOCK_BYTES, Corruption, Header, Identity, Image, Structure, begin};

/// Where the body starts.
pub(crate) const BODY_AT: usize = 192;

/// The longest target of a symbolic link.
pub(crate) const SYMLINK_BYTES_MAX: usize = BLOCK - BODY_AT;

/// The most blocks of a file.
pub(crate) const FILE_BLOCKS_MAX: u64 = 1 << 40;

/// The largest file.
pub(crate) const FILE_BYTES_MAX: u64 = FILE_BLOCKS_MAX * BLOCK_BYTES;

/// The flag of a file that has, or once had, blocks shared with another one.
pub(crate) const FLAG_REFLINK: u64 = 1;

/// What an inode stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
}

impl FileKind {
    pub(crate) const fn code(self) -> u16 {
        match self {
            Self::File => 1,
            Self::Directory => 2,
            Self::Symlink => 3,
        }
    }

    pub(crate) const fn from_code(code: u16) -> Option<Self> {
        Some(match code {
            1 => Self::File,
            2 => Self::Directory,
            3 => Self::Symlink,
            _ => return None,
        })
    }
}

/// An inode on disk.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Disk {
    header: Header,
    kind: U16,
    reserved: [u8; 2],
    nlink: U32,
    flags: U64,
    size: U64,
    blocks: U64,
    generation: U64,
    parent: U64,
    atime: U64,
    mtime: U64,
    ctime: U64,
    btime: U64,
    reserved_2: [u8; 64],
    body: [u8; BLOCK - BODY_AT],
}

const _: () = assert!(size_of::<Disk>() == BLOCK);

/// Times in nanoseconds since an epoch that the mount chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Of the last read; kept as at creation (no atime updates).
    pub atime_ns: u64,
    /// Of the last change of content.
    pub mtime_ns: u64,
    /// Of the last change of anything.
    pub ctime_ns: u64,
    /// Of creation.
    pub btime_ns: u64,
}

/// The fixed fields of an inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) kind: FileKind,
    /// Names; for a directory 2 and one for each directory in it.
    pub(crate) nlink: u32,
    pub(crate) flags: u64,
    /// Bytes; entries for a directory.
    pub(crate) size: u64,
    /// Blocks of data and tree nodes.
    pub(crate) blocks: u64,
    /// Tells the inodes that lived in this block apart.
    pub(crate) generation: u64,
    /// The directory that a directory is in; 0 for everything else.
    pub(crate) parent: u64,
    pub(crate) times: Times,
}

impl Fields {
    pub(crate) const fn is_reflink(&self) -> bool {
        self.flags & FLAG_REFLINK != 0
    }
}

/// An inode block with these fields and an empty body.
pub(crate) fn encode(layout: &Layout, ino: u64, fields: &Fields) -> Image {
    let mut image = begin(layout.identity(Structure::Inode, ino, ino));
    store(&mut image, fields);
    image
}

/// Changes the fields of an inode block.
pub(crate) fn store(image: &mut Image, fields: &Fields) {
    let disk: &mut Disk = zerocopy::transmute_mut!(&mut **image);
    disk.kind = fields.kind.code().into();
    disk.nlink = fields.nlink.into();
    disk.flags = fields.flags.into();
    disk.size = fields.size.into();
    disk.blocks = fields.blocks.into();
    disk.generation = fields.generation.into();
    disk.parent = fields.parent.into();
    disk.atime = fields.times.atime_ns.into();
    disk.mtime = fields.times.mtime_ns.into();
    disk.ctime = fields.times.ctime_ns.into();
    disk.btime = fields.times.btime_ns.into();
}

/// The fields of an inode block whose header is right.
///
/// # Errors
/// [`Corruption`] if they make no sense.
pub(crate) fn load(image: &Image, identity: Identity) -> Result<Fields, Corruption> {
    let disk: &Disk = zerocopy::transmute_ref!(&**image);
    let kind = FileKind::from_code(disk.kind.get());
    let kind = kind.ok_or(identity.field("the kind file, directory or symlink"))?;
    if disk.flags.get() & !FLAG_REFLINK != 0 {
        return Err(identity.field("known inode flags"));
    }
    let size_max = match kind {
        FileKind::File => FILE_BYTES_MAX,
        FileKind::Directory => FILE_BLOCKS_MAX,
        FileKind::Symlink => SYMLINK_BYTES_MAX as u64,
    };
    if disk.size.get() > size_max {
        return Err(identity.field("a size that its kind can have"));
    }
    Ok(Fields {
        kind,
        nlink: disk.nlink.get(),
        flags: disk.flags.get(),
        size: disk.size.get(),
        blocks: disk.blocks.get(),
        generation: disk.generation.get(),
        parent: disk.parent.get(),
        times: Times {
            atime_ns: disk.atime.get(),
            mtime_ns: disk.mtime.get(),
            ctime_ns: disk.ctime.get(),
            btime_ns: disk.btime.get(),
        },
    })
}

/// Stores the target of a symbolic link.
pub(crate) fn store_target(image: &mut Image, target: &[u8]) {
    put_bytes(&mut image[..], BODY_AT, target);
}

/// The target of a symbolic link of `size` bytes.
pub(crate) fn target(image: &Image, size: u64) -> &[u8] {
    slice(&image[..], BODY_AT, usize::try_from(size).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inode_has_this_wire_form() {
        let layout = Layout::plan([1; 16], [0; 32], 4096, 256).unwrap();
        let times = Times { atime_ns: 1, mtime_ns: 2, ctime_ns: 3, btime_ns: 4 };
        let fields = Fields {
            kind: FileKind::File,
            nlink: 3,
            flags: FLAG_REFLINK,
            size: 12_000,
            blocks: 5,
            generation: 9,
            parent: 7,
            times,
        };
        let mut image = encode(&layout, 300, &fields);
        assert_eq!(image[40..48], 300_u64.to_le_bytes());
        assert_eq!(image[48..56], [1, 0, 0, 0, 3, 0, 0, 0]);
        let numbers = [1, 12_000, 5, 9, 7, 1, 2, 3, 4_u64];
        for (index, number) in numbers.into_iter().enumerate() {
            let at = 56 + 8 * index;
            assert_eq!(image[at..at + 8], number.to_le_bytes(), "field at {at}");
        }
        assert_eq!(image[128..192], [0; 64]);
        let identity = layout.identity(Structure::Inode, 300, 300);
        assert_eq!(load(&image, identity), Ok(fields));
        store_target(&mut image, b"../there");
        assert_eq!(image[192..200], *b"../there");
        assert_eq!(target(&image, 8), b"../there");
    }
}
