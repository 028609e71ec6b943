//! Log pages with content.

use nvme_spec::log::{ERROR_ENTRY_BYTES, ErrorEntry, SmartLog};
use nvme_spec::{NSID_BROADCAST, Sqe, status};

use crate::CachePolicy;
use crate::rig::{DATA, Rig};

fn error_entry(page: &[u8], index: usize) -> ErrorEntry {
    let at = index * ERROR_ENTRY_BYTES;
    ErrorEntry::from_bytes(page[at..at + ERROR_ENTRY_BYTES].try_into().expect("64 bytes"))
}

#[test]
fn the_error_log_holds_what_failed_newest_first() {
    let mut rig = Rig::new();
    let first = rig.submit(1, Sqe::read(1, 5000, 0).with_prp(DATA, 0));
    rig.settle();
    rig.reap(1);
    rig.admin(Sqe::identify(0x77, 0));
    let (status, page) = rig.admin_page(Sqe::get_log_page(1, 0, 63, 0));
    assert!(status.is_success());
    let (newest, older) = (error_entry(&page, 0), error_entry(&page, 1));
    assert_eq!((newest.error_count.get(), newest.sqid.get()), (2, 0));
    assert_eq!(newest.parameter_location.get(), 40);
    assert_eq!((older.error_count.get(), older.sqid.get(), older.cid.get()), (1, 1, first));
    assert_eq!((older.lba.get(), older.nsid.get()), (5000, 1));
    assert_eq!(older.status_phase.get() >> 1 & 0x7ff, 0x080);
    assert_eq!(error_entry(&page, 2), ErrorEntry::default());
}

#[test]
fn a_log_page_has_the_length_and_offset_that_were_asked_for() {
    let mut rig = Rig::new();
    let (status, page) = rig.admin_page(Sqe::get_log_page(2, NSID_BROADCAST, 3, 0));
    assert!(status.is_success());
    assert_eq!(page[15..18], [0, 0xee, 0xee], "16 bytes, not 4");
    assert_eq!(u16::from_le_bytes([page[1], page[2]]), 313);
    let (_, effects) = rig.admin_page(Sqe::get_log_page(5, 0, 1023, 0));
    let (_, part) = rig.admin_page(Sqe::get_log_page(5, 0, 1, 1024 + 8));
    assert_eq!(part[..8], effects[1032..1040]);
    assert_eq!(part[..4], [1, 0, 0, 0], "read is supported and changes nothing");
    for offset in [2, 512, u64::MAX - 3] {
        let (status, _) = rig.admin_page(Sqe::get_log_page(2, 0, 0, offset));
        assert_eq!(status.code, status::INVALID_FIELD);
    }
    let (status, _) = rig.admin_page(Sqe::get_log_page(2, 0, u32::MAX, 0));
    assert!(status.is_success());
    assert_eq!(rig.admin_page(Sqe::get_log_page(0x70, 0, 0, 0)).0.code, status::INVALID_LOG_PAGE);
    assert_eq!(rig.admin_page(Sqe::get_log_page(2, 1, 0, 0)).0.code, status::INVALID_FIELD);
}

#[test]
fn smart_counts_commands_units_errors_and_power_cycles() {
    let mut rig = Rig::faulty(&["read nth=2 => status=media/unrecovered-read"]);
    rig.write_block(0, 1, false);
    rig.read_block(0).expect("good");
    rig.read_block(0).expect_err("injected");
    rig.controller.power_cut(rig.now_ns, CachePolicy::LoseAll, &mut rig.trace);
    rig.now_ns = 0;
    rig.enable();
    let (_, page) = rig.admin_page(Sqe::get_log_page(2, 0, 127, 0));
    let log = SmartLog::from_prefix(&page).expect("512 bytes");
    assert_eq!((log.host_reads.get(), log.host_writes.get()), (1, 1));
    assert_eq!((log.data_units_read.get(), log.data_units_written.get()), (1, 1));
    assert_eq!((log.media_errors.get(), log.error_log_entries.get()), (1, 1));
    assert_eq!((log.power_cycles.get(), log.unsafe_shutdowns.get()), (2, 1));
}

#[test]
fn the_pages_that_are_listed_are_there_and_no_other() {
    let mut rig = Rig::new();
    let (_, list) = rig.admin_page(Sqe::get_log_page(0, 0, 255, 0));
    for lid in 0..=255_u8 {
        let is_listed = list[usize::from(lid) * 4] & 1 == 1;
        // Telemetry is read in whole blocks, the persistent event log needs a context.
        let mut read = Sqe::get_log_page(lid, 0, 127, 0);
        if lid == 0x0d {
            read.cdw10 = (read.cdw10.get() | 1 << 8).into();
        }
        let (status, _) = rig.admin_page(read);
        assert_eq!(status.is_success(), is_listed, "page {lid:#x}");
    }
    let (_, firmware) = rig.admin_page(Sqe::get_log_page(3, 0, 127, 0));
    assert_eq!((firmware[0], &firmware[8..16]), (1, &b"1       "[..]));
}

#[test]
fn the_commands_in_the_effects_log_are_there_and_no_other() {
    let mut rig = Rig::new();
    let (_, effects) = rig.admin_page(Sqe::get_log_page(5, 0, 1023, 0));
    for opcode in 0..=255_u8 {
        for (sqid, base) in [(0, 0), (1, 1024)] {
            let is_listed = effects[base + usize::from(opcode) * 4] & 1 == 1;
            let decoded = crate::command::Command::decode(sqid, &Sqe::new(opcode, 1));
            let is_unknown = matches!(decoded, Err(f) if f.status.code == status::INVALID_OPCODE);
            assert_eq!(is_listed, !is_unknown, "queue {sqid}, opcode {opcode:#x}");
        }
    }
}
