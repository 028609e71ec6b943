//! Mounting a filesystem of 1 TiB.

use std::fs::read_to_string;

use guest_fs::{FileSystem, MkfsOptions, MountOptions};
use hal::Platform;
use nvme_model::Config;

use super::{Error, Rc, drive};

/// Blocks of 1 TiB.
const BLOCKS: u64 = 1 << 28;
const VIRTUAL_MS_MAX: f64 = 100.0;
const MEMORY_KIB_MAX: u64 = 16 << 10;

pub(super) fn run() -> Result<bool, Error> {
    let (machine, driver) = drive(BLOCKS, Config::default())?;
    // The heap keeps what mkfs gave back, so only both together can be seen from outside.
    let start_kib = resident_kib()?;
    FileSystem::mkfs(&*driver, &MkfsOptions::default())?;
    let start_ns = machine.now().as_nanos();
    let fs = FileSystem::mount(Rc::clone(&driver), MountOptions::default())?;
    let virtual_ms = (machine.now().as_nanos() - start_ns) as f64 / 1e6;
    let grown_kib = resident_kib()?.saturating_sub(start_kib);
    println!(
        "  mount of 1 TiB: {virtual_ms:.1} ms virtual, {grown_kib} KiB more resident with mkfs and its media  limits: <= {VIRTUAL_MS_MAX:.0} ms, {MEMORY_KIB_MAX} KiB"
    );
    fs.unmount().map_err(|(_, errno)| errno)?;
    Ok(virtual_ms <= VIRTUAL_MS_MAX && grown_kib <= MEMORY_KIB_MAX)
}

fn resident_kib() -> Result<u64, Error> {
    let status = read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("no VmRSS in /proc/self/status")?.parse()?)
}
