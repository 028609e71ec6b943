//! The drive's owner changes namespaces while the driver uses one.

use block::{Bio, BlockDevice, BlockError};
use nvme_driver::Error;
use nvme_model::media::RamMedia;
use nvme_model::{Controller, Event, Media};

use crate::machine::{Driver, Machine};

fn resize(machine: &Machine, blocks: u64) {
    machine.as_owner(|controller, now_ns, events| {
        let make = |old: &dyn Media| Ok(old.resized(blocks));
        controller.resize_namespace(now_ns, 1, make, events).unwrap();
    });
}

fn add(controller: &mut Controller, now_ns: u64, events: &mut Vec<(u64, Event)>) {
    controller.add_namespace(now_ns, 2, Box::new(RamMedia::new(64, 512)), events).unwrap();
}

/// Enough requests for the driver to hear of it, to read the list and to look again; how the last one went.
fn go_on(driver: &Driver) -> Result<(), BlockError> {
    let results = [(); 6].map(|()| driver.execute(Bio::flush()).result);
    results[5]
}

#[test]
fn a_namespace_that_grows_is_noticed_and_keeps_what_was_promised_through_a_reset() {
    let machine = Machine::with_rules(vec!["flush nth=8 => cfs count=1".parse().unwrap()]);
    let driver = machine.live();
    let promised = driver.geometry();
    resize(&machine, 5000);
    assert_eq!(go_on(&driver), Ok(()));
    let events = machine.driver_events();
    assert!(events.contains("async-event") && events.contains("rescan"), "{events}");
    assert_eq!(go_on(&driver), Ok(()));
    assert_eq!((driver.counters().resets, driver.failure()), (1, None));
    assert_eq!(driver.geometry(), promised);
    // What changes next is heard as well.
    resize(&machine, 5001);
    assert_eq!(go_on(&driver), Ok(()));
    assert_eq!(machine.driver_events().matches("rescan").count(), 2);
}

#[test]
fn a_namespace_that_shrinks_or_goes_ends_the_device() {
    let machine = Machine::with_rules(Vec::new());
    let driver = machine.live();
    resize(&machine, 1000);
    assert_eq!(go_on(&driver), Err(BlockError::Gone));
    assert_eq!(driver.failure(), Some(Error::Changed));

    let machine = Machine::with_rules(Vec::new());
    let driver = machine.live();
    machine.as_owner(|controller, now_ns, events| {
        controller.remove_namespace(now_ns, 1, events).unwrap();
    });
    assert_eq!(go_on(&driver), Err(BlockError::Gone));
    assert_eq!(driver.failure(), Some(Error::NoNamespace { nsid: 1 }));
}

#[test]
fn what_becomes_of_other_namespaces_is_none_of_its_business() {
    let machine = Machine::with_rules(Vec::new());
    let driver = machine.live();
    machine.as_owner(add);
    assert_eq!(go_on(&driver), Ok(()));
    let events = machine.driver_events();
    assert!(events.contains("async-event") && !events.contains("rescan"), "{events}");
    assert_eq!(driver.failure(), None);
}

#[test]
fn a_change_that_comes_while_the_driver_reads_another_log_is_not_forgotten() {
    let rules = ["flush nth=1 => aen=smart/reliability", "get-log-page nth=1 => delay=1ms"];
    let machine = Machine::with_rules(rules.map(|rule| rule.parse().unwrap()).into());
    let driver = machine.live();
    assert_eq!(driver.execute(Bio::flush()).result, Ok(()));
    resize(&machine, 2000);
    assert_eq!(driver.execute(Bio::flush()).result, Ok(()));
    assert_eq!(driver.counters().events, 2, "both came before the first log was read");
    // Time goes by until the answer is there.
    for _ in 0..40 {
        assert_eq!(driver.execute(Bio::flush()).result, Ok(()));
    }
    let events = machine.driver_events();
    assert!(events.contains("rescan"), "{events}");
}
