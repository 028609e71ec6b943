//! What a mapping costs in a file of many extents, for whoever counts instructions.

use std::hint::black_box;
use std::rc::Rc;

use block::BLOCK_BYTES;
use guest_fs::{FileSystem, Ino, MountOptions};
use iomap::{Context, Errno, Intent, IomapOps, SwapHost};

use crate::dice::Dice;
use crate::disk::{Disk, poisoned};
use crate::observe::Fs;
use crate::player::mkfs;
use crate::{Failure, Oracle};

const BLOCK: u64 = BLOCK_BYTES as u64;

/// Blocks looked at for one mapping, on average.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Looks {
    /// By the mapping of direct I/O, under the inode's lock.
    pub dio: f64,
    /// By the mapping of swap.
    pub swap: f64,
}

/// Makes a file of so many extents with holes between them, and asks for the mapping of so many of them, chosen by chance,
/// as direct I/O does and as swap does; `begin` is called before. Two runs that differ in `lookups` only differ in what those cost.
///
/// # Errors
/// [`Oracle::Answer`].
pub fn lookup(extents: u64, lookups: u64, begin: impl FnOnce()) -> Result<Looks, Failure> {
    let answer = |errno: Errno| Failure::new(Oracle::Answer, errno.to_string());
    let disk = Rc::new(Disk::new(poisoned(extents + extents / 64 + 8192, 4096), &Disk::pool()));
    mkfs(&disk)?;
    let fs = FileSystem::mount(disk, MountOptions::default());
    let fs = fs.map_err(|error| Failure::new(Oracle::Mount, error.to_string()))?;
    let ino = scattered(&fs, extents).map_err(answer)?;
    fs.claim_swapfile(ino).map_err(answer)?;
    begin();
    let dio = ask(&fs, fs.dio_ops(), (ino, extents), lookups, (Intent::DIRECT, Context::Dio));
    let swap = ask(&fs, fs.swap_ops(), (ino, extents), lookups, (Intent::SWAP, Context::SwapIn));
    fs.release_swapfile(ino);
    Ok(Looks { dio: dio.map_err(answer)?, swap: swap.map_err(answer)? })
}

/// A file that has every second block.
fn scattered(fs: &Fs, extents: u64) -> Result<Ino, Errno> {
    let ino = fs.create("scattered")?;
    for extent in 0..extents {
        fs.fallocate(ino, 2 * extent * BLOCK, BLOCK)?;
    }
    fs.sync()?;
    Ok(ino)
}

fn ask<O: IomapOps<Inode = Ino>>(
    fs: &Fs,
    ops: &O,
    (ino, extents): (Ino, u64),
    lookups: u64,
    (intent, context): (Intent, Context),
) -> Result<f64, Errno> {
    let (mut dice, before) = (Dice::new(1), fs.metadata_looks());
    for _ in 0..lookups {
        let pos = dice.below(extents) * 2 * BLOCK;
        black_box(ops.iomap_begin(ino, pos, BLOCK, intent, context)?);
    }
    Ok((fs.metadata_looks() - before) as f64 / lookups.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_looks_at_the_depth_of_the_tree_and_not_at_its_size() {
        let few = lookup(1000, 500, || ()).unwrap();
        let many = lookup(30_000, 500, || ()).unwrap();
        for (few, many) in [(few.dio, many.dio), (few.swap, many.swap)] {
            // One level more, and never more than two nodes a level.
            assert!(few >= 2.0 && many < few + 2.0, "{few} and {many} blocks");
        }
    }
}
