//! From a command line to a played scenario.

use alloc::rc::Rc;
use core::fmt;
use core::time::Duration;

use hal::{DmaBuf, Platform, UserMemory};
use nvme_driver::NvmeDriver;
use remote::{Client, ClientConfig, RemoteFs};
use swap_path::PathKind;
use tasks::{DriveAndServer, Idle, Switch, TaskHandle, TaskPlatform, Tasks};

use crate::events::{Event, Step};
use crate::play;
use crate::spec::{SpecError, UnitSpec};

/// Why a program could not be played at all. What goes wrong inside of a scenario is not an error: it
/// is in the trace.
#[derive(Debug)]
pub enum LabError {
    /// The command line is not a unit.
    Spec(SpecError),
    /// There is no usable controller.
    Probe(nvme_driver::Error),
    /// There is no usable file server.
    Remote(Option<remote::Error>),
    /// The engine has no room for the workload.
    AddressSpace {
        /// Pages wanted.
        pages: u64,
        /// Pages there are.
        pages_max: u64,
    },
}

impl fmt::Display for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spec(error) => write!(f, "command line: {error}"),
            Self::Probe(error) => write!(f, "nvme: {error}"),
            Self::Remote(None) => f.write_str("path=net: this machine has no file server"),
            Self::Remote(Some(error)) => write!(f, "file server: {error}"),
            Self::AddressSpace { pages, pages_max } => {
                write!(f, "pages={pages}: this engine has an address space of {pages_max} pages")
            }
        }
    }
}

impl core::error::Error for LabError {}

/// The longest in virtual time that nobody may get on with its job (Linux `hung_task_timeout_secs`).
const PROGRESS_BOUND: Duration = Duration::from_secs(120);

/// Plays the unit that `command_line` describes on this machine; `switch` has stacks for its tasks. `remote` is
/// where the file server's device is, if there is one: a unit whose path is `net` needs it.
///
/// # Errors
/// [`LabError`] when it cannot even begin.
pub fn run<P, R, U>(
    platform: P,
    remote: Option<R>,
    user: Rc<U>,
    switch: Rc<dyn Switch>,
    command_line: &str,
) -> Result<(), LabError>
where
    P: Platform + 'static,
    R: Platform + 'static,
    U: UserMemory + 'static,
{
    let spec: UnitSpec = command_line.parse().map_err(LabError::Spec)?;
    if spec.pages > user.size_pages() {
        let (pages, pages_max) = (spec.pages, user.size_pages());
        return Err(LabError::AddressSpace { pages, pages_max });
    }
    let tracer = platform.tracer().clone();
    let drive = Rc::new(platform);
    let server = remote.filter(|_| spec.path == PathKind::Net).map(Rc::new);
    let idle: Rc<dyn Idle> = match &server {
        Some(server) => {
            Rc::new(DriveAndServer { drive: Rc::clone(&drive), server: Rc::clone(server) })
        }
        None => Rc::clone(&drive) as _,
    };
    let tasks = Tasks::new(switch, idle, tracer.clone(), spec.seed, PROGRESS_BOUND);
    let platform = TaskPlatform::drive(drive, Rc::clone(&tasks));
    tracer.emit(Event::StepBegin { step: Step::Probe });
    let device = Rc::new(
        NvmeDriver::probe(platform, nvme_driver::Config::default()).map_err(LabError::Probe)?,
    );
    tracer.emit(Event::StepEnd { step: Step::Probe, result: Ok(()), count: 1 });
    let remote = match spec.path {
        PathKind::Net => Some(find_server::<_, P::Dma>(server, &tasks)?),
        _ => None,
    };
    play::play(&spec, device, remote, user, tasks);
    Ok(())
}

/// The client of this machine's file server. It connects when it is mounted.
fn find_server<R, D>(
    platform: Option<Rc<R>>,
    tasks: &Rc<Tasks>,
) -> Result<Rc<dyn RemoteFs<D>>, LabError>
where
    R: Platform + 'static,
    D: DmaBuf + 'static,
{
    let tracer = tasks.tracer();
    tracer.emit(Event::StepBegin { step: Step::ProbeServer });
    let server = platform.ok_or(LabError::Remote(None))?;
    let platform = TaskPlatform::server(server, Rc::clone(tasks));
    let handle = TaskHandle::new(Rc::clone(tasks));
    let client = Client::new(platform, handle, ClientConfig::default());
    let client = client.map_err(|error| LabError::Remote(Some(error)))?;
    tracer.emit(Event::StepEnd { step: Step::ProbeServer, result: Ok(()), count: 1 });
    Ok(Rc::new(client))
}
