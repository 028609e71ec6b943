//! The workload's memory: passes over it, reclaim, and what is remembered of failed reads.

use alloc::rc::Rc;

use block::BlockDevice;
use hal::UserMemory;
use iomap::{Context, Errno, SwapHost};
use swap_path::{Mm, MmConfig};

use super::{OUT_OF_PLACE, Play};
use crate::events::Step;
use crate::steps::step;
use crate::tripwire::Tripwire;

/// Pages that somebody who holds a lock wants to have reclaimed.
const WANTED_UNDER_LOCK: usize = 8;

impl<D: BlockDevice + 'static, U: UserMemory + 'static> Play<'_, D, U> {
    /// Takes the memory. Much smaller than what the workload touches, so that every pass over it really
    /// faults and really reclaims.
    pub(super) fn address_space(&mut self) -> Result<(), Errno> {
        let spec = self.spec;
        let mm = step(&self.tracer, Step::AddressSpace, || {
            let resident = usize::try_from(spec.resident_pages).unwrap_or(usize::MAX);
            let mut config = MmConfig::new(resident);
            config.read_cluster_pages =
                usize::try_from(spec.read_cluster_pages).unwrap_or(usize::MAX);
            config.knobs = spec.knobs.mm();
            config.folio_order = spec.folio_order;
            config.policy = spec.policy;
            config.bugs = spec.knobs.bugs();
            let mm = Mm::new(config, Rc::clone(&self.user), Rc::clone(&self.device));
            mm.map(|mm| (mm, spec.pages)).map_err(|_| Errno::ENOMEM)
        })?;
        self.parts.mm = Some(mm);
        Ok(())
    }

    pub(super) fn write_all(&mut self, name: Step, generation: u64) -> Result<(), Errno> {
        let mm = self.parts.mm.as_mut().ok_or(OUT_OF_PLACE)?;
        let pass = || Ok(((), self.workload.write_all(mm, generation)));
        step(&self.tracer, name, pass)
    }

    pub(super) fn verify_all(&mut self, name: Step) -> Result<(), Errno> {
        let mm = self.parts.mm.as_mut().ok_or(OUT_OF_PLACE)?;
        let pass = || Ok(((), self.workload.verify_all(mm)));
        step(&self.tracer, name, pass)
    }

    pub(super) fn page_out(&mut self) -> Result<(), Errno> {
        let mm = self.mm()?;
        let resident = mm.resident_pages();
        let tracer = self.tracer.clone();
        let mm = self.mm()?;
        step(&tracer, Step::PageOut, || Ok(((), mm.page_out(resident) as u64)))
    }

    /// Somebody holds the swap file's I/O lock, needs memory, and reclaims for himself.
    pub(super) fn reclaim_under_lock(&mut self) -> Result<(), Errno> {
        let (fs, ino) = (self.fs()?, self.ino()?);
        let tracer = self.tracer.clone();
        let mm = self.mm()?;
        step(&tracer, Step::ReclaimUnderLock, || {
            fs.lock_io(ino, Context::User)?;
            let freed = mm.page_out(WANTED_UNDER_LOCK) as u64;
            fs.unlock_io(ino, Context::User);
            Ok(((), freed))
        })
    }

    pub(super) fn drop_failed_reads(&mut self) -> Result<(), Errno> {
        let tracer = self.tracer.clone();
        let mm = self.mm()?;
        step(&tracer, Step::DropFailedReads, || Ok(((), mm.drop_failed_reads())))
    }

    pub(super) fn mm(&mut self) -> Result<&mut Mm<U, Tripwire<D>>, Errno> {
        self.parts.mm.as_mut().ok_or(OUT_OF_PLACE)
    }
}
