//! Shadow doorbells between the real driver and the real model.

use std::rc::Rc;

use block::BlockDevice;
use nvme_driver::{Config, NvmeDriver};
use nvme_model::Event;

use crate::machine::{Driver, Machine, read_back, write_bio};

fn driver(machine: &Rc<Machine>) -> Driver {
    let config = Config { shadow_doorbells: true, ..Config::default() };
    NvmeDriver::probe(Rc::clone(machine), config).unwrap()
}

#[test]
fn what_is_written_with_shadow_doorbells_is_read_back_over_many_laps_and_a_reset() {
    let machine = Machine::with_rules(vec!["io nth=150 => hang".parse().unwrap()]);
    let driver = driver(&machine);
    assert!(machine.controller(|controller| controller.has_shadow_doorbells()));
    for round in 0..200_u64 {
        let done = driver.execute(write_bio(&driver, round, 1, round as u8));
        assert_eq!(done.result, Ok(()), "{round}");
        assert_eq!(read_back(&driver, round, 1).len(), 4096);
    }
    machine.assert_all_rules_fired();
}

#[test]
fn a_controller_that_polls_needs_no_register_write_and_one_that_sleeps_hears_a_kick() {
    let machine = Machine::with_rules(Vec::new());
    let driver = driver(&machine);
    machine.set_polled(true);
    let before = machine.register_writes();
    let ticket = driver.submit(write_bio(&driver, 1, 1, 7)).unwrap();
    assert_eq!(machine.register_writes(), before);
    assert!(driver.try_take(ticket).is_none(), "nobody has looked");
    machine.look();
    assert_eq!(driver.wait(ticket).result, Ok(()));
    assert_eq!(machine.register_writes(), before, "nor for the completion queue");
    let ticket = driver.submit(write_bio(&driver, 2, 1, 7)).unwrap();
    driver.kick();
    assert_eq!(machine.register_writes(), before + 1);
    assert_eq!(driver.wait(ticket).result, Ok(()));
}

#[test]
fn shadow_doorbells_change_no_result_in_the_lab_clock() {
    let run = |shadow_doorbells: bool| {
        let machine = Machine::with_rules(Vec::new());
        let config = Config { shadow_doorbells, ..Config::default() };
        let driver: Driver = NvmeDriver::probe(Rc::clone(&machine), config).unwrap();
        machine.forget_events();
        let start = machine.now_ns();
        for block in 0..50 {
            assert_eq!(driver.execute(write_bio(&driver, block, 1, 3)).result, Ok(()));
        }
        (machine.device_events(), machine.now_ns() - start)
    };
    let ((plain, plain_ns), (shadow, shadow_ns)) = (run(false), run(true));
    let kinds =
        |events: &[Event]| -> Vec<_> { events.iter().map(std::mem::discriminant).collect() };
    assert_eq!(kinds(&plain), kinds(&shadow));
    assert_eq!(plain_ns, shadow_ns);
}
