//! An image is refused with a reason, and never written to.

use std::fs;

use block::ram::RamDisk;
use guest_fs::MkfsOptions;
use hal::testing::DmaPool;

use super::*;

const BLOCKS: u64 = 4096;

/// A guest that brings its own filesystem.
const FOREIGN_GUEST: DiskUser = DiskUser::ForeignGuest { lba_bytes: 4096 };

/// A fresh filesystem, as bytes.
fn filesystem() -> Vec<u8> {
    let disk = RamDisk::new(DmaPool::new(64), BLOCKS);
    FileSystem::mkfs(&disk, &MkfsOptions::default()).unwrap();
    (0..BLOCKS).flat_map(|block| disk.peek(block)).collect()
}

/// Opens an image with `bytes` and checks that it is untouched afterwards.
fn open_bytes(bytes: &[u8], user: DiskUser) -> Result<LockedMedia, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disk.img");
    fs::write(&path, bytes).unwrap();
    let result = open(&path, user, FileAccess::Cached).map_err(|error| error.to_string());
    assert_eq!(fs::read(&path).unwrap(), bytes, "the image was written to");
    if let Err(message) = &result {
        assert!(message.contains("disk.img"), "{message}");
    }
    result
}

#[test]
fn a_blank_image_and_a_fresh_filesystem_are_welcome() {
    open_bytes(&[0; 1 << 20], DiskUser::BuiltInGuest).unwrap();
    open_bytes(&filesystem(), DiskUser::BuiltInGuest).unwrap();
}

#[test]
fn an_image_of_something_else_is_refused_for_our_guest_only() {
    let mut foreign = vec![0; 1 << 20];
    foreign[..8].copy_from_slice(b"notours!");
    let message = open_bytes(&foreign, DiskUser::BuiltInGuest).unwrap_err();
    assert!(message.contains("offset 0x"), "{message}");
    open_bytes(&foreign, FOREIGN_GUEST).unwrap();
}

#[test]
fn an_image_of_a_foreign_format_is_refused_for_every_guest_with_the_remedy() {
    for (magic, format) in FOREIGN {
        let mut bytes = magic.to_vec();
        bytes.resize(1 << 20, 0);
        let message = open_bytes(&bytes, FOREIGN_GUEST).unwrap_err();
        assert!(message.contains(&format!("a {format} image")), "{message}");
        assert!(message.contains("qemu-img convert"), "{message}");
    }
    let mut broken = b"QFI\xfb\0\0\0\x09".to_vec();
    broken.resize(1 << 20, 0);
    let message = open_bytes(&broken, FOREIGN_GUEST).unwrap_err();
    assert!(message.contains("a qcow2 image must be"), "{message}");
}

#[test]
fn a_truncated_image_is_refused() {
    let bytes = filesystem();
    open_bytes(&bytes[..bytes.len() - 100], DiskUser::BuiltInGuest).unwrap_err();
    open_bytes(&bytes[..bytes.len() / 2], DiskUser::BuiltInGuest).unwrap_err();
    open_bytes(&[], FOREIGN_GUEST).unwrap_err();
}

#[test]
fn a_flipped_byte_in_any_metadata_block_is_refused() {
    let clean = filesystem();
    for block in (0..BLOCKS as usize).filter(|b| clean[b * 4096..][..4096].iter().any(|x| *x != 0))
    {
        let mut bytes = clean.clone();
        bytes[block * 4096 + 100] ^= 1;
        assert!(open_bytes(&bytes, DiskUser::BuiltInGuest).is_err(), "block {block}");
    }
}

/// An empty qcow2 image of 1 MiB, of version 2: header, refcount table, refcount block, L1 table.
fn qcow2() -> Vec<u8> {
    const CLUSTER: usize = 1 << 16;
    let mut bytes = vec![0; 4 * CLUSTER];
    let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
    put(0, b"QFI\xfb\0\0\0\x02");
    put(20, &16_u32.to_be_bytes());
    put(24, &(1_u64 << 20).to_be_bytes());
    put(36, &1_u32.to_be_bytes());
    put(40, &(3 * CLUSTER as u64).to_be_bytes());
    put(48, &(CLUSTER as u64).to_be_bytes());
    put(56, &1_u32.to_be_bytes());
    put(CLUSTER, &(2 * CLUSTER as u64).to_be_bytes());
    put(2 * CLUSTER, &[0, 1, 0, 1, 0, 1, 0, 1]);
    bytes
}

#[test]
fn a_qcow2_image_is_the_drive_inside_and_not_its_header() {
    for user in [DiskUser::BuiltInGuest, FOREIGN_GUEST] {
        let media = open_bytes(&qcow2(), user).unwrap();
        assert_eq!((media.size_blocks(), media.block_bytes()), (256, 4096));
        let mut block = [1; 4096];
        media.read(0, &mut block).unwrap();
        assert_eq!(block, [0; 4096]);
    }
}
