//! The mail's scenario: the filesystem shuts down under an active swap file.
//!
//! The workload's memory is four times what it may keep resident, so every pass over it really faults
//! and really reclaims. No step is skipped because an earlier one failed: what a step gives on a broken
//! system is what the scenario is about.

use alloc::rc::Rc;

use block::BlockDevice;
use guest_fs::{FileSystem, FsKnobs, ShutdownKind};
use hal::{Tracer, UserMemory};
use iomap::Errno;
use swap_path::{AreaId, Mm, swapon};

use crate::events::{Event, Step};
use crate::prepare::{self, SWAP_FILE};
use crate::spec::{Stage, UnitSpec};
use crate::steps::step;
use crate::workload::Workload;

/// Plays one stage.
pub(crate) fn play<D, U>(spec: &UnitSpec, device: &Rc<D>, user: Rc<U>)
where
    D: BlockDevice + 'static,
    U: UserMemory + 'static,
{
    // An errno that ends the scenario early is in the trace already, at the step that gave it.
    let _ = match spec.stage {
        Stage::Live => live(spec, device, user),
        Stage::After => after(device),
    };
}

fn live<D, U>(spec: &UnitSpec, device: &Rc<D>, user: Rc<U>) -> Result<(), Errno>
where
    D: BlockDevice + 'static,
    U: UserMemory + 'static,
{
    let tracer = device.tracer();
    let fs = prepare::filesystem(spec, device)?;
    let ino = step(tracer, Step::MakeSwapFile, || prepare::swap_file(spec, &fs, device))?;
    let mut mm = prepare::address_space(spec, device, user)?;
    let area = step(tracer, Step::SwapOn, || {
        let host = Rc::new(fs.clone());
        let area = swapon(&host, device, ino, spec.path).map_err(|error| error.errno())?;
        for extent in area.extents() {
            tracer.emit(Event::from(extent));
        }
        let slots = u64::from(area.size_pages());
        Ok((mm.add_area(area), slots))
    })?;
    let workload = Workload::new(spec.pages, spec.seed, tracer.clone());
    Play { fs, mm, workload, area, tracer }.run();
    Ok(())
}

/// A mounted filesystem with an active swap file, and a workload over it.
struct Play<'a, D: BlockDevice, U: UserMemory> {
    fs: FileSystem<D>,
    mm: Mm<U, D>,
    workload: Workload,
    area: AreaId,
    tracer: &'a Tracer,
}

impl<D: BlockDevice + 'static, U: UserMemory> Play<'_, D, U> {
    fn run(mut self) {
        self.write_all(Step::Fill, 1);
        let _ = step(self.tracer, Step::Shutdown, || {
            self.fs.shutdown(ShutdownKind::NoLogFlush).map(|()| ((), 0))
        });
        self.verify_all(Step::VerifyOld);
        self.write_all(Step::Refill, 2);
        self.verify_all(Step::VerifyNew);
        let busy = step(self.tracer, Step::UnmountBusy, || unmount(self.fs.clone()));
        self.swap_off();
        self.verify_all(Step::VerifyInMemory);
        if busy.is_err() {
            let _ = step(self.tracer, Step::Unmount, || unmount(self.fs));
        }
    }

    fn write_all(&mut self, name: Step, generation: u64) {
        let pass = || Ok(((), self.workload.write_all(&mut self.mm, generation)));
        let _ = step(self.tracer, name, pass);
    }

    fn verify_all(&mut self, name: Step) {
        let pass = || Ok(((), self.workload.verify_all(&mut self.mm)));
        let _ = step(self.tracer, name, pass);
    }

    /// First as swapoff(2) does it: the path is opened to find the area. Then by the area's number,
    /// which Linux cannot do.
    fn swap_off(&mut self) {
        let (fs, mm, area) = (&self.fs, &mut self.mm, self.area);
        let mut turn_off = || match mm.swapoff(area) {
            Ok(report) => Ok(((), report.pages_read)),
            Err(error) => Err(error.errno()),
        };
        let by_path = step(self.tracer, Step::SwapOffByPath, || {
            fs.open(SWAP_FILE)?;
            turn_off()
        });
        if by_path.is_err() {
            let _ = step(self.tracer, Step::SwapOffByArea, turn_off);
        }
    }
}

fn unmount<D: BlockDevice + 'static>(fs: FileSystem<D>) -> Result<((), u64), Errno> {
    fs.unmount().map(|()| ((), 0)).map_err(|(_still_mounted, errno)| errno)
}

/// After the power cycle: the journal is recovered, and what was promised is there.
fn after<D: BlockDevice + 'static>(device: &Rc<D>) -> Result<(), Errno> {
    let tracer = device.tracer();
    let fs = step(tracer, Step::Recover, || prepare::mount(device, FsKnobs::default()))?;
    let lookup = step(tracer, Step::FindSwapFile, || fs.open(SWAP_FILE).map(|_ino| ((), 1)));
    let unmounted = step(tracer, Step::Unmount, || unmount(fs));
    step(tracer, Step::Fsck, || {
        let report = FileSystem::fsck(&**device).map_err(|error| error.0.errno())?;
        Ok(((), report.findings.len() as u64))
    })?;
    lookup.and(unmounted)
}
