//! CC.MPS, AMS and CSS count as they were when the controller was enabled.

use nvme_spec::register::{self as reg, Cc, Csts, Doorbell};
use nvme_spec::{AdminOpcode, Sqe};

use crate::GuestMemory;
use crate::rig::{DATA, Rig};

const CC: Cc = Cc(0x0046_0001);

/// Where a list of pages is, and the pages.
const LIST: u64 = DATA + 16 * 4096;
const PAGES: [u64; 3] = [DATA + 20 * 4096, DATA + 30 * 4096, DATA + 25 * 4096];

/// Four blocks from or to pages that only host pages of 4 KiB describe.
fn scattered(sqe: Sqe) -> Sqe {
    sqe.with_prp(DATA, LIST)
}

fn fill(rig: &mut Rig, values: [u8; 4]) {
    for (page, value) in [DATA].into_iter().chain(PAGES).zip(values) {
        rig.memory_write(page, &[value; 4096]);
    }
    let list: Vec<u8> = PAGES.iter().flat_map(|page| page.to_le_bytes()).collect();
    rig.memory_write(LIST, &list);
}

#[test]
fn a_change_while_enabled_reads_back_and_changes_no_transfer() {
    let changes = [CC.with_mps(4), CC.with_mps(15), CC.with_ams(1), CC.with_css(6), CC.with_css(1)];
    for changed in changes {
        let mut rig = Rig::new();
        fill(&mut rig, [1, 2, 3, 4]);
        rig.submit(1, scattered(Sqe::write(1, 8, 3, false)));
        rig.write32(reg::CC, changed.0);
        assert_eq!(rig.read32(reg::CC), changed.0);
        rig.settle();
        let completions = rig.reap(1);
        assert!(completions.iter().all(|cqe| cqe.status().is_success()), "in flight, {changed:?}");
        assert_eq!(completions.len(), 1);
        fill(&mut rig, [0; 4]);
        assert!(rig.run(1, scattered(Sqe::read(1, 8, 3))).0.is_success(), "{changed:?}");
        for (page, value) in [DATA].into_iter().chain(PAGES).zip(1..) {
            let mut data = [0; 4096];
            rig.memory.read(page, &mut data).expect("granted");
            assert_eq!(data, [value; 4096], "{changed:?}");
        }
        rig.create_pair(2, 2);
    }
}

/// Enables with host pages of 8 KiB and identifies the controller into one that begins 2 KiB before the middle:
/// pages of 4 KiB would need a second pointer.
fn identify_over_the_middle(rig: &mut Rig) -> bool {
    let (asq, acq) = (DATA, DATA + 2 * 4096);
    rig.memory_write(acq, &[0; 16]);
    rig.write32(reg::AQA, 15 << 16 | 15);
    rig.write64(reg::ASQ, asq);
    rig.write64(reg::ACQ, acq);
    rig.write32(reg::CC, CC.with_mps(1).0);
    rig.settle();
    let mut identify = Sqe::new(AdminOpcode::IDENTIFY.0, 0).with_prp(DATA + 4 * 4096 + 2048, 0);
    identify.cdw10 = 1.into();
    rig.memory_write(asq, &identify.to_bytes());
    rig.write32(Doorbell::SqTail(0).offset(0), 1);
    rig.settle();
    let mut entry = [0; 16];
    rig.memory.read(acq, &mut entry).expect("granted");
    // The phase tag, and a status of success.
    u16::from_le_bytes([entry[14], entry[15]]) == 1
}

#[test]
fn the_next_enable_takes_the_new_values() {
    let mut rig = Rig::new();
    rig.write32(reg::CC, CC.with_mps(1).0);
    rig.disable();
    assert!(identify_over_the_middle(&mut rig));
    rig.disable();
    rig.write32(reg::CC, CC.with_css(1).0);
    rig.settle();
    assert_eq!(Csts(rig.read32(reg::CSTS)).cfs(), 1, "no such command set");
}

#[test]
fn a_controller_that_ignores_its_reset_goes_on_with_the_pages_it_was_enabled_with() {
    let mut rig = Rig::faulty(&["disable nth=1 => ignore-reset"]);
    fill(&mut rig, [1, 2, 3, 4]);
    rig.write32(reg::CC, CC.with_en(0).with_mps(4).0);
    assert!(rig.run(1, scattered(Sqe::write(1, 8, 3, false))).0.is_success());
    assert_eq!(rig.read_block(10).expect("written"), [3; 4096]);
}
