//! Images that lie: every answer is an error or success, never a panic and never a hang.

use std::collections::BTreeSet;

use block::ram::RamDisk;

use super::rig::{PAGE, Rig};
use crate::format::{BLOCK, Image, Structure, seal};
use crate::{AllocateMode, FileSystem, RenameFlags, ShutdownKind};
use iomap::{IomapOps, SwapHost};

const BLOCKS: u64 = 900;

/// A filesystem with every kind of metadata block, two batches in its journal, an orphan, and an
/// unfinished copy on write.
fn image() -> Vec<Vec<u8>> {
    let rig = Rig::new(BLOCKS);
    let fs = rig.mount();
    let ino = fs.create("file").unwrap();
    rig.write(&fs, ino, 0, &[1; 4]).unwrap();
    let (fragments, others) = (fs.create("fragments").unwrap(), fs.create("others").unwrap());
    for page in 0..150 {
        rig.write(&fs, fragments, page, &[2]).unwrap();
        rig.write(&fs, others, page, &[3]).unwrap();
    }
    fs.unlink("others").unwrap();
    fs.mkdir("below").unwrap();
    for n in 0..240 {
        fs.link("file", format!("below/{n}")).unwrap();
    }
    fs.symlink("below/7", "symlink").unwrap();
    let clone = fs.create("clone").unwrap();
    fs.clone_file(fragments, clone).unwrap();
    fs.unmount().unwrap();
    let fs = rig.mount();
    let held = fs.create("held").unwrap();
    rig.write(&fs, held, 0, &[4; 3]).unwrap();
    fs.hold(held).unwrap();
    fs.unlink("held").unwrap();
    let clone = fs.open("clone").unwrap();
    let intent = iomap::Intent::WRITE | iomap::Intent::DIRECT;
    let begun = fs.dio_ops().iomap_begin(clone, 0, PAGE, intent, iomap::Context::User);
    assert!(begun.unwrap().flags.contains(iomap::MapFlags::SHARED));
    fs.sync().unwrap();
    fs.unlink("below/9").unwrap();
    fs.truncate(clone, 0).unwrap();
    fs.shutdown(ShutdownKind::LogFlush).unwrap();
    fs.unmount().unwrap();
    (0..BLOCKS).map(|block| rig.disk.peek(block)).collect()
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
        let _ = fs.fallocate_mode(ino, AllocateMode::Punch, 5 * PAGE, 9 * PAGE);
        let _ = iomap::swapfile_activate(&fs, ino);
        if fs.claim_swapfile(ino).is_ok() {
            fs.release_swapfile(ino);
        }
        let _ = fs.read_dir(ino, 0, 20);
        let _ = fs.readlink(&name);
        if name != b"file" && name != b"clone" {
            let _ = fs.truncate(ino, 100);
            let _ = fs.unlink(&name);
        }
    }
    if let (Ok(from), Ok(to)) = (fs.open("file"), fs.create("new")) {
        let _ = fs.clone_file(from, to);
    }
    let _ = fs.mkdir("new directory");
    let _ = fs.rename("below/3", "new directory/3", RenameFlags::empty());
    let _ = fs.rename("below", "new directory/below", RenameFlags::empty());
    let _ = fs.unlink("below/5");
    let _ = fs.rmdir("new directory");
    let _ = fs.sync();
    if let Err((fs, _)) = fs.unmount() {
        let _ = fs.unmount();
    }
    let _ = FileSystem::<RamDisk>::repair(&rig.disk);
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
    for number in [1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 14] {
        let magic = Structure::from_u8(number).unwrap().magic();
        assert!(magics.contains(&magic[..]), "no {}", Structure::from_u8(number).unwrap());
    }
    let report = FileSystem::fsck(&*bench.rig.disk).unwrap();
    assert_eq!(report.findings, [crate::Finding::JournalNotEmpty { batches: 2 }]);
    assert_eq!((report.orphans, report.staged), (1, 0), "the clone was truncated");
    bench.rig.assert_recovers();
}

#[test]
fn every_byte_of_metadata_may_lie_under_a_right_checksum() {
    let bench = Bench::new();
    for block in bench.metadata() {
        let original = &bench.image[block as usize];
        // All fields and the first entries, then a sample of the arrays that follow.
        for at in (40..256).chain((256..BLOCK).step_by(101)) {
            for change in [0xff, 0x01].into_iter().skip(at % 2).step_by(2) {
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
    assert_eq!(refuse(48), "format version 4, expected 2");
    assert!(refuse(64).contains("read-only-compatible 0x4"));
    assert!(refuse(72).contains("incompatible 0x4"));
}
