//! What is measured: our driver, live on a controller with RAM media that takes as little as a controller can.
//!
//! Also a part of the benches and the example of the driver's crate, by path.

use std::rc::Rc;

use block::BLOCK_BYTES;
use nvme_driver::NvmeDriver;
use nvme_model::fault::{FaultPlan, Rule};
use nvme_model::{Config, Controller, Media, MediaError, RamMedia};

use super::machine::BenchMachine;

/// Blocks of the drive (256 MiB): more than any cache holds.
pub(crate) const DISK_BLOCKS: u64 = 64 << 10;

/// A crowd of rules.
pub(crate) const RULES: usize = 10_000;

/// The driver on its machine.
pub(crate) type Driver = NvmeDriver<Rc<BenchMachine>>;

/// A RAM disk of so many blocks, of which every one was written.
pub(crate) fn ram_disk(blocks: u64) -> Result<RamMedia, MediaError> {
    let mut media = RamMedia::new(blocks, BLOCK_BYTES as u32);
    for lba in 0..blocks {
        media.write(lba, &[0x5a; BLOCK_BYTES])?;
    }
    Ok(media)
}

/// Rules about other blocks and other queues than those in use.
pub(crate) fn rules_that_do_not_match() -> Vec<String> {
    let rule = |index: usize| {
        let lba = DISK_BLOCKS + index as u64;
        match index % 3 {
            0 => format!("read lba={lba} => status=media/unrecovered-read"),
            1 => format!("write lba={lba}..{} => delay=1ms", lba + 8),
            _ => format!("io queue={} => drop", 2 + index % 1000),
        }
    };
    (0..RULES).map(rule).collect()
}

/// A rule that does nothing but be logged, at every command.
pub(crate) fn a_rule_that_is_logged() -> Vec<String> {
    vec!["io => expect".to_owned()]
}

/// A driver that is live on a new controller with these rules.
pub(crate) fn driver(rules: &[String]) -> Result<Driver, Box<dyn std::error::Error>> {
    // As fast as memory: no cache in front of it, and as many channels as commands.
    let config = Config { has_volatile_cache: false, channels: 1024, ..Config::default() };
    let rules = rules.iter().map(|rule| rule.parse()).collect::<Result<Vec<Rule>, _>>()?;
    let plan = FaultPlan { seed: 1, rules };
    let controller = Controller::new(config, Box::new(ram_disk(DISK_BLOCKS)?), plan)?;
    let config = nvme_driver::Config {
        io_depth: 256,
        shadow_doorbells: true,
        ..nvme_driver::Config::default()
    };
    let driver = NvmeDriver::probe(BenchMachine::new(controller), config);
    Ok(driver.map_err(|error| error.to_string())?)
}
