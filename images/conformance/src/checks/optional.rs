//! I/O commands that a controller may have: checked if it says so.
// Spec: NVM-CS-1.0c 3.2 "NVM Command Set Commands"

use hal::{DmaBuf, Platform};
use nvme_spec::dsm::DsmRange;
use nvme_spec::identify::oncs;
use nvme_spec::{Sqe, status};

use super::checks;
use crate::bench::{Bench, NSID};
use crate::verdict::{Outcome, ensure, need};

checks![
    write_zeroes_makes_zeroes,
    compare_tells_equal_from_different,
    deallocated_blocks_read_as_advertised,
    a_deallocation_beyond_the_end_is_out_of_range,
    verify_reads_without_transfer,
    uncorrectable_blocks_fail_until_they_are_written,
    what_is_not_advertised_is_an_invalid_opcode,
];

/// DLFEAT, bits 2:0: deallocated blocks read as zeroes.
const READS_ZEROES: u8 = 1;

fn has<P: Platform>(bench: &Bench<'_, P>, command: u16) -> bool {
    bench.controller.oncs.get() & command != 0
}

fn write_zeroes_makes_zeroes<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    need(has(bench, oncs::WRITE_ZEROES), "no Write Zeroes")?;
    for slba in [10, 11, 12] {
        bench.write_block(slba, 3)?;
    }
    bench.io_ok(Sqe::write_zeroes(NSID, 11, 0))?;
    for (slba, is_zero) in [(10, false), (11, true), (12, false)] {
        bench.read_block(slba)?;
        let found = bench.bytes(0, bench.lba_bytes).iter().all(|byte| *byte == 0);
        ensure!(found == is_zero, "block {slba}: zero is {found}");
    }
    let beyond = Sqe::write_zeroes(NSID, bench.blocks(), 0);
    bench.io_fails(beyond, status::LBA_OUT_OF_RANGE)
}

fn compare_tells_equal_from_different<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    need(has(bench, oncs::COMPARE), "no Compare")?;
    bench.write_block(20, 8)?;
    let sqe = Sqe::compare(NSID, 20, 0).with_prp(bench.at(0), 0);
    bench.io_ok(sqe)?;
    // The last byte differs.
    let last = bench.lba_bytes - 1;
    let byte = bench.bytes(last, 1)[0];
    bench.data.write(last, &[!byte]);
    bench.io_fails(sqe, status::COMPARE_FAILURE)
}

fn deallocate<P: Platform>(bench: &Bench<'_, P>, ranges: &[(u64, u32)]) -> Sqe {
    for (index, (slba, nlb)) in ranges.iter().enumerate() {
        bench.data.write(index * 16, &DsmRange::new(*slba, *nlb).to_bytes());
    }
    Sqe::deallocate(NSID, (ranges.len() - 1) as u8).with_prp(bench.at(0), 0)
}

fn deallocated_blocks_read_as_advertised<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    need(has(bench, oncs::DATASET_MANAGEMENT), "no Dataset Management")?;
    // Whole pages, for a controller that deallocates nothing smaller.
    let page = u64::from(bench.page_blocks());
    for slba in [64 * page, 65 * page, 70 * page] {
        bench.write_block(slba, 4)?;
    }
    let ranges = [(64 * page, page as u32), (70 * page, page as u32)];
    let sqe = deallocate(bench, &ranges);
    bench.io_ok(sqe)?;
    let is_zeroing = bench.namespace.dlfeat & 7 == READS_ZEROES;
    for (slba, is_kept) in [(64 * page, false), (65 * page, true), (70 * page, false)] {
        bench.read_block(slba)?;
        let bytes = bench.bytes(0, bench.lba_bytes);
        let is_zero = bytes.iter().all(|byte| *byte == 0);
        ensure!(!is_kept || bench.holds(0, bench.lba_bytes, 4), "block {slba} was in no range");
        ensure!(is_kept || !is_zeroing || is_zero, "block {slba} does not read as zeroes");
    }
    Ok(())
}

fn a_deallocation_beyond_the_end_is_out_of_range<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    need(has(bench, oncs::DATASET_MANAGEMENT), "no Dataset Management")?;
    let sqe = deallocate(bench, &[(bench.blocks() - 1, 2)]);
    bench.io_fails(sqe, status::LBA_OUT_OF_RANGE)
}

fn verify_reads_without_transfer<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    need(has(bench, oncs::VERIFY), "no Verify")?;
    bench.write_block(30, 1)?;
    bench.io_ok(Sqe::verify(NSID, 30, 0))?;
    let beyond = Sqe::verify(NSID, bench.blocks(), 0);
    bench.io_fails(beyond, status::LBA_OUT_OF_RANGE)
}

fn uncorrectable_blocks_fail_until_they_are_written<P: Platform>(
    bench: &mut Bench<'_, P>,
) -> Outcome {
    need(has(bench, oncs::WRITE_UNCORRECTABLE), "no Write Uncorrectable")?;
    bench.write_block(40, 1)?;
    bench.io_ok(Sqe::write_uncorrectable(NSID, 40, 0))?;
    let read = Sqe::read(NSID, 40, 0).with_prp(bench.at(0), 0);
    bench.io_fails(read, status::UNRECOVERED_READ)?;
    bench.write_block(40, 2)?;
    bench.read_block(40)?;
    ensure!(bench.holds(0, bench.lba_bytes, 2), "other data than was written");
    Ok(())
}

fn what_is_not_advertised_is_an_invalid_opcode<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let commands = [
        (oncs::WRITE_ZEROES, Sqe::write_zeroes(NSID, 0, 0)),
        (oncs::COMPARE, Sqe::compare(NSID, 0, 0)),
        (oncs::DATASET_MANAGEMENT, Sqe::deallocate(NSID, 0)),
        (oncs::VERIFY, Sqe::verify(NSID, 0, 0)),
        (oncs::WRITE_UNCORRECTABLE, Sqe::write_uncorrectable(NSID, 0, 0)),
    ];
    for (command, sqe) in commands {
        if !has(bench, command) {
            bench.io_fails(sqe, status::INVALID_OPCODE)?;
        }
    }
    Ok(())
}
