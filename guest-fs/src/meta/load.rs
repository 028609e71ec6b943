//! A block fresh from the device: nothing in it is believed before it is checked.

use alloc::rc::Rc;

use super::Fault;
use crate::btree::{TreeKind, check_node};
use crate::format::inode::FileKind;
use crate::format::superblock::Layout;
use crate::format::{Corruption, Image, Structure, inode, verify};
use crate::store::IoError;

/// Reads a block and verifies header, checksum and content.
///
/// # Errors
/// What `read` gives; [`Corruption`] if the block is not a `structure` of `owner`.
pub(crate) fn read_verified(
    layout: &Layout,
    structure: Structure,
    block: u64,
    owner: u64,
    read: impl FnOnce(u64) -> Result<Image, IoError>,
) -> Result<Rc<Image>, Fault> {
    let identity = layout.identity(structure, block, owner);
    if block >= layout.blocks {
        return Err(identity.field("a place inside the filesystem").into());
    }
    let image = read(block)?;
    verify(&image, identity)?;
    check_content(layout, structure, block, owner, &image)?;
    Ok(Rc::new(image))
}

/// Checks what no other code checks again: the inside of tree nodes and of inodes.
///
/// # Errors
/// [`Corruption`] with what makes no sense.
fn check_content(
    layout: &Layout,
    structure: Structure,
    block: u64,
    owner: u64,
    image: &Image,
) -> Result<(), Corruption> {
    let identity = layout.identity(structure, block, owner);
    if structure == Structure::Inode {
        let fields = inode::load(image, identity)?;
        let kind = match fields.kind {
            FileKind::File => TreeKind::Extents,
            FileKind::Directory => TreeKind::Directory,
            FileKind::Symlink => return Ok(()),
        };
        return check_node(kind, layout, image, inode::BODY_AT)
            .map_err(|what| identity.field(what));
    }
    match TreeKind::of_node(structure) {
        None => Ok(()),
        Some(kind) => check_node(kind, layout, image, crate::btree::NODE_AT)
            .map_err(|what| identity.field(what)),
    }
}
