//! Telemetry, and what the other logs say when something fails.

use nvme_spec::identify::oaes;
use nvme_spec::log::TelemetryHeader;
use nvme_spec::{Sqe, status};

use super::{heard, listen, log_page};
use crate::rig::{DATA, Rig};
use crate::{CachePolicy, Config, FaultPlan};

/// The header and the text of the data areas.
fn read(rig: &mut Rig, lid: u8, lsp: u32) -> (TelemetryHeader, String) {
    let (status, page) = rig.prompt_page(log_page(lid, lsp, 4096, 0));
    assert!(status.is_success());
    let header = TelemetryHeader::from_prefix(&page).expect("512 bytes");
    let end = 512 * (1 + usize::from(header.area_3_last.get()));
    let text = page[512..end].iter().filter(|byte| **byte != 0).map(|byte| char::from(*byte));
    (header, text.collect())
}

#[test]
fn the_host_takes_a_picture_that_stays_until_it_takes_another() {
    let mut rig = Rig::new();
    let (header, text) = read(&mut rig, 7, 0);
    assert_eq!((header.host_generation, text.as_str()), (0, ""));
    rig.write_block(1, 1, false);
    rig.submit(1, Sqe::flush(1));
    let (header, text) = read(&mut rig, 7, 1);
    assert_eq!((header.lid, header.host_generation), (7, 1));
    assert_eq!(&header.reason[..5], b"host\0");
    for line in [
        "host_writes=1",
        "csts=0x1",
        "firmware=1",
        "ns=1 blocks=1024 block_bytes=4096 attached=true dirty_blocks=1",
        "opcode=0x0 nsid=1",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    rig.settle();
    rig.reap(1);
    rig.write_block(2, 2, false);
    assert_eq!(read(&mut rig, 7, 0).1, text, "not taken anew");
    let (header, text) = read(&mut rig, 7, 1);
    assert_eq!(header.host_generation, 2);
    assert!(text.contains("host_writes=2") && !text.contains("opcode=0x0 "));
}

#[test]
fn a_picture_shows_every_queue_and_namespaces_that_are_detached() {
    let mut rig = Rig::over(Config::default(), &[(1, 64), (2, 32)], FaultPlan::none());
    rig.enable();
    rig.create_pair(1, 1);
    rig.create_pair(3, 2);
    assert!(rig.run(3, Sqe::flush(1)).0.is_success());
    // A controller list of one: ours.
    rig.memory_write(DATA, &[1, 0, 0, 0]);
    let mut detach = super::command(nvme_spec::AdminOpcode::NAMESPACE_ATTACHMENT, 2, 1, 0);
    detach = detach.with_prp(DATA, 0);
    assert!(rig.prompt(0, detach).0.is_success());
    let text = read(&mut rig, 7, 1).1;
    for line in [
        "ns=1 blocks=64 block_bytes=4096 attached=true dirty_blocks=0\n",
        "ns=2 blocks=32 block_bytes=4096 attached=false dirty_blocks=0\n",
        "sq=0 cq=0 sqhd=",
        "sq=1 cq=1 sqhd=0\n",
        "sq=3 cq=3 sqhd=1\n",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[test]
fn a_failure_leaves_a_picture_that_survives_the_loss_of_power() {
    let mut rig = Rig::faulty(&["flush nth=1 => cfs"]);
    assert_eq!(read(&mut rig, 8, 0).0.has_controller_data, 0);
    rig.submit(1, Sqe::flush(1));
    rig.settle();
    rig.controller.power_cut(rig.now_ns, CachePolicy::LoseAll, &mut rig.trace);
    rig.now_ns = 0;
    rig.enable();
    let (header, text) = read(&mut rig, 8, 0);
    assert_eq!((header.has_controller_data, header.controller_generation), (1, 1));
    assert_eq!(&header.reason[..9], b"injected\0");
    assert!(text.contains("csts=0x3"), "{text}");
    assert_eq!(read(&mut rig, 7, 0).0.controller_generation, 1, "the other log says so, too");
}

#[test]
fn a_picture_of_the_controllers_own_is_an_event() {
    let mut rig = Rig::new();
    assert!(rig.run(1, Sqe::write_uncorrectable(1, 0, 0)).0.is_success());
    listen(&mut rig, oaes::TELEMETRY);
    let test = super::command(nvme_spec::AdminOpcode::DEVICE_SELF_TEST, 1, 1, 0);
    assert!(rig.prompt(0, test).0.is_success());
    rig.settle();
    assert_eq!(heard(&mut rig), [(2, 2, 8)]);
}

#[test]
fn telemetry_is_read_in_whole_blocks() {
    let mut rig = Rig::new();
    for (length, offset) in [(508, 0), (512, 4), (516, 512)] {
        let (status, _) = rig.admin_page(log_page(7, 0, length, offset));
        assert_eq!(status.code, status::INVALID_FIELD, "{length} at {offset}");
    }
    let past = log_page(7, 0, 512, 512);
    assert_eq!(rig.admin(past.with_prp(DATA, 0)).0.code, status::INVALID_FIELD, "nothing there");
}
