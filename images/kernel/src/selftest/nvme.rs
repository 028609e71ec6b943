//! The conformance test of the NVMe controller, and the watch of its namespaces. They print, and leave the judgement to
//! whoever reads.

use machine::ports;

use crate::console::println;
use crate::system::System;

/// Runs every check on the first controller.
pub(super) fn run(system: &mut System) -> u32 {
    let Some(platform) = system.nvme() else {
        println!("no NVMe controller");
        return ports::EXIT_NO_DEVICE;
    };
    match conformance::run(&platform, |line| println!("{line}")) {
        Ok(summary) => {
            println!("{summary}");
            ports::EXIT_OK
        }
        Err(error) => {
            println!("the NVMe controller cannot be used: {error}");
            ports::EXIT_NO_DEVICE
        }
    }
}

/// Watches the namespaces of the first controller until there are none.
pub(super) fn watch_namespaces(system: &mut System) -> u32 {
    let Some(platform) = system.nvme() else {
        println!("no NVMe controller");
        return ports::EXIT_NO_DEVICE;
    };
    match conformance::watch_namespaces(&platform, |line| println!("{line}")) {
        Ok(()) => ports::EXIT_OK,
        Err(error) => {
            println!("the NVMe controller cannot be used: {error}");
            ports::EXIT_NO_DEVICE
        }
    }
}
