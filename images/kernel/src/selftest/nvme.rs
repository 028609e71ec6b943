//! The conformance test of the NVMe controller. It prints, and leaves the judgement to whoever reads.

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
