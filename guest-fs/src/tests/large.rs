//! Devices of a tebibyte and more: what mkfs and mount cost does not grow with them.

use block::Op;

use super::rig::{Fs, Rig};
use crate::{FileSystem, MkfsOptions};

const TIB: u64 = 1 << 28;

/// Blocks that were transferred since the last call: read, written.
fn transferred(rig: &Rig) -> (u64, u64) {
    let requests = rig.disk.take_requests();
    let sum = |is_read: bool| {
        let of_kind = |op: Op| (op == Op::Read) == is_read;
        requests.iter().filter(|r| of_kind(r.op)).map(|r| r.blocks).sum::<u64>()
    };
    (sum(true), sum(false))
}

fn made(blocks: u64) -> Rig {
    let rig = Rig::raw(blocks);
    FileSystem::mkfs(&*rig.disk, &MkfsOptions { journal_blocks: Some(1024), ..Default::default() })
        .unwrap();
    rig
}

#[test]
fn a_tebibyte_is_made_and_mounted_with_a_few_blocks() {
    let rig = made(TIB);
    let (_, written) = transferred(&rig);
    assert!(written < 1024 + 65 + 50, "mkfs wrote {written} blocks");
    let fs = rig.mount();
    let (read, written) = transferred(&rig);
    // Superblock, journal header and first descriptor, 66 blocks of the table, three roots.
    assert_eq!((read, written), (72, 0));
    let ino = fs.create("a").unwrap();
    fs.fallocate(ino, 0, 1 << 30).unwrap();
    let runs = fs.map(ino).unwrap();
    assert!(runs.len() <= 18, "{} extents: one a group", runs.len());
    rig.write(&fs, ino, 77, &[1; 8]).unwrap();
    fs.unmount().unwrap();
    rig.assert_clean();
}

#[test]
fn sixteen_tebibytes_work_to_the_last_group() {
    let rig = made(16 * TIB);
    let fs = rig.mount();
    let (read, _) = transferred(&rig);
    assert!(read < 1100, "{read}");
    let ino = fs.create("a").unwrap();
    let last = fs.core.layout.groups() - 1;
    // The next search without a goal starts in the last group.
    fs.core.state().groups.set_rotor(last);
    let mut txn = crate::txn::Transaction::begin(&fs.core, 8, iomap::Context::User).unwrap();
    let run = txn.alloc(ino.0, None, 1000).unwrap();
    assert_eq!(crate::format::superblock::Layout::group_of(run.start), last);
    txn.free(ino.0, run).unwrap();
    txn.commit().unwrap();
    fs.unmount().unwrap();
    rig.assert_clean();
}

#[test]
fn every_copy_of_the_superblock_will_do() {
    let blocks = 9 * crate::format::superblock::GROUP_BLOCKS + 2;
    let rig = Rig::raw(blocks);
    FileSystem::mkfs(&*rig.disk, &MkfsOptions::default()).unwrap();
    let fs = rig.mount();
    let places: Vec<u64> = fs.core.layout.superblocks().collect();
    fs.unmount().unwrap();
    assert_eq!(places.len(), 6);
    let images: Vec<_> = places.iter().map(|block| rig.disk.peek(*block)).collect();
    for kept in 0..places.len() {
        for (index, block) in places.iter().enumerate() {
            let zeros = vec![0; 4096];
            rig.disk.poke(*block, if index == kept { &images[index] } else { &zeros });
        }
        rig.mount().unmount().unwrap();
        let report = Fs::fsck(&*rig.disk).unwrap();
        assert_eq!(report.findings.len(), places.len() - 1);
        let repaired = Fs::repair(&*rig.disk).unwrap();
        assert_eq!(repaired.repaired_blocks as usize, places.len() - 1);
        rig.assert_clean();
    }
}
