//! `corrupt` and `partial-dma` of commands whose data are no blocks of a read or write.

use nvme_spec::command::{Copy12, Directive11};
use nvme_spec::copy::{CopyFormat, CopyRange};
use nvme_spec::dsm::DsmRange;
use nvme_spec::{AdminOpcode, Sqe, status};

use crate::rig::{DATA, Rig};

/// The answers to an admin command that a rule is about once: the first and the second.
fn twice(rig: &mut Rig, sqe: Sqe) -> [Vec<u8>; 2] {
    [(); 2].map(|()| {
        let (status, page) = rig.admin_page(sqe);
        assert!(status.is_success());
        page
    })
}

#[test]
fn of_an_identify_page_only_the_first_bytes_may_be_transferred() {
    let mut rig = Rig::faulty(&["identify nth=1 => partial-dma=512"]);
    let [part, whole] = twice(&mut rig, Sqe::identify(1, 0));
    assert_eq!(part[..512], whole[..512]);
    assert!(part[512..].iter().all(|byte| *byte == 0xee) && whole[512] == 0x66);
}

#[test]
fn of_a_log_page_only_the_first_bytes_may_be_transferred() {
    let mut rig = Rig::faulty(&["get-log-page nth=1 => partial-dma=6"]);
    let [part, whole] = twice(&mut rig, Sqe::get_log_page(2, 0, 127, 0));
    assert_eq!((&part[..6], part[6]), (&whole[..6], 0xee));
    assert_ne!(whole[6], 0xee);
}

#[test]
fn one_bit_of_an_answer_is_another_and_the_next_answer_is_right() {
    let mut receive = Sqe::new(AdminOpcode::DIRECTIVE_RECEIVE.0, 1);
    (receive.cdw10, receive.cdw11) = (1023.into(), Directive11(0).with_doper(1).0.into());
    let mut status = Sqe::new(AdminOpcode::GET_LBA_STATUS.0, 1);
    (status.cdw12, status.cdw13) = (1023.into(), (0x10_u32 << 24).into());
    for (rule, at, sqe) in [
        ("directive-receive nth=1 => corrupt=32^0x01", 32, receive),
        ("get-lba-status nth=1 => corrupt=4^0x01", 4, status),
        ("get-log-page nth=1 => corrupt=32^0x01", 32, Sqe::get_log_page(2, 0, 1023, 0)),
    ] {
        let mut rig = Rig::faulty(&[rule]);
        let [mut wrong, right] = twice(&mut rig, sqe);
        wrong[at] ^= 1;
        assert!(wrong == right, "{rule}");
    }
}

#[test]
fn what_a_compare_brings_is_another_and_so_it_fails() {
    let mut rig = Rig::faulty(&["compare nth=1 => corrupt=100^0x01"]);
    rig.write_block(5, 1, false);
    let compare = Sqe::compare(1, 5, 0).with_prp(DATA, 0);
    assert_eq!(rig.run(1, compare).0.code, status::COMPARE_FAILURE);
    assert!(rig.run(1, compare).0.is_success(), "what is stored is right");
}

#[test]
fn the_ranges_of_a_deallocate_and_of_a_copy_are_others() {
    // Byte 8 of a range is the lowest of its first block, in either list.
    let rules = ["dataset-management => corrupt=8^0x01", "copy => corrupt=8^0x01"];
    let mut rig = Rig::faulty(&rules);
    for lba in [10, 11, 20, 21] {
        rig.write_block(lba, lba as u8, false);
    }
    rig.memory_write(DATA, &DsmRange::new(10, 1).to_bytes());
    assert!(rig.run(1, Sqe::deallocate(1, 0).with_prp(DATA, 0)).0.is_success());
    let range = CopyRange { slba: 20, ..CopyRange::default() };
    let format = CopyFormat::new(0).expect("a format");
    rig.memory_write(DATA, &range.encode(format)[..format.entry_bytes()]);
    assert!(rig.run(1, Sqe::copy(1, 30, Copy12(0)).with_prp(DATA, 0)).0.is_success());
    let firsts = [10, 11, 30].map(|lba| rig.read_block(lba).expect("readable")[0]);
    assert_eq!(firsts, [10, 0, 21]);
}
