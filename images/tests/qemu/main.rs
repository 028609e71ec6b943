//! The same image in QEMU: another machine, another NVMe controller, another virtio.
//!
//! Under TCG, so that it runs everywhere. Skipped, with a line that says so, where QEMU is not installed.

mod boot;
mod conformance;

use hal::trace::{Layer, RECORD_BYTES, Record};
use machine::frame;

use boot::{EXITED_OK, boot};

fn assert_ok(command_line: &str, devices: &[&str], text: &str) {
    let Some(ran) = boot(command_line, devices) else {
        return;
    };
    assert_eq!(ran.code, Some(EXITED_OK), "{command_line}: {}", ran.said);
    assert!(ran.said.contains(text), "{command_line}: {}", ran.said);
}

#[test]
fn it_boots_and_prints() {
    assert_ok("program=selftest-hello", &[], "hello from the swaplab guest");
}

#[test]
fn demand_paging_and_interrupts_work() {
    assert_ok("program=selftest-fault", &[], "demand paging: 1200 pages over 7 frames");
    assert_ok("program=selftest-interrupt", &[], "interrupts: 200 raised, 200 taken");
}

#[test]
fn the_control_disk_works() {
    let disk = ["virtio-blk-pci,disable-legacy=on,drive=disk"];
    assert_ok("program=selftest-disk", &disk, "control disk: 16384 blocks");
}

#[test]
fn the_laboratory_plays_on_qemus_controller_and_every_record_arrives() {
    let devices = [
        "nvme,serial=1,drive=disk",
        "virtio-serial-pci,disable-legacy=on",
        "virtconsole,chardev=console",
    ];
    let Some(ran) = boot("program=lab scenario=shutdown trace=on", &devices) else {
        return;
    };
    assert_eq!(ran.code, Some(EXITED_OK), "{}", ran.said);
    let records = records(&ran.console);
    let count_of = |layer| records.iter().filter(|r| r.layer == layer).count();
    for layer in [Layer::Program, Layer::Swap, Layer::Iomap, Layer::Filesystem, Layer::Driver] {
        assert!(count_of(layer) > 0, "no record of {layer:?} among {}", records.len());
    }
}

/// The records of a console that carries frames of one record each and nothing else.
fn records(mut console: &[u8]) -> Vec<Record> {
    let header = frame::header(frame::KIND_RECORDS, RECORD_BYTES as u16);
    let mut records = Vec::new();
    while let Some(rest) = console.strip_prefix(&header) {
        let (bytes, rest) = rest.split_first_chunk().expect("a whole record");
        records.push(Record::from_bytes(bytes).expect("a known layer"));
        console = rest;
    }
    assert!(console.is_empty(), "{} bytes after {} records", console.len(), records.len());
    records
}
