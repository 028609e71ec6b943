//! Ten thousand files, each made and synced: one by one, and in groups whose first fsync commits for all.

use hal::Platform;
use nvme_model::Config;

use super::{Error, drive, mounted};
use crate::bench::nvme::load::cpu_ns;

const FILES: u64 = 10_000;
/// Blocks of the drive: 1 GiB.
const DRIVE_BLOCKS: u64 = 1 << 18;
/// Files made before the first of them is synced.
const GROUP: u64 = 32;
/// At least so much faster (virtual time) than one by one.
const GAIN_MIN: f64 = 2.0;

pub(super) fn run() -> Result<bool, Error> {
    let alone_us = files(1)?;
    let grouped_us = files(GROUP)?;
    let gain = alone_us / grouped_us;
    println!("  group commit gains {gain:.1} times (virtual time)  limit: >= {GAIN_MIN:.1}");
    Ok(gain >= GAIN_MIN)
}

/// Virtual microseconds a file.
fn files(group: u64) -> Result<f64, Error> {
    let (machine, driver) = drive(DRIVE_BLOCKS, Config::default())?;
    let fs = mounted(&driver)?;
    let (start_ns, start) = (machine.now().as_nanos(), cpu_ns());
    let mut number = 0;
    while number < FILES {
        let mut made = Vec::new();
        for _ in 0..group.min(FILES - number) {
            made.push(fs.create(format!("file-{number}"))?);
            number += 1;
        }
        for ino in made {
            fs.fsync(ino)?;
        }
    }
    let virtual_us = (machine.now().as_nanos() - start_ns) as f64 / 1e3 / FILES as f64;
    let cpu_us = (cpu_ns() - start) / 1e3 / FILES as f64;
    println!(
        "  {FILES} creates and fsyncs, {group:>2} at a time: {virtual_us:>7.1} us virtual and {cpu_us:>5.1} us a file"
    );
    fs.unmount().map_err(|(_, errno)| errno)?;
    Ok(virtual_us)
}
