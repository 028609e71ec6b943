//! The outside driver on a faulty controller: a fault of the model is seen by somebody else's eyes as
//! what it is meant to be.

use client_nvme_driver::{Client, Interrupts, Machine};
use rdif_block::BlkError;

const PAGE: usize = 4096;
const ONE_QUEUE: Interrupts = Interrupts::MsiX { queues: 1 };
const SECOND_NS: u64 = 1_000_000_000;

/// Starts and writes block `i` full of `i`, for 10 blocks.
fn prepared(machine: &Machine) -> Client<'_> {
    let mut client = Client::start(machine, ONE_QUEUE).unwrap();
    for i in 0..10 {
        let request = client.write(i, &[i as u8; PAGE]);
        assert_eq!(client.execute(0, request).unwrap().result, Ok(()));
    }
    client
}

#[test]
fn an_error_status_comes_back_as_an_error_of_that_request_alone() {
    for status in ["media/unrecovered-read dnr", "generic/internal-error", "7/c1"] {
        let rule = format!("read lba=4 => status={status} count=1");
        let machine = Machine::new(4096, &[&rule]);
        let mut client = prepared(&machine);
        let reads = (0..10).map(|i| client.read(i, 1)).collect();
        let ids = client.submit(0, reads);
        for (i, id) in ids.into_iter().enumerate() {
            let done = client.wait(0, id).unwrap();
            let expected = if i == 4 { Err(BlkError::Io) } else { Ok(()) };
            assert_eq!(done.result, expected, "request {i}, {status}");
            assert!(i == 4 || done.data == [i as u8; PAGE]);
        }
        machine.assert_all_rules_fired();
    }
}

#[test]
fn a_duplicate_completion_is_fatal_to_the_queue() {
    let machine = Machine::new(4096, &["read nth=1 => duplicate"]);
    let mut client = prepared(&machine);
    let request = client.read(1, 1);
    assert_eq!(client.execute(0, request).unwrap_err(), BlkError::Io);
    machine.assert_all_rules_fired();
}

#[test]
fn a_completion_for_nobody_is_fatal_to_the_queue() {
    // One that names no slot, and one whose slot is free.
    for rule in ["read nth=1 => wrong-cid=0xfff0", "read nth=1 => wrong-cid=9"] {
        let machine = Machine::new(4096, &[rule]);
        let mut client = prepared(&machine);
        let request = client.read(1, 1);
        assert_eq!(client.execute(0, request).unwrap_err(), BlkError::Io, "{rule}");
        machine.assert_all_rules_fired();
    }
}

#[test]
fn a_lost_interrupt_leaves_a_completion_that_nobody_was_told_of() {
    let machine = Machine::new(4096, &["read nth=1 => lost-interrupt"]);
    let mut client = prepared(&machine);
    let request = client.read(1, 1);
    assert_eq!(client.execute(0, request).unwrap_err(), BlkError::TimedOut);
    assert_eq!(client.poll(0), Ok(1));
    machine.assert_all_rules_fired();
}

#[test]
fn a_dropped_and_a_hanging_command_never_end() {
    for rule in ["read nth=1 => drop", "read nth=1 => hang"] {
        let machine = Machine::new(4096, &[rule]);
        let mut client = prepared(&machine);
        let request = client.read(1, 1);
        assert_eq!(client.execute(0, request).unwrap_err(), BlkError::TimedOut, "{rule}");
        assert_eq!(client.poll(0), Ok(0));
        machine.assert_all_rules_fired();
    }
}

#[test]
fn an_inverted_phase_hides_a_completion_for_ever() {
    let machine = Machine::new(4096, &["read nth=1 => wrong-phase=inverted"]);
    let mut client = prepared(&machine);
    let request = client.read(1, 1);
    assert_eq!(client.execute(0, request).unwrap_err(), BlkError::TimedOut);
    assert_eq!(client.poll(0), Ok(0));
    machine.assert_all_rules_fired();
}

#[test]
fn wrong_data_is_success_to_the_driver_and_wrong_to_the_caller() {
    for (rule, block, expected) in [
        ("read nth=1 => corrupt=5^0x80", 1, [1, 0x81]),
        ("write lba=3 nth=2 => lost-write", 3, [3, 3]),
        ("write lba=3 nth=2 => misdirect=8", 8, [77, 77]),
    ] {
        let machine = Machine::new(4096, &[rule]);
        let mut client = prepared(&machine);
        let request = client.write(3, &[77; PAGE]);
        assert_eq!(client.execute(0, request).unwrap().result, Ok(()));
        let request = client.read(block, 1);
        let done = client.execute(0, request).unwrap();
        assert_eq!((done.result, [done.data[0], done.data[5]]), (Ok(()), expected), "{rule}");
        machine.assert_all_rules_fired();
    }
}

#[test]
fn each_command_of_its_set_up_may_fail_or_never_end() {
    // Identify, Set Features, two queues, the namespace list, the namespace.
    for nth in 1..=6 {
        let failing = format!("admin nth={nth} => status=generic/internal-error");
        let machine = Machine::new(4096, &[&failing]);
        assert_eq!(Client::start(&machine, ONE_QUEUE).unwrap_err(), BlkError::Io, "{failing}");
        machine.assert_all_rules_fired();
        drop(machine);
        let silent = format!("admin nth={nth} => hang");
        let machine = Machine::new(4096, &[&silent]);
        assert_eq!(Client::start(&machine, ONE_QUEUE).unwrap_err(), BlkError::TimedOut, "{silent}");
        machine.assert_all_rules_fired();
    }
}

#[test]
fn a_fatal_status_while_enabling_is_an_error_at_once() {
    let machine = Machine::new(4096, &["enable => cfs"]);
    assert_eq!(Client::start(&machine, ONE_QUEUE).unwrap_err(), BlkError::Io);
    assert!(machine.now_ns() < SECOND_NS);
    machine.assert_all_rules_fired();
}

#[test]
fn ready_that_comes_late_is_waited_for() {
    let machine = Machine::new(4096, &["enable => rdy-delay=3s"]);
    Client::start(&machine, ONE_QUEUE).unwrap();
    assert!((3 * SECOND_NS..4 * SECOND_NS).contains(&machine.now_ns()));
}

#[test]
fn a_stuck_pin_does_no_harm_to_a_driver_that_looks_at_its_queue() {
    let machine = Machine::new(4096, &["read nth=1 => stuck-pin"]);
    let mut client = Client::start(&machine, Interrupts::IntX).unwrap();
    assert!(!machine.is_pin_asserted());
    for i in 0..10 {
        let request = client.write(i, &[i as u8; PAGE]);
        assert_eq!(client.execute(0, request).unwrap().result, Ok(()));
        let request = client.read(i, 1);
        assert_eq!(client.execute(0, request).unwrap().data, [i as u8; PAGE]);
        assert!(machine.is_pin_asserted(), "nothing is left to take, and it stays");
    }
    machine.assert_all_rules_fired();
}
