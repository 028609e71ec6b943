//! Data goes to media and comes back, and survives a power cut when it was promised to.

use block::{Bio, BlockDevice, Op};

use crate::machine::{Driver, Machine, bytes, pattern, read_back, read_bio, write_bio};

/// Nothing went wrong and nothing had to be recovered: a recovery would hide a mistake of the driver.
fn assert_calm(driver: &Driver) {
    let c = driver.counters();
    assert_eq!((c.retries, c.timeouts, c.resets, c.interrupts_missed), (0, 0, 0, 0));
    assert_eq!((c.stale_cids, c.unknown_cids, c.bad_queue_fields), (0, 0, 0));
}

#[test]
fn every_transfer_size_comes_back_as_it_was_written() {
    for lba_bytes in [512, 4096] {
        let machine = Machine::new(nvme_model::Config::default(), lba_bytes, vec![]);
        let driver = machine.live();
        let geometry = driver.geometry();
        assert_eq!((geometry.size_blocks, geometry.transfer_blocks_max), (1024, 128));
        for count in [1, 2, 3, 16, 127, 128] {
            let bio = write_bio(&driver, 1024 - count as u64, count, count as u8);
            let written = bytes(&bio.pages);
            assert_eq!(driver.execute(bio).result, Ok(()));
            assert!(read_back(&driver, 1024 - count as u64, count) == written, "{count} pages");
        }
        assert_calm(&driver);
    }
}

#[test]
fn many_requests_in_flight_do_not_mix() {
    let machine = Machine::with_rules(vec![]);
    let driver = machine.live();
    let tickets: Vec<_> =
        (0..200).map(|i| driver.submit(write_bio(&driver, i * 5, 3, i as u8)).unwrap()).collect();
    for (i, ticket) in tickets.into_iter().enumerate() {
        let done = driver.wait(ticket);
        assert_eq!((done.result, done.bio.block), (Ok(()), i as u64 * 5));
    }
    let tickets: Vec<_> =
        (0..200).map(|i| driver.submit(read_bio(&driver, i * 5, 3)).unwrap()).collect();
    for (i, ticket) in tickets.into_iter().enumerate().rev() {
        let done = driver.wait(ticket);
        assert!(bytes(&done.bio.pages) == bytes(&pattern(&driver, 3, i as u8)), "request {i}");
    }
    assert_calm(&driver);
}

#[test]
fn a_power_cut_loses_what_was_not_flushed_and_nothing_else() {
    let machine = Machine::with_rules(vec![]);
    let driver = machine.live();
    let flushed = bytes(&pattern(&driver, 1, 1));
    let forced = bytes(&pattern(&driver, 1, 2));
    assert_eq!(driver.execute(write_bio(&driver, 1, 1, 1)).result, Ok(()));
    assert_eq!(driver.execute(Bio::flush()).result, Ok(()));
    let fua = Bio { op: Op::Write { fua: true }, ..write_bio(&driver, 2, 1, 2) };
    assert_eq!(driver.execute(fua).result, Ok(()));
    assert_eq!(driver.execute(write_bio(&driver, 3, 1, 3)).result, Ok(()));
    drop(driver);
    machine.power_cut();
    let driver = machine.live();
    assert!(read_back(&driver, 1, 1) == flushed);
    assert!(read_back(&driver, 2, 1) == forced);
    assert!(read_back(&driver, 3, 1) == [0; 4096]);
}

#[test]
fn an_orderly_shutdown_loses_nothing() {
    let machine = Machine::with_rules(vec![]);
    let driver = machine.live();
    let written = bytes(&pattern(&driver, 1, 9));
    assert_eq!(driver.execute(write_bio(&driver, 3, 1, 9)).result, Ok(()));
    assert_eq!(driver.shut_down(), Ok(()));
    drop(driver);
    machine.power_cut();
    assert!(read_back(&machine.live(), 3, 1) == written);
}

#[test]
fn zeroed_and_discarded_blocks_read_as_zeros_and_their_neighbours_stay() {
    for op in [Op::WriteZeroes { blocks: 300 }, Op::Discard { blocks: 300 }] {
        let machine = Machine::with_rules(vec![]);
        let driver = machine.live();
        let blocks = [99, 100, 399, 400];
        for block in blocks {
            assert_eq!(driver.execute(write_bio(&driver, block, 1, 5)).result, Ok(()));
        }
        assert_eq!(driver.execute(Bio { op, block: 100, pages: vec![] }).result, Ok(()));
        let is_zero = blocks.map(|block| read_back(&driver, block, 1) == [0; 4096]);
        assert_eq!(is_zero, [false, true, true, false]);
    }
}

#[test]
fn a_driver_may_come_after_another_one() {
    let machine = Machine::with_rules(vec![]);
    let first = machine.live();
    assert_eq!(first.execute(write_bio(&first, 0, 1, 1)).result, Ok(()));
    let written = bytes(&pattern(&first, 1, 1));
    // The controller is enabled and has queues: the second probe takes it over by a reset.
    let second = machine.live();
    assert!(read_back(&second, 0, 1) == written);
    assert_eq!(second.counters().stale_cids + second.counters().unknown_cids, 0);
}

#[test]
fn a_polled_queue_needs_no_interrupt_and_loses_no_time() {
    let machine = Machine::with_rules(vec![]);
    let config = nvme_driver::Config {
        completion: nvme_driver::Completion::Polled,
        ..nvme_driver::Config::default()
    };
    let driver = nvme_driver::NvmeDriver::probe(std::rc::Rc::clone(&machine), config).unwrap();
    let start_ns = machine.now_ns();
    let tickets: Vec<_> =
        (0..50).map(|i| driver.submit(write_bio(&driver, i, 1, i as u8)).unwrap()).collect();
    for ticket in tickets {
        assert_eq!(driver.wait(ticket).result, Ok(()));
    }
    // 50 writes of 21 us on 8 channels.
    assert!(machine.now_ns() - start_ns < 1_000_000, "{} ns", machine.now_ns() - start_ns);
    for i in 0..50 {
        assert!(read_back(&driver, i, 1) == bytes(&pattern(&driver, 1, i as u8)));
    }
    assert_calm(&driver);
    assert_eq!(machine.interrupts_of(1), 0, "the I/O queue has a vector");
}
