//! Files as memory: loads and stores by page faults.

use hal::testing::VecSink;
use iomap::events::Event as IomapEvent;
use iomap::{Errno, Intent, IomapOps, MapFlags, SwapHost};

use super::{content, pattern};
use crate::tests::rig::{PAGE, Rig};
use crate::{AllocateMode, FiemapFlags, ShutdownKind};

fn intents(sink: &VecSink) -> Vec<Intent> {
    let intent = |event| match event {
        IomapEvent::MapAsk { intent, .. } => Some(intent),
        _ => None,
    };
    sink.take().iter().filter_map(IomapEvent::decode).filter_map(intent).collect()
}

#[test]
fn a_store_through_a_mapping_is_what_everybody_reads_and_is_durable_after_a_sync() {
    let rig = Rig::new(600);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    let mut data = pattern(1, 10_000);
    fs.write(ino, 0, &data).unwrap();
    fs.fsync(ino).unwrap();
    let stored = pattern(2, 6000);
    fs.store_mapped(ino, 3000, &stored).unwrap();
    data[3000..9000].copy_from_slice(&stored);
    assert!(content(&fs, ino) == data);
    let mut loaded = vec![0; 9999];
    fs.load_mapped(ino, 1, &mut loaded).unwrap();
    assert!(loaded == data[1..]);
    fs.fsync(ino).unwrap();
    drop(fs);
    rig.disk.crash(|_, _| false);
    let fs = rig.mount();
    assert!(content(&fs, fs.open("a").unwrap()) == data);
}

#[test]
fn a_fault_asks_as_one_claims_space_for_a_store_and_never_moves_the_size() {
    let rig = Rig::new(600);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    fs.truncate(ino, 3 * PAGE + 10).unwrap();
    intents(&rig.sink);
    let mut byte = [7];
    fs.load_mapped(ino, PAGE, &mut byte).unwrap();
    assert_eq!(byte, [0]);
    assert_eq!(intents(&rig.sink), [Intent::FAULT]);
    assert_eq!(fs.core.state().promised, 0, "a hole that is read has a page and no space");
    fs.store_mapped(ino, 3 * PAGE + 9, &[5]).unwrap();
    assert_eq!(intents(&rig.sink), [Intent::FAULT | Intent::WRITE]);
    assert!(fs.core.state().promised > 0);
    // The rest of the last page is no content of the file.
    fs.store_mapped(ino, 3 * PAGE + 10, &[6; 20]).unwrap();
    assert_eq!(fs.stat(ino).unwrap().size_bytes, 3 * PAGE + 10);
    assert_eq!(fs.store_mapped(ino, 4 * PAGE, &[5]), Err(Errno::EFAULT));
    assert_eq!(fs.load_mapped(ino, 4 * PAGE, &mut byte), Err(Errno::EFAULT));
    fs.fsync(ino).unwrap();
    let mut expected = vec![0; 3 * PAGE as usize + 10];
    expected[3 * PAGE as usize + 9] = 5;
    assert!(content(&fs, ino) == expected);
    fs.truncate(ino, 4 * PAGE).unwrap();
    expected.resize(4 * PAGE as usize, 0);
    assert!(content(&fs, ino) == expected, "what was stored behind the size is lost");
    fs.unmount().unwrap();
    rig.assert_clean();
}

#[test]
fn a_store_to_shared_blocks_leaves_the_other_file_alone() {
    let rig = Rig::new(600);
    let fs = rig.mount();
    let (ino, other) = (fs.create("a").unwrap(), fs.create("b").unwrap());
    let data = pattern(1, 8192);
    fs.write(ino, 0, &data).unwrap();
    fs.clone_file(ino, other).unwrap();
    fs.store_mapped(ino, 100, &[9; 50]).unwrap();
    fs.sync().unwrap();
    assert!(content(&fs, other) == data);
    assert_eq!(content(&fs, ino)[100..150], [9; 50]);
    fs.unmount().unwrap();
    rig.assert_clean();
}

#[test]
fn a_mapping_of_a_swap_file_of_a_full_drive_or_after_a_shutdown_is_refused() {
    let rig = Rig::new(420);
    let fs = rig.mount();
    let (swap, hole) = (fs.create("swap").unwrap(), fs.create("hole").unwrap());
    fs.fallocate(swap, 0, 4 * PAGE).unwrap();
    fs.truncate(hole, 64 * PAGE).unwrap();
    fs.claim_swapfile(swap).unwrap();
    assert_eq!(fs.store_mapped(swap, 0, &[1]), Err(Errno::ETXTBSY));
    fs.release_swapfile(swap);
    let rest = fs.create("rest").unwrap();
    while fs.fallocate_mode(rest, AllocateMode::Allocate, 0, 400 * PAGE).is_ok() {}
    let mut pos = 0;
    while fs.store_mapped(hole, pos, &[1]).is_ok() {
        pos += PAGE;
    }
    assert_eq!(fs.store_mapped(hole, pos, &[1]), Err(Errno::ENOSPC));
    fs.fsync(hole).unwrap();
    fs.shutdown(ShutdownKind::NoLogFlush).unwrap();
    assert_eq!(fs.store_mapped(hole, 0, &[1]), Err(Errno::EIO));
    assert_eq!(fs.load_mapped(hole, 0, &mut [0]), Err(Errno::EIO));
}

#[test]
fn a_report_merges_what_differs_in_the_number_of_owners_only_and_io_is_told_of_each() {
    let rig = Rig::new(600);
    let fs = rig.mount();
    let [a, b, c] = ["a", "b", "c"].map(|name| fs.create(name).unwrap());
    rig.write(&fs, a, 0, &[1; 6]).unwrap();
    fs.clone_range(a, 0, b, 0, 4 * PAGE).unwrap();
    fs.clone_range(a, 0, c, 0, 2 * PAGE).unwrap();
    let map = fs.fiemap(a, 0, 9, false).unwrap();
    let shown: Vec<_> = map.iter().map(|extent| (extent.length / PAGE, extent.flags)).collect();
    let merged = FiemapFlags::SHARED | FiemapFlags::MERGED;
    assert_eq!(shown, [(4, merged), (2, FiemapFlags::LAST)]);
    assert_eq!(map[0].block.unwrap() + 4, map[1].block.unwrap());
    let ask = |pos| {
        let map = fs.dio_ops().iomap_begin(a, pos, PAGE, Intent::DIRECT, iomap::Context::Dio);
        map.map(|map| (map.length / PAGE, map.flags.difference(MapFlags::DIRTY))).unwrap()
    };
    assert_eq!(ask(0), (2, MapFlags::SHARED));
    assert_eq!(ask(2 * PAGE), (2, MapFlags::SHARED));
}
