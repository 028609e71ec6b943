//! What the swap mapping costs in a file of ever more extents: the depth of a tree, not its size. Blocks are counted;
//! times, which the processor's caches rule at a million extents, are only told.

use std::hint::black_box;

use block::BLOCK_BYTES;
use guest_fs::AllocateMode;
use iomap::{Context, Intent, IomapOps, SwapHost};
use nvme_model::Config;

use super::{Error, drive, mounted};
use crate::bench::nvme::load::cpu_ns;
use crate::bench::sample::Sample;

/// Extents of the files.
const EXTENTS: [u64; 3] = [1 << 10, 1 << 15, 1 << 20];
const LOOKUPS: u64 = 100_000;
const ROUNDS: usize = 5;
/// The most that a thousand times the extents may cost in blocks looked at: they have twice the logarithm.
const GROWTH_MAX: f64 = 2.0;

pub(super) fn run() -> Result<bool, Error> {
    let mut looks = Vec::new();
    for extents in EXTENTS {
        let (ns, blocks) = lookup(extents)?;
        println!(
            "  lookup among {extents:>7} extents: {blocks:>4.1} blocks looked at, {ns:>6.0} ns"
        );
        looks.push(blocks);
    }
    let growth = looks[looks.len() - 1] / looks[0];
    let more = EXTENTS[2] / EXTENTS[0];
    println!(
        "  {growth:.1} times the blocks for {more} times the extents  limit: <= {GROWTH_MAX:.1}"
    );
    Ok(growth <= GROWTH_MAX)
}

/// Nanoseconds and blocks looked at for one mapping.
fn lookup(extents: u64) -> Result<(f64, f64), Error> {
    let block = BLOCK_BYTES as u64;
    let (_, driver) = drive(2 * extents + extents / 8 + 8192, Config::default())?;
    let fs = mounted(&driver)?;
    let ino = fs.create("swapfile")?;
    fs.fallocate(ino, 0, 2 * extents * block)?;
    // Every second block goes: what is left are so many pieces.
    for piece in 0..extents {
        fs.fallocate_mode(ino, AllocateMode::Punch, (2 * piece + 1) * block, block)?;
    }
    fs.sync()?;
    fs.claim_swapfile(ino)?;
    let ops = fs.swap_ops();
    let mut seed = 1_u64;
    let mut times = Vec::new();
    let looks = fs.metadata_looks();
    for _ in 0..ROUNDS {
        let start = cpu_ns();
        for _ in 0..LOOKUPS {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let pos = (seed >> 33) % extents * 2 * block;
            black_box(ops.iomap_begin(ino, pos, block, Intent::SWAP, Context::SwapIn)?);
        }
        times.push((cpu_ns() - start) / LOOKUPS as f64);
    }
    let looks = (fs.metadata_looks() - looks) as f64 / (LOOKUPS * ROUNDS as u64) as f64;
    fs.release_swapfile(ino);
    Ok((Sample::new(times).median(), looks))
}
