//! Which commands a rule is about: ranges, data, groups, states, other rules.

use nvme_spec::Sqe;
use nvme_spec::command::{Rw12, prinfo};

use crate::rig::{DATA, Rig};

/// Which of the blocks 0 to 9 can be read.
fn readable(rig: &mut Rig) -> String {
    (0..10).map(|lba| if rig.read_block(lba).is_ok() { '.' } else { 'x' }).collect()
}

#[test]
fn groups_combine_matches() {
    for (fields, expected) in [
        ("any{ lba=1 | lba=3..5 }", ".x.xx....."),
        ("lba=0..5 not{ lba=2 | lba=3 }", "xx..x....."),
        ("all{ lba=0..6 | not{ any{ lba=0 | lba=4..9 } } }", ".xxx......"),
        ("not{ op=write } lba=7", ".......x.."),
        ("any{ queue=2 | queue=1 lba=9 }", ".........x"),
        ("not{ queue=1 }", ".........."),
        ("not{ nsid=2 } lba=0..2", "xx........"),
    ] {
        let mut rig = Rig::faulty(&[&format!("read {fields} => status=media/unrecovered-read")]);
        assert_eq!(readable(&mut rig), expected, "{fields}");
    }
}

#[test]
fn a_rule_about_more_commands_than_it_can_happen_to_counts_those_alone() {
    let mut rig = Rig::faulty(&["io nth=2 => lost-write", "any nth=2 => stale-read"]);
    for value in [7, 8] {
        rig.run(1, Sqe::flush(1));
        rig.write_block(value, value as u8, false);
        rig.run(1, Sqe::verify(1, value, 0));
    }
    let first = |rig: &mut Rig, lba| rig.read_block(lba).expect("readable")[0];
    assert_eq!([7, 8].map(|lba| first(&mut rig, lba)), [7, 0], "the second write is lost");
    let counts: Vec<_> =
        rig.controller.faults().counts().map(|(_, c)| (c.armed, c.fired)).collect();
    assert_eq!(counts, [(2, 1), (2, 1)], "no flush, no verify, no admin command counts");
}

#[test]
fn writing_zeros_and_deallocating_count_where_there_is_something_to_change() {
    let mut rig = Rig::faulty(&["write-zeroes => torn=0", "dataset-management => lost-write"]);
    rig.run(1, Sqe::write_zeroes(1, 0, 0));
    let mut hint = Sqe::deallocate(1, 0).with_prp(DATA, 0);
    rig.run(1, hint);
    hint.cdw11 = 0.into();
    rig.run(1, hint);
    let mut protected = Sqe::write_zeroes(1, 0, 0);
    protected.cdw12 = Rw12(0).with_prinfo(prinfo::ACTION).0.into();
    rig.run(1, protected);
    let fired: Vec<u64> = rig.controller.faults().counts().map(|(_, c)| c.fired).collect();
    assert_eq!(fired, [1, 1]);
}

#[test]
fn data_are_looked_at_on_their_way_in_both_directions() {
    let mut rig = Rig::faulty(&[
        "write data=4095:07 => lost-write",
        "read data=1:0900/0f00 => status=media/unrecovered-read",
    ]);
    rig.write_block(0, 7, false);
    rig.write_block(1, 8, false);
    rig.write_block(2, 0x19, false);
    let got: Vec<_> = (0..3).map(|lba| rig.read_block(lba).ok().map(|block| block[0])).collect();
    assert_eq!(got, [Some(0), Some(8), None]);
}

#[test]
fn the_ranges_of_a_deallocate_are_its_blocks() {
    let mut rig = Rig::faulty(&["dataset-management lba=40..42 => lost-write"]);
    let range = |slba: u64, blocks: u32| {
        [[0; 4], blocks.to_le_bytes()]
            .concat()
            .into_iter()
            .chain(slba.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    rig.write_block(41, 9, false);
    rig.write_block(50, 9, false);
    for (first, second) in [((50, 1), (60, 1)), ((70, 1), (41, 1))] {
        let ranges = [range(first.0, first.1), range(second.0, second.1)].concat();
        rig.memory_write(DATA, &ranges);
        assert!(rig.run(1, Sqe::deallocate(1, 1).with_prp(DATA, 0)).0.is_success());
    }
    assert_eq!(rig.read_block(50).expect("good")[0], 0);
    assert_eq!(rig.read_block(41).expect("good")[0], 9, "the second one was lost");
}

#[test]
fn a_rule_holds_so_long_after_another_in_time_or_in_matches() {
    let mut rig = Rig::faulty(&[
        "flush name=mark => expect",
        "read lba=0..5 after=mark within=2 => status=media/unrecovered-read",
        "read lba=5..10 after=mark within=300us => status=media/unrecovered-read",
    ]);
    assert_eq!(readable(&mut rig), "..........");
    rig.run(1, Sqe::flush(1));
    // A read takes 81 us: the sixth one begins 405 us after the flush.
    assert_eq!(readable(&mut rig), "xx........");
    rig.run(1, Sqe::flush(1));
    rig.read_block(5).expect_err("81 us later");
}

#[test]
fn states_make_a_machine_of_rules() {
    let mut rig = Rig::faulty(&[
        "write lba=1 state=start => expect set=one",
        "write lba=2 state=one => expect set=two",
        "write lba=3 state=one => expect set=start",
        "read state=two => status=media/unrecovered-read",
    ]);
    for lba in [2, 1, 3, 2] {
        rig.write_block(lba, 1, false);
    }
    rig.read_block(0).expect("2, 1, 3, 2 ends where it began");
    rig.write_block(1, 1, false);
    rig.write_block(2, 1, false);
    rig.read_block(0).expect_err("1, 2");
    assert_eq!(rig.controller.faults().state(), "two");
}

#[test]
fn a_histogram_draws_its_delays_by_weight_and_garbage_collection_comes_by_the_clock() {
    let mut rig = Rig::faulty(&["read => delay=histogram(1ms:3,5ms:1)"]);
    let took = |rig: &mut Rig| {
        let begin = rig.now_ns;
        rig.read_block(0).expect("good");
        (rig.now_ns - begin) / 1_000_000
    };
    let delays: Vec<u64> = (0..200).map(|_| took(&mut rig)).collect();
    let long = delays.iter().filter(|ms| **ms == 5).count();
    assert!(delays.iter().all(|ms| [1, 5].contains(ms)), "{delays:?}");
    assert!((30..70).contains(&long), "{long} of 200");
    let mut rig = Rig::faulty(&["read => delay=gc(10ms,1s)"]);
    rig.now_ns = 3_000_000_000;
    assert_eq!(took(&mut rig), 10);
    assert_eq!(took(&mut rig), 0);
    rig.now_ns = 4_009_000_000;
    assert_eq!(took(&mut rig), 1);
}
