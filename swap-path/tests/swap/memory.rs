//! What an area costs in memory (W3: the proposal needs no tree of swap extents).

use std::rc::Rc;

use block::ram::RamDisk;
use hal::testing::DmaPool;
use iomap::MapKind;
use swap_path::{PathKind, mkswap, swapon};

use crate::host::{Host, Inode};

/// A page each, so as many extents as pages.
const EXTENTS: usize = 1_000_000;

#[test]
fn a_million_extents_cost_the_extents_path_four_times_the_memory_of_the_others() {
    let blocks = 2 * EXTENTS as u64 + 2;
    let disk = Rc::new(RamDisk::new(DmaPool::new(4), blocks));
    let host = Host::new(EXTENTS, 1, blocks, MapKind::Mapped);
    mkswap(&*host, &*disk, Inode, [1; 16], "").unwrap();
    let bytes = |path| {
        let area = swapon(&host, &disk, Inode, path).unwrap();
        assert_eq!(area.extents().len(), EXTENTS);
        let bytes = area.memory_bytes();
        iomap::SwapHost::release_swapfile(&*host, Inode);
        bytes
    };
    // Eight bytes a slot and two a cluster of 32; an extent is three words.
    let slots = EXTENTS * 8 + EXTENTS / 32 * 2;
    for path in PathKind::LOCAL.iter().filter(|path| **path != PathKind::Extents) {
        assert_eq!(bytes(*path), slots, "{path}");
    }
    assert_eq!(bytes(PathKind::Extents), slots + EXTENTS * 24);
}
