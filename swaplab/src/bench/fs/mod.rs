//! `swaplab bench fs`: what the filesystem costs, as a ratio to what is below it, in the same run.

mod creates;
mod dio;
mod kvm;
mod lookup;
mod mounting;

use std::rc::Rc;

use block::BLOCK_BYTES;
use guest_fs::{FileSystem, MkfsOptions, MountOptions};
use nvme_driver::NvmeDriver;
use nvme_model::{Config, Controller, FaultPlan, RamMedia};

use super::BenchResult;
use super::nvme::machine::BenchMachine;

type Error = Box<dyn std::error::Error>;
type Driver = NvmeDriver<Rc<BenchMachine>>;
type Fs = FileSystem<Driver>;

pub(super) fn fs() -> BenchResult {
    let mut is_met = true;
    match vmm::check_host() {
        Ok(()) => is_met &= kvm::run()?,
        Err(error) => println!("under KVM: not measured: {error}"),
    }
    println!("in process, RAM media, one core; processor time unless it says virtual");
    dio::run()?;
    is_met &= creates::run()?;
    is_met &= mounting::run()?;
    is_met &= lookup::run()?;
    Ok(is_met)
}

/// A drive of `blocks` blocks and its driver.
fn drive(blocks: u64, config: Config) -> Result<(Rc<BenchMachine>, Rc<Driver>), Error> {
    let media = RamMedia::new(blocks, BLOCK_BYTES as u32);
    let machine = BenchMachine::new(Controller::new(config, Box::new(media), FaultPlan::none())?);
    let config = nvme_driver::Config { io_depth: 256, ..nvme_driver::Config::default() };
    let driver = NvmeDriver::probe(Rc::clone(&machine), config).map_err(|e| e.to_string())?;
    Ok((machine, Rc::new(driver)))
}

/// An empty filesystem on the drive, mounted.
fn mounted(driver: &Rc<Driver>) -> Result<Fs, Error> {
    FileSystem::mkfs(&**driver, &MkfsOptions::default())?;
    Ok(FileSystem::mount(Rc::clone(driver), MountOptions::default())?)
}
