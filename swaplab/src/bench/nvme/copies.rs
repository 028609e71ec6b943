//! What the load is compared with: the same random 4 KiB blocks, copied by a loop.
//!
//! Also a part of the benches of the driver's crate, by path.

use std::hint::black_box;

use block::BLOCK_BYTES;
use nvme_model::BLOCK_HEADER_BYTES;

use super::load::{BUFFER_BLOCKS, Random, Way, cpu_ns};
use super::rig::DISK_BLOCKS;

/// Two memories to copy between: the limit of whatever moves data.
pub(crate) struct Copies {
    disk: Disk,
    buffers: Vec<u8>,
    random: Random,
}

/// As many blocks as the drive has.
enum Disk {
    /// One after the other.
    Plain(Vec<u8>),
    /// Where the program's allocator has the blocks of media, behind as many bytes.
    LikeMedia(Vec<Box<[u8]>>),
}

impl Disk {
    fn block(&mut self, index: usize) -> &mut [u8] {
        match self {
            Self::Plain(bytes) => {
                let at = index * BLOCK_BYTES;
                &mut bytes[at..at + BLOCK_BYTES]
            }
            Self::LikeMedia(blocks) => &mut blocks[index][BLOCK_HEADER_BYTES..],
        }
    }
}

impl Copies {
    /// In memory as a program gets it.
    pub(crate) fn plain() -> Self {
        Self::of(Disk::Plain(vec![0x5a; DISK_BLOCKS as usize * BLOCK_BYTES]))
    }

    /// In memory of the kind that the drive's blocks are in.
    pub(crate) fn like_media() -> Self {
        let block = |_| vec![0x5a; BLOCK_HEADER_BYTES + BLOCK_BYTES].into_boxed_slice();
        Self::of(Disk::LikeMedia((0..DISK_BLOCKS).map(block).collect()))
    }

    fn of(disk: Disk) -> Self {
        Self { disk, buffers: vec![0xa5; BUFFER_BLOCKS * BLOCK_BYTES], random: Random::new() }
    }

    /// Nanoseconds a copy, from or to as many buffers in turn as the load has.
    ///
    /// # Panics
    /// If `buffers` is zero or more than there are.
    pub(crate) fn run(&mut self, way: Way, buffers: usize, count: u64) -> f64 {
        let start = cpu_ns();
        for number in 0..count as usize {
            let disk = self.disk.block(self.random.below(DISK_BLOCKS) as usize);
            let buffer = number % buffers * BLOCK_BYTES;
            let buffer = &mut self.buffers[buffer..buffer + BLOCK_BYTES];
            match way {
                Way::Read => buffer.copy_from_slice(disk),
                Way::Write => disk.copy_from_slice(buffer),
            }
            black_box((disk, buffer));
        }
        (cpu_ns() - start) / count as f64
    }
}
