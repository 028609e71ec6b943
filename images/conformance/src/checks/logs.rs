//! Log pages.
// Spec: NVMe-Base-2.0c 5.16 "Get Log Page command"

use hal::{DmaBuf, PAGE_BYTES, Platform};
use nvme_spec::log::{
    self, ERROR_ENTRY_BYTES, ErrorEntry, FIRMWARE_LOG_BYTES, SMART_LOG_BYTES, SmartLog,
};
use nvme_spec::{AdminOpcode, NSID_BROADCAST, NvmOpcode, Sqe, status};

use super::checks;
use crate::bench::{Bench, NSID, POISON};
use crate::verdict::{Outcome, Trouble, ensure, need};

checks![
    the_smart_log_counts_reads,
    the_error_log_remembers_a_failed_command,
    the_firmware_log_names_the_running_revision,
    the_effects_log_has_the_mandatory_commands,
    a_log_page_is_as_long_as_asked_for,
    a_log_page_can_be_read_from_an_offset,
    an_offset_behind_the_page_is_an_invalid_field,
    an_unknown_log_page_is_refused,
];

/// A log page that no standard knows.
const LID_UNKNOWN: u8 = 0x6f;
/// LPA bit 1: the effects log. Bit 2: length and offset beyond 12 bits.
const LPA_EFFECTS: u8 = 1 << 1;
const LPA_EXTENDED: u8 = 1 << 2;
/// The effects log: entries of 4 bytes, I/O commands from byte 1024 on; bit 0: supported.
const EFFECTS_IO: usize = 1024;
const EFFECTS_SUPPORTED: u8 = 1;

/// Reads a log page to the start of the data pages.
fn get<P: Platform>(bench: &mut Bench<'_, P>, lid: u8, length: usize, offset: u64) -> Outcome {
    let sqe = request(bench, lid, length, offset);
    bench.admin_ok(sqe)
}

fn request<P: Platform>(bench: &Bench<'_, P>, lid: u8, length: usize, offset: u64) -> Sqe {
    bench.data.write(0, &[POISON; PAGE_BYTES]);
    let numd_z = (length / 4 - 1) as u32;
    Sqe::get_log_page(lid, NSID_BROADCAST, numd_z, offset).with_prp(bench.at(0), 0)
}

fn smart<P: Platform>(bench: &mut Bench<'_, P>) -> Result<SmartLog, Trouble> {
    get(bench, log::LID_SMART, SMART_LOG_BYTES, 0)?;
    let bytes = bench.bytes(0, SMART_LOG_BYTES);
    SmartLog::from_prefix(&bytes).ok_or(Trouble::NotThere("the log is shorter than 512 bytes"))
}

fn the_smart_log_counts_reads<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let before = smart(bench)?;
    for _ in 0..3 {
        bench.read_block(0)?;
    }
    let after = smart(bench)?;
    let (reads, again) = (before.host_reads.get(), after.host_reads.get());
    ensure!(again == reads + 3, "{reads} host reads, 3 more, {again}");
    let kelvin = after.composite_temperature.get();
    ensure!((200..400).contains(&kelvin), "{kelvin} K");
    Ok(())
}

fn the_error_log_remembers_a_failed_command<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let beyond = Sqe::read(NSID, bench.blocks(), 0).with_prp(bench.at(0), 0);
    let cqe = bench.submit(beyond)?;
    get(bench, log::LID_ERROR, ERROR_ENTRY_BYTES, 0)?;
    let mut bytes = [0; ERROR_ENTRY_BYTES];
    bench.data.read(0, &mut bytes);
    let entry = ErrorEntry::from_bytes(bytes);
    let (sqid, cid) = (entry.sqid.get(), entry.cid.get());
    let is_it = (sqid, cid) == (cqe.sqid.get(), cqe.cid.get());
    ensure!(entry.error_count.get() > 0, "an empty log after a failed command");
    ensure!(is_it, "the newest entry is about {cid:#x} of queue {sqid}");
    let status = entry.status_phase.get() >> 1;
    ensure!(status == cqe.status().to_raw(), "status {status:#x} in the entry");
    ensure!(entry.nsid.get() == NSID, "namespace {} in the entry", entry.nsid.get());
    Ok(())
}

fn the_firmware_log_names_the_running_revision<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    get(bench, log::LID_FIRMWARE_SLOT, FIRMWARE_LOG_BYTES, 0)?;
    let bytes = bench.bytes(0, FIRMWARE_LOG_BYTES);
    let slot = usize::from(bytes[0] & 7);
    ensure!((1..=7).contains(&slot), "active slot {slot}");
    let revision = &bytes[slot * 8..slot * 8 + 8];
    ensure!(revision == bench.controller.fr, "slot {slot} holds {revision:x?}");
    Ok(())
}

fn the_effects_log_has_the_mandatory_commands<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    need(bench.controller.lpa & LPA_EFFECTS != 0, "no effects log")?;
    get(bench, log::LID_COMMAND_EFFECTS, log::EFFECTS_LOG_BYTES, 0)?;
    let bytes = bench.bytes(0, log::EFFECTS_LOG_BYTES);
    let admin = [AdminOpcode::IDENTIFY, AdminOpcode::GET_LOG_PAGE, AdminOpcode::ABORT];
    let io = [NvmOpcode::FLUSH, NvmOpcode::READ, NvmOpcode::WRITE];
    let admin = admin.map(|opcode| usize::from(opcode.0) * 4);
    let io = io.map(|opcode| EFFECTS_IO + usize::from(opcode.0) * 4);
    for at in [admin, io].concat() {
        ensure!(bytes[at] & EFFECTS_SUPPORTED != 0, "byte {at} of the effects log");
    }
    Ok(())
}

fn a_log_page_is_as_long_as_asked_for<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    get(bench, log::LID_SMART, 8, 0)?;
    let bytes = bench.bytes(0, PAGE_BYTES);
    ensure!(bytes[..8] != [POISON; 8], "nothing arrived");
    ensure!(bytes[8..].iter().all(|byte| *byte == POISON), "more than 8 bytes arrived");
    Ok(())
}

fn a_log_page_can_be_read_from_an_offset<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    need(bench.controller.lpa & LPA_EXTENDED != 0, "no offsets in Get Log Page")?;
    get(bench, log::LID_FIRMWARE_SLOT, FIRMWARE_LOG_BYTES, 0)?;
    let whole = bench.bytes(0, FIRMWARE_LOG_BYTES);
    get(bench, log::LID_FIRMWARE_SLOT, 32, 8)?;
    ensure!(bench.bytes(0, 32) == whole[8..40], "other bytes from offset 8 on");
    Ok(())
}

fn an_offset_behind_the_page_is_an_invalid_field<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    need(bench.controller.lpa & LPA_EXTENDED != 0, "no offsets in Get Log Page")?;
    let sqe = request(bench, log::LID_SMART, 4, 1 << 20);
    bench.admin_fails(sqe, status::INVALID_FIELD)
}

fn an_unknown_log_page_is_refused<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let sqe = request(bench, LID_UNKNOWN, 64, 0);
    bench.admin_fails(sqe, status::INVALID_LOG_PAGE)
}
