//! Read, Write, Flush, and what is wrong with their fields.
// Spec: NVM-CS-1.0c 3.2 "NVM Command Set Commands"

use hal::{PAGE_BYTES, Platform};
use nvme_spec::command::Cdw0;
use nvme_spec::identify::vwc;
use nvme_spec::{NSID_BROADCAST, Sqe, status};

use super::checks;
use crate::bench::{Bench, NSID};
use crate::verdict::{Outcome, ensure, need};

checks![
    what_is_written_is_read,
    the_first_and_the_last_block_can_be_used,
    blocks_beyond_the_end_are_out_of_range,
    a_transfer_beyond_mdts_is_an_invalid_field,
    an_invalid_namespace_is_refused,
    a_flush_succeeds,
    a_flush_of_every_namespace_is_as_advertised,
    a_write_may_be_forced_to_media,
    an_unknown_opcode_is_an_invalid_opcode,
    a_fused_command_is_refused_if_there_are_none,
    an_sgl_is_refused_if_there_are_none,
];

/// An opcode of both command sets that nobody has.
const OPCODE_UNKNOWN: u8 = 0x7b;
/// Both flush bits: a broadcast flush is supported.
const FLUSH_BROADCAST: u8 = 3 << 1;

fn what_is_written_is_read<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let nlb_z = bench.page_blocks() - 1;
    for (slba, seed) in [(8, 1), (64, 2), (8, 3)] {
        bench.fill(0, PAGE_BYTES, seed);
        bench.io_ok(Sqe::write(NSID, slba, nlb_z, false).with_prp(bench.at(0), 0))?;
        bench.io_ok(Sqe::read(NSID, slba, nlb_z).with_prp(bench.at(PAGE_BYTES), 0))?;
        ensure!(bench.holds(PAGE_BYTES, PAGE_BYTES, seed), "other data at block {slba}");
    }
    bench.io_ok(Sqe::read(NSID, 64, nlb_z).with_prp(bench.at(PAGE_BYTES), 0))?;
    ensure!(bench.holds(PAGE_BYTES, PAGE_BYTES, 2), "a write changed another block");
    Ok(())
}

fn the_first_and_the_last_block_can_be_used<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let last = bench.blocks() - 1;
    bench.write_block(0, 5)?;
    bench.write_block(last, 6)?;
    for (slba, seed) in [(0, 5), (last, 6)] {
        bench.read_block(slba)?;
        ensure!(bench.holds(0, bench.lba_bytes, seed), "other data at block {slba}");
    }
    Ok(())
}

fn blocks_beyond_the_end_are_out_of_range<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let (blocks, data) = (bench.blocks(), bench.at(0));
    for (slba, nlb_z) in [(blocks, 0), (blocks - 1, 1), (u64::MAX, 0), (u64::MAX, 1)] {
        let read = Sqe::read(NSID, slba, nlb_z).with_prp(data, bench.at(PAGE_BYTES));
        bench.io_fails(read, status::LBA_OUT_OF_RANGE)?;
        let write = Sqe::write(NSID, slba, nlb_z, false).with_prp(data, bench.at(PAGE_BYTES));
        bench.io_fails(write, status::LBA_OUT_OF_RANGE)?;
    }
    Ok(())
}

fn a_transfer_beyond_mdts_is_an_invalid_field<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let mdts = u32::from(bench.controller.mdts);
    need((1..=7).contains(&mdts), "no limit that a command can exceed")?;
    let blocks = (PAGE_BYTES << mdts) / bench.lba_bytes;
    // One block more than the limit: zero-based, so the number of blocks itself.
    let nlb_z = u16::try_from(blocks).ok();
    need(nlb_z.is_some(), "the limit is beyond the longest command")?;
    let sqe = Sqe::read(NSID, 0, nlb_z.unwrap_or(0)).with_prp(bench.at(0), bench.at(0));
    bench.io_fails(sqe, status::INVALID_FIELD)
}

fn an_invalid_namespace_is_refused<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let data = bench.at(0);
    for nsid in [0, NSID_BROADCAST - 1] {
        let read = Sqe::read(nsid, 0, 0).with_prp(data, 0);
        bench.io_fails(read, status::INVALID_NAMESPACE)?;
        bench.io_fails(Sqe::flush(nsid), status::INVALID_NAMESPACE)?;
    }
    Ok(())
}

fn a_flush_succeeds<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    bench.write_block(3, 7)?;
    bench.io_ok(Sqe::flush(NSID))
}

fn a_flush_of_every_namespace_is_as_advertised<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let is_supported = bench.controller.vwc & FLUSH_BROADCAST == vwc::FLUSH_BROADCAST;
    need(is_supported, "no broadcast flush")?;
    bench.io_ok(Sqe::flush(NSID_BROADCAST))
}

fn a_write_may_be_forced_to_media<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    bench.fill(0, bench.lba_bytes, 9);
    bench.io_ok(Sqe::write(NSID, 5, 0, true).with_prp(bench.at(0), 0))?;
    bench.read_block(5)?;
    ensure!(bench.holds(0, bench.lba_bytes, 9), "other data than was written");
    Ok(())
}

fn an_unknown_opcode_is_an_invalid_opcode<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    bench.io_fails(Sqe::new(OPCODE_UNKNOWN, NSID), status::INVALID_OPCODE)?;
    bench.admin_fails(Sqe::new(OPCODE_UNKNOWN, 0), status::INVALID_OPCODE)
}

fn a_fused_command_is_refused_if_there_are_none<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    need(bench.controller.fuses.get() == 0, "fused operations are supported")?;
    let mut sqe = Sqe::read(NSID, 0, 0).with_prp(bench.at(0), 0);
    sqe.cdw0 = Cdw0(sqe.cdw0.get()).with_fuse(1).0.into();
    bench.io_fails(sqe, status::INVALID_FIELD)
}

fn an_sgl_is_refused_if_there_are_none<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    need(bench.controller.sgls.get() & 3 == 0, "SGLs are supported")?;
    let mut sqe = Sqe::read(NSID, 0, 0).with_prp(bench.at(0), 0);
    sqe.cdw0 = Cdw0(sqe.cdw0.get()).with_psdt(1).0.into();
    bench.io_fails(sqe, status::INVALID_FIELD)
}
