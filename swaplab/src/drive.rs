//! The faulty drive that a command plugs in: its content, its faults, and what is said of it at the end.

use std::path::{Path, PathBuf};

use campaign::control::DriveControl;
use campaign::disk_image::{self, DiskUser};
use clap::Args;
use nvme_model::fault::Rule;
use nvme_model::media::FileAccess;
use nvme_model::{Config, Controller, FaultPlan, Media, RamMedia};
use vmm::Control;

use crate::exit::Exit;
use crate::fault::read_plan;

#[derive(Debug, Args)]
pub(crate) struct Drive {
    /// The drive's content: a raw or qcow2 file, written through the controller (RAM if none is named)
    #[arg(long, value_name = "FILE")]
    disk: Option<PathBuf>,

    /// Read and write a raw image past the host's page cache (O_DIRECT)
    #[arg(long, requires = "disk")]
    direct: bool,

    /// The size of a drive in RAM, in MiB; only what is written takes memory
    #[arg(long, default_value_t = 256, value_name = "MIB", conflicts_with = "disk")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=SIZE_MIB_MAX))]
    size: u64,

    /// One more namespace, in RAM, of so many MiB (may be repeated; the first of them is namespace 2)
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=SIZE_MIB_MAX))]
    namespace: Vec<u64>,

    /// Capacity, in MiB, of which the guest can make namespaces of its own
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(..=SIZE_MIB_MAX))]
    unallocated: Option<u64>,

    /// What the controller is like: its limits, identity, atomicity, speed, and what a power cut leaves
    /// of its cache (TOML; docs/controller.toml has every field)
    #[arg(long, value_name = "FILE")]
    controller: Option<PathBuf>,

    /// Arm a fault, such as 'read lba=0x10..0x20 nth=3 => status=media/unrecovered-read dnr'
    /// (may be repeated)
    #[arg(long, value_name = "RULE")]
    fault: Vec<Rule>,

    /// Arm the faults of a plan, in TOML (before those of --fault)
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,

    /// Listen at this socket for `swaplab fault` and `swaplab namespace`
    #[arg(long, value_name = "SOCKET")]
    control: Option<PathBuf>,
}

/// 64 TiB: as much as a file of a filesystem may have.
pub(crate) const SIZE_MIB_MAX: u64 = 64 << 20;

impl Drive {
    /// The controller with its media and its faults, which notes what its driver does wrong.
    pub(crate) fn controller(&self, user: DiskUser) -> Result<Controller, Exit> {
        let media: Box<dyn Media> = match &self.disk {
            Some(path) => {
                let access = if self.direct { FileAccess::Direct } else { FileAccess::Cached };
                let media = disk_image::open(path, user, access);
                Box::new(media.map_err(|error| Exit::Usage.with(&error))?)
            }
            None => in_ram(self.size, user),
        };
        let others = self.namespace.iter().map(|mib| in_ram(*mib, user));
        let media = (1..).zip(std::iter::once(media).chain(others)).collect();
        let mut controller = Controller::with_namespaces(self.config()?, media, self.plan()?)
            .map_err(|error| Exit::Usage.with(&error))?;
        controller.findings_mut().watch_pages();
        Ok(controller)
    }

    /// Where it takes orders while it runs.
    pub(crate) fn control(&self) -> Option<Control> {
        self.control.clone().map(|path| Control { path, hook: Box::new(DriveControl) })
    }

    fn config(&self) -> Result<Config, Exit> {
        let config = match &self.controller {
            Some(file) => read_config(file)?,
            None => Config::default(),
        };
        let unallocated_bytes = self.unallocated.map_or(config.unallocated_bytes, |mib| mib << 20);
        Ok(Config { unallocated_bytes, ..config })
    }

    fn plan(&self) -> Result<FaultPlan, Exit> {
        let mut plan = match &self.faults {
            Some(file) => read_plan(file)?,
            None => FaultPlan::none(),
        };
        plan.rules.extend(self.fault.iter().cloned());
        plan.check().map_err(|error| Exit::Usage.with(&error))?;
        Ok(plan)
    }
}

fn read_config(file: &Path) -> Result<Config, Exit> {
    let name = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Exit::Usage.with(&format!("{name}: {error}")))?;
    Config::from_toml(&text).map_err(|error| Exit::Usage.with(&format!("{name}:{error}")))
}

fn in_ram(mib: u64, user: DiskUser) -> Box<dyn Media> {
    let lba_bytes = user.lba_bytes();
    Box::new(RamMedia::new((mib << 20) / u64::from(lba_bytes), lba_bytes))
}

/// Says what the faults came to, and what the driver did wrong. Gives the program's exit if the host's storage failed: then
/// all of it means nothing.
pub(crate) fn report(controller: &Controller) -> Option<Exit> {
    for (rule, counts) in controller.faults().counts() {
        println!("fault: {rule}: matched {}, fired {}", counts.armed, counts.fired);
        if counts.fired < counts.planned {
            println!("fault: NOT EXERCISED: planned {}", counts.planned);
        }
    }
    for (rule, counts) in controller.faults().violations() {
        println!("fault: VIOLATED {} times: {rule}", counts.fired);
    }
    for (kind, count) in controller.findings().counts() {
        println!("driver finding: {kind}: {count}");
    }
    for finding in controller.findings().last() {
        log::info!("driver finding: {finding}");
    }
    let void = |error| {
        Exit::Infrastructure
            .with(&format!("the storage of this machine failed, which the guest saw, too: {error}"))
    };
    controller.host_failure().map(void)
}
