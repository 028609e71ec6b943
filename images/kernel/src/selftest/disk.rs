//! The control disk: what is written is read back, zeroes are zeroes, the end is the end.

use alloc::vec;
use alloc::vec::Vec;

use block::{BLOCK_BYTES, Bio, BlockDevice, BlockError, Op};
use hal::DmaBuf;
use machine::ports;

use crate::console::println;
use crate::control_disk::ControlDisk;
use crate::hal::dma::DmaPages;
use crate::system::System;

const RUN_BLOCKS: u64 = 3;

/// Writes a pattern at both ends of the disk and reads it back.
pub(super) fn run(system: &mut System) -> u32 {
    let Some(disk) = system.control_disk() else {
        println!("no control disk");
        return ports::EXIT_NO_DEVICE;
    };
    let size_blocks = disk.geometry().size_blocks;
    assert!(size_blocks >= 2 * RUN_BLOCKS, "a disk of {size_blocks} blocks");
    for first in [0, size_blocks - RUN_BLOCKS] {
        execute(&disk, Op::Write { fua: true }, first, pages(&disk, 0x5a));
        execute(&disk, Op::WriteZeroes { blocks: 1 }, first + 1, Vec::new());
        execute(&disk, Op::Flush, 0, Vec::new());
        let found = execute(&disk, Op::Read, first, pages(&disk, 0));
        let heads: Vec<u8> = found.iter().map(uniform_byte).collect();
        assert_eq!(heads, [0x5a, 0, 0x5c], "blocks from {first}");
    }
    let beyond = Bio { op: Op::Read, block: size_blocks - 1, pages: pages(&disk, 0) };
    assert_eq!(disk.execute(beyond).result, Err(BlockError::Invalid));
    println!("control disk: {size_blocks} blocks");
    ports::EXIT_OK
}

/// Pages of one byte each: `byte`, `byte + 1`, ...
fn pages(disk: &ControlDisk, byte: u8) -> Vec<DmaPages> {
    (byte..byte + RUN_BLOCKS as u8)
        .map(|byte| {
            let page = disk.alloc_page().expect("a page");
            page.write(0, &vec![byte; BLOCK_BYTES]);
            page
        })
        .collect()
}

fn execute(disk: &ControlDisk, op: Op, block: u64, pages: Vec<DmaPages>) -> Vec<DmaPages> {
    let done = disk.execute(Bio { op, block, pages });
    assert_eq!(done.result, Ok(()), "{op:?} at {block}");
    done.bio.pages
}

fn uniform_byte(page: &DmaPages) -> u8 {
    let mut bytes = vec![0; BLOCK_BYTES];
    page.read(0, &mut bytes);
    assert!(bytes.iter().all(|byte| *byte == bytes[0]), "a page of one byte");
    bytes[0]
}
