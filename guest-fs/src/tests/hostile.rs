//! Images that lie: every answer is an error or success, never a panic and never a hang.

use std::collections::BTreeSet;

use block::ram::RamDisk;

use super::rig::{PAGE, Rig};
use crate::format::{BLOCK, Image, Structure, seal};
use crate::{FileSystem, ShutdownKind};

const BLOCKS: u64 = 200;

/// A filesystem with every kind of metadata block, and two batches in its journal.
fn image() -> Vec<Vec<u8>> {
    let rig = Rig::new(BLOCKS);
    let fs = rig.mount();
    let ino = fs.create("file").unwrap();
    rig.write(&fs, ino, 0, &[1; 4]).unwrap();
    let fragments = fs.create("fragments").unwrap();
    // A filesystem this small never needs a leaf: it is made by hand.
    for page in [0, 2, 4] {
        rig.write(&fs, fragments, page, &[2]).unwrap();
    }
    fs.unmount().unwrap();
    split_into_leaves(&rig, fragments.0);
    let fs = rig.mount();
    fs.create("late").unwrap();
    fs.sync().unwrap();
    fs.create("later").unwrap();
    fs.shutdown(ShutdownKind::LogFlush).unwrap();
    fs.unmount().unwrap();
    (0..BLOCKS).map(|block| rig.disk.peek(block)).collect()
}

/// Rewrites the inode `ino` so that its extents are in a leaf.
fn split_into_leaves(rig: &Rig, ino: u64) {
    use crate::format::superblock;
    let read = |block| -> Image { rig.disk.peek(block).try_into().map(Box::new).unwrap() };
    let layout = superblock::decode(&read(0), 0).unwrap();
    let inode = crate::mount::load_inode(&layout, ino, |block| Ok(read(block))).unwrap();
    let leaf = BLOCKS - 2;
    let leaves = vec![(leaf, inode.map.iter().collect::<Vec<_>>())];
    let map = crate::extents::ExtentMap::from_leaves(leaves.clone());
    let changed = crate::inode::Inode { map, ..inode };
    let mut images = changed.images(&layout, ino);
    let content = crate::format::extent::encode_leaf(&layout, leaf, ino, &leaves[0].1);
    images.push((leaf, content));
    let mut space = crate::mount::load_space(&layout, |block| Ok(read(block))).unwrap();
    assert_eq!(space.take(Some(leaf), 1).unwrap().start, leaf);
    let bitmap = crate::format::bitmap::encode(&layout, 0, space.words(0));
    images.push((layout.bitmap_start, bitmap));
    for (block, mut image) in images {
        seal(&mut image, 1);
        rig.disk.poke(block, &image[..]);
    }
}

/// Everything that a user could try.
fn exercise(rig: &Rig) {
    let _ = FileSystem::<RamDisk>::fsck(&rig.disk);
    let Ok(fs) = rig.try_mount() else { return };
    for name in fs.names().unwrap_or_default() {
        let Ok(ino) = fs.open(&name) else { continue };
        let _ = fs.dio_read(ino, &mut rig.transfer(0, &[0; 2]));
        let _ = fs.map(ino);
        let _ = rig.write(&fs, ino, 1, &[7; 3]);
        let _ = fs.fallocate(ino, 0, 6 * PAGE);
        let _ = iomap::swapfile_activate(&fs, ino);
        if name != b"file" {
            let _ = fs.unlink(&name);
        }
    }
    let _ = fs.create("new");
    let _ = fs.sync();
    if let Err((fs, _)) = fs.unmount() {
        let _ = fs.unmount();
    }
}

/// A disk that can go back to the image.
struct Bench {
    rig: Rig,
    image: Vec<Vec<u8>>,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { rig: Rig::raw(BLOCKS), image: image() };
        bench.restore(0..BLOCKS);
        bench
    }

    fn restore(&self, blocks: impl Iterator<Item = u64>) {
        for block in blocks {
            self.rig.disk.poke(block, &self.image[block as usize]);
        }
    }

    /// Tries the image with one block replaced.
    fn attempt(&self, block: u64, content: &[u8]) {
        self.rig.disk.poke(block, content);
        self.rig.disk.take_requests();
        exercise(&self.rig);
        self.rig.sink.take();
        let written: BTreeSet<u64> = self
            .rig
            .disk
            .take_requests()
            .iter()
            .filter(|request| request.op != block::Op::Read)
            .flat_map(|request| request.block..request.block + request.blocks)
            .chain([block])
            .collect();
        self.restore(written.into_iter());
    }

    /// Blocks that hold metadata, journal included.
    fn metadata(&self) -> Vec<u64> {
        let is_metadata = |block: &u64| self.image[*block as usize].starts_with(b"Sl");
        (0..BLOCKS).filter(is_metadata).collect()
    }
}

#[test]
fn the_bench_has_every_structure_and_is_clean_but_for_its_journal() {
    let bench = Bench::new();
    let magics: BTreeSet<_> =
        bench.metadata().iter().map(|b| bench.image[*b as usize][..4].to_vec()).collect();
    for number in 1..=8 {
        let magic = Structure::from_u8(number).unwrap().magic();
        assert!(magics.contains(&magic[..]), "no {}", Structure::from_u8(number).unwrap());
    }
    let report = FileSystem::fsck(&*bench.rig.disk).unwrap();
    assert_eq!(report.findings, [crate::Finding::JournalNotEmpty { batches: 2 }]);
    bench.rig.assert_recovers();
}

#[test]
fn every_byte_of_metadata_may_lie_under_a_right_checksum() {
    let bench = Bench::new();
    for block in bench.metadata() {
        let original = &bench.image[block as usize];
        // All fields and the first entries, then a sample of the arrays that follow.
        for at in (0..256).chain((256..BLOCK).step_by(61)) {
            for change in [0xff, 0x01] {
                let mut image: Image = Box::new(original.clone().try_into().unwrap());
                image[at] ^= change;
                let lsn = u64::from_le_bytes(image[32..40].try_into().unwrap());
                seal(&mut image, lsn);
                bench.attempt(block, &image[..]);
            }
        }
    }
}

#[test]
fn a_flipped_byte_is_noticed_or_harmless() {
    let bench = Bench::new();
    for block in bench.metadata() {
        for at in (0..BLOCK).step_by(97) {
            let mut content = bench.image[block as usize].clone();
            content[at] ^= 0x10;
            bench.attempt(block, &content);
        }
    }
}

#[test]
fn blocks_may_be_swapped_lost_or_filled_with_ones() {
    let bench = Bench::new();
    let metadata = bench.metadata();
    for block in &metadata {
        bench.attempt(*block, &[0; BLOCK]);
        bench.attempt(*block, &[0xff; BLOCK]);
        for other in &metadata {
            bench.attempt(*block, &bench.image[*other as usize]);
        }
    }
}

#[test]
fn a_damaged_superblock_is_replaced_by_its_copy() {
    let bench = Bench::new();
    bench.rig.disk.poke(0, &[0; BLOCK]);
    let fs = bench.rig.mount();
    fs.open("file").unwrap();
    fs.unmount().unwrap();
    let report = FileSystem::fsck(&*bench.rig.disk).unwrap();
    assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
    assert!(report.findings[0].to_string().starts_with("block 0: expected superblock"));
    bench.rig.disk.poke(BLOCKS - 1, &[0; BLOCK]);
    FileSystem::fsck(&*bench.rig.disk).unwrap_err();
}

#[test]
fn newer_formats_and_unknown_features_are_refused_by_name() {
    let bench = Bench::new();
    let refuse = |at: usize| {
        let mut image: Image = Box::new(bench.image[0].clone().try_into().unwrap());
        image[at] = 4;
        seal(&mut image, 0);
        bench.rig.disk.poke(0, &image[..]);
        bench.rig.try_mount().unwrap_err().to_string()
    };
    assert_eq!(refuse(48), "format version 4, expected 1");
    assert!(refuse(64).contains("read-only-compatible 0x4"));
    assert!(refuse(72).contains("incompatible 0x4"));
}
