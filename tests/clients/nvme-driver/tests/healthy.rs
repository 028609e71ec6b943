//! The outside driver on a healthy controller: everything it can do works.

use client_nvme_driver::{Client, Interrupts, Machine};
use nvme_model::Event;
use rdif_block::BlkError;

const PAGE: usize = 4096;

/// Bytes that tell place and seed apart.
fn pattern(bytes: usize, seed: u64) -> Vec<u8> {
    (0..bytes as u64).map(|at| ((at * 31) ^ (at >> 12) ^ (seed * 7)) as u8).collect()
}

#[test]
fn it_finds_the_namespace_and_creates_every_queue_that_it_asks_for() {
    for lba_bytes in [512, 4096] {
        for queues in [1, 4, 16] {
            let machine = Machine::new(lba_bytes, &[]);
            let client = Client::start(&machine, Interrupts::MsiX { queues }).unwrap();
            assert_eq!(client.queue_count(), usize::from(queues));
            let blocks = (16 << 20) / u64::from(lba_bytes);
            assert_eq!(client.geometry(), (blocks, lba_bytes as usize));
            // MDTS is 512 KiB, and the driver has one list page.
            assert_eq!(client.limits(), ((512 << 10) / lba_bytes, 63));
        }
    }
}

#[test]
fn it_creates_what_the_controller_grants_and_then_misses_the_rest() {
    let machine = Machine::new(4096, &[]);
    let refusal = Client::start(&machine, Interrupts::MsiX { queues: 40 }).unwrap_err();
    assert_eq!(refusal, BlkError::NotSupported);
    let is_create = |event: &Event| matches!(event, Event::Fetch { opcode: 0x01 | 0x05, .. });
    assert_eq!(machine.events().iter().filter(|event| is_create(event)).count(), 2 * 16);
}

#[test]
fn what_it_wrote_comes_back_whatever_the_size() {
    for lba_bytes in [512, 4096] {
        let machine = Machine::new(lba_bytes, &[]);
        let mut client = Client::start(&machine, Interrupts::MsiX { queues: 1 }).unwrap();
        let lba = lba_bytes as usize;
        // One block, a page, two pages (PRP2), a list of two, an odd list, the largest transfer.
        for bytes in [lba, PAGE, 2 * PAGE, 3 * PAGE, 3 * PAGE + lba, 127 * PAGE, 128 * PAGE] {
            let slba = (1 << 20) / u64::from(lba_bytes) + 3;
            let written = pattern(bytes, bytes as u64);
            let request = client.write(slba, &written);
            assert_eq!(client.execute(0, request).unwrap().result, Ok(()));
            let request = client.read(slba, bytes / lba);
            let done = client.execute(0, request).unwrap();
            assert_eq!(done.result, Ok(()));
            assert!(done.data == written, "{bytes} bytes in blocks of {lba}");
        }
    }
}

#[test]
fn several_queues_work_at_the_same_time_and_do_not_mix() {
    let machine = Machine::new(512, &[]);
    let mut client = Client::start(&machine, Interrupts::MsiX { queues: 4 }).unwrap();
    let lba_of = |queue: u64, i: u64| queue * 4096 + i * 24;
    let mut ids = Vec::new();
    for queue in 0..4 {
        let write = |i| client.write(lba_of(queue, i), &pattern(5 * 512, queue * 100 + i));
        let requests = (0..63).map(write).collect();
        ids.push(client.submit(queue as usize, requests));
    }
    for (queue, ids) in ids.into_iter().enumerate().rev() {
        for id in ids {
            assert_eq!(client.wait(queue, id).unwrap().result, Ok(()));
        }
    }
    for queue in 0..4_u64 {
        for i in (0..63).step_by(7) {
            // Read through another queue than it was written through.
            let request = client.read(lba_of(queue, i), 5);
            let done = client.execute((queue as usize + 1) % 4, request).unwrap();
            assert!(done.data == pattern(5 * 512, queue * 100 + i), "queue {queue}, {i}");
        }
    }
}

#[test]
fn the_rings_wrap_many_times() {
    let machine = Machine::new(4096, &[]);
    let mut client = Client::start(&machine, Interrupts::MsiX { queues: 2 }).unwrap();
    for round in 0..30_u64 {
        let requests = (0..17).map(|i| client.write(i * 3, &pattern(PAGE, round + i))).collect();
        let queue = (round % 2) as usize;
        for id in client.submit(queue, requests) {
            assert_eq!(client.wait(queue, id).unwrap().result, Ok(()));
        }
    }
    for i in 0..17 {
        let request = client.read(i * 3, 1);
        assert!(client.execute(0, request).unwrap().data == pattern(PAGE, 29 + i));
    }
}

#[test]
fn what_was_flushed_survives_a_power_cut_and_the_rest_need_not() {
    let machine = Machine::new(4096, &[]);
    let mut client = Client::start(&machine, Interrupts::MsiX { queues: 1 }).unwrap();
    let (flushed, cached) = (pattern(PAGE, 1), pattern(PAGE, 2));
    let request = client.write(7, &flushed);
    client.execute(0, request).unwrap().result.unwrap();
    client.execute(0, Client::flush()).unwrap().result.unwrap();
    let request = client.write(8, &cached);
    client.execute(0, request).unwrap().result.unwrap();
    drop(client);
    machine.power_cut();
    assert!(machine.on_media(7, PAGE) == flushed);
    assert!(machine.on_media(8, PAGE) == [0; PAGE]);
}

#[test]
fn the_pin_serves_admin_and_io_alike() {
    let machine = Machine::new(512, &[]);
    let mut client = Client::start(&machine, Interrupts::IntX).unwrap();
    assert_eq!(client.queue_count(), 1);
    for i in 0..100 {
        let written = pattern(1024, i);
        let request = client.write(i * 2, &written);
        assert_eq!(client.execute(0, request).unwrap().result, Ok(()));
        let request = client.read(i * 2, 2);
        assert!(client.execute(0, request).unwrap().data == written, "request {i}");
    }
    let masks = machine.events().into_iter().filter(|event| {
        matches!(event, Event::RegisterWrite { offset: 0x0c | 0x10, value: Some(1) })
    });
    assert!(masks.count() > 400, "masked and unmasked around every interrupt");
}

#[test]
fn it_stops_the_controller_and_may_start_again() {
    let machine = Machine::new(4096, &[]);
    let mut client = Client::start(&machine, Interrupts::MsiX { queues: 3 }).unwrap();
    let written = pattern(PAGE, 9);
    let request = client.write(5, &written);
    client.execute(2, request).unwrap().result.unwrap();
    client.shut_down().unwrap();
    let mut client = Client::start(&machine, Interrupts::MsiX { queues: 1 }).unwrap();
    let request = client.read(5, 1);
    assert!(client.execute(0, request).unwrap().data == written);
}
