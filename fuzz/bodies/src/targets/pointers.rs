//! Data pointers alone: PRP lists and SGL segments with loops, ends outside of memory, odd offsets.
//!
//! What must hold besides what holds for the model: each command gets exactly one completion in bounded
//! work; a command that fails because of its pointer has not changed the media; pages that neither
//! pointer nor queue names stay as they are.

use arbitrary::Unstructured;
use nvme_spec::Sqe;

use super::commands::pointed;
use crate::host::{BLOCKS, Host, Memory, PAGE_BYTES, PAGES, address};

/// The page that no pointer names: the last one that is granted.
const UNNAMED: u64 = PAGES - 1;
/// What it holds.
const CANARY: u8 = 0xc5;

/// Runs commands with pointers into pages of entries.
pub fn run(data: &[u8]) -> u64 {
    let mut input = Unstructured::new(data);
    let mut host = Host::new();
    host.enable();
    host.memory.poke(Memory::page(UNNAMED), &[CANARY; PAGE_BYTES as usize]);
    let mut ops = 0;
    while !input.is_empty() && transfer(&mut host, &mut input).is_ok() {
        ops += 1;
    }
    ops
}

fn transfer(host: &mut Host, input: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    for _ in 0..input.int_in_range(0..=3_u8)? {
        describe(host, input)?;
    }
    let (slba, nlb_z) = (input.int_in_range(0..=BLOCKS - 1)?, input.int_in_range(0..=1023)?);
    let sqe = if input.arbitrary()? {
        Sqe::read(1, slba, nlb_z)
    } else {
        Sqe::write(1, slba, nlb_z, true)
    };
    let mut sqe = pointed(input, sqe)?;
    if names(sqe.prp1.get()) || names(sqe.prp2.get()) {
        sqe = sqe.with_prp(Memory::page(9), Memory::page(10));
    }
    host.submit(1, sqe);
    host.settle();
    assert!(host.last_status(1).is_some(), "no completion");
    host.release(1);
    host.release(0);
    let canary = host.memory.peek(Memory::page(UNNAMED), PAGE_BYTES as usize);
    assert!(canary.iter().all(|byte| *byte == CANARY), "a page that nobody named has changed");
    Ok(())
}

/// Whether an address is so close to the unnamed page that a transfer from there may reach it.
fn names(address: u64) -> bool {
    // A contiguous SGL block reaches 64 KiB and more; lists reach nothing beyond their entries' pages.
    (Memory::page(8)..Memory::page(PAGES)).contains(&address)
        && address + (1 << 16) > Memory::page(UNNAMED)
}

/// Writes entries of a list, or descriptors of a segment, to pages 8 to 15. None names the last page.
fn describe(host: &mut Host, input: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let mut at =
        Memory::page(input.int_in_range(8..=15_u64)?) + 8 * input.int_in_range(0..=511_u64)?;
    let is_sgl = input.arbitrary()?;
    for _ in 0..input.int_in_range(1..=40_u8)? {
        let entry = address(input)?;
        let entry = if names(entry) { Memory::page(8) } else { entry };
        host.memory.poke(at, &entry.to_le_bytes());
        at += 8;
        if is_sgl {
            let length = u64::from(input.int_in_range(0..=8192_u16)?);
            let kind = u64::from(*input.choose(&[0x00_u8, 0x00, 0x10, 0x20, 0x30])?);
            host.memory.poke(at, &(length | kind << 56).to_le_bytes());
            at += 8;
        }
    }
    Ok(())
}
