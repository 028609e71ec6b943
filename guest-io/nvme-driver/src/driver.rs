//! The driver as the block layer sees it.

use core::cell::RefCell;
use core::fmt;

use block::{Bio, BlockDevice, BlockError, Done, Geometry, Rejected, Ticket};
use hal::{OutOfMemory, Platform, Tracer};

use crate::command;
use crate::config::Config;
use crate::counters::Counters;
use crate::error::Error;
use crate::phase::Phase;
use crate::registers::Registers;
use crate::state::Core;

/// One NVMe controller with one namespace and one I/O queue pair.
///
/// Interrupt vector 0 belongs to the admin queue, vector 1 to the I/O queue.
///
/// Dropping it does not stop the controller, which would go on writing to queues that are free
/// memory by then: call [`NvmeDriver::shut_down`] first, or cut the power.
pub struct NvmeDriver<P: Platform> {
    platform: P,
    core: RefCell<Core<P>>,
    geometry: Geometry,
}

impl<P: Platform> NvmeDriver<P> {
    /// Resets the controller, sets it up and reads what the namespace is like.
    ///
    /// # Errors
    /// Whatever keeps the controller from working. Takes bounded (virtual) time whatever the device
    /// does.
    pub fn probe(platform: P, config: Config) -> Result<Self, Error> {
        let core = Core::new(&platform, config)?;
        let geometry = Geometry {
            size_blocks: 0,
            transfer_blocks_max: 0,
            atomic_blocks: 0,
            has_volatile_cache: false,
        };
        let mut driver = Self { platform, core: RefCell::new(core), geometry };
        driver.geometry = driver.until(|core, _| match core.phase {
            Phase::Live => core.namespace.map(|limits| Ok(limits.geometry)),
            Phase::Ended(error) => Some(Err(error)),
            _ => None,
        })?;
        Ok(driver)
    }

    /// The machine that the controller is in.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// What happened so far.
    pub fn counters(&self) -> Counters {
        self.core.borrow().counters
    }

    /// Why the controller was given up, if it was.
    pub fn failure(&self) -> Option<Error> {
        self.core.borrow().ended()
    }

    /// Looks for completions and asynchronous events and does what is due, without waiting.
    pub fn poll(&self) {
        self.core.borrow_mut().drive(&self.platform, None);
    }

    /// Writes the I/O queue's doorbell again. For a caller that polls a controller with shadow doorbells
    /// and has seen nothing for a while: nobody may be looking at them.
    pub fn kick(&self) {
        self.core.borrow().io.kick(&Registers(self.platform.bar()));
    }

    /// Shuts the controller down in order: what is in flight ends first, then the controller brings
    /// its cache to media. Nothing can be submitted afterwards.
    ///
    /// # Errors
    /// Why the controller ended otherwise. It is unusable then too.
    pub fn shut_down(&self) -> Result<(), Error> {
        let error = self.until(|core, platform| {
            let is_idle = core.slots.jobs().next().is_none();
            if matches!(core.phase, Phase::Live) && is_idle {
                core.begin_shut_down(platform, platform.now());
            }
            core.ended()
        });
        if error == Error::ShutDown { Ok(()) } else { Err(error) }
    }

    /// Drives the controller until `look` has an answer. Nothing is borrowed while it waits.
    fn until<T>(&self, mut look: impl FnMut(&mut Core<P>, &P) -> Option<T>) -> T {
        let mut wake = None;
        loop {
            let (vector, deadline) = {
                let mut core = self.core.borrow_mut();
                core.drive(&self.platform, wake);
                if let Some(answer) = look(&mut core, &self.platform) {
                    return answer;
                }
                core.next_wait(self.platform.now())
            };
            wake = Some(self.platform.wait(vector, deadline));
        }
    }
}

impl<P: Platform> BlockDevice for NvmeDriver<P> {
    type Page = P::Dma;

    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn alloc_page(&self) -> Result<P::Dma, OutOfMemory> {
        self.platform.dma_alloc(1)
    }

    fn submit(&self, bio: Bio<P::Dma>) -> Result<Ticket, Rejected<P::Dma>> {
        let refusal = match &self.core.borrow().namespace {
            Some(limits) => command::refuse(&bio, limits).err(),
            None => Some(BlockError::Gone),
        };
        let mut bio = Some(bio);
        let accepted = self.until(|core, platform| {
            if core.ended().is_some() {
                return Some(Err(BlockError::Gone));
            }
            if let Some(why) = refusal {
                return Some(Err(why));
            }
            let slot = core.slots.free()?;
            bio.take().map(|bio| Ok(core.accept(platform, bio, slot)))
        });
        match (accepted, bio) {
            (Ok(ticket), _) => Ok(ticket),
            (Err(why), Some(bio)) => Err(Rejected { bio, why }),
            (Err(why), None) => Err(Rejected { bio: Bio::flush(), why }),
        }
    }

    fn try_take(&self, ticket: Ticket) -> Option<Done<P::Dma>> {
        let mut core = self.core.borrow_mut();
        // As in `wait`: each look at the queue fetches a line that the controller is about to write.
        if let Some(done) = core.finished.take(ticket) {
            return Some(done);
        }
        core.drive(&self.platform, None);
        core.finished.take(ticket)
    }

    fn wait(&self, ticket: Ticket) -> Done<P::Dma> {
        // Whoever has many in flight finds most of them finished by an earlier look.
        if let Some(done) = self.core.borrow_mut().finished.take(ticket) {
            return done;
        }
        self.until(|core, _| {
            let done = core.finished.take(ticket);
            assert!(
                done.is_some() || core.is_in_slot(ticket),
                "{ticket:?} was not submitted here, or was taken already"
            );
            done
        })
    }

    fn tracer(&self) -> &Tracer {
        self.platform.tracer()
    }
}

impl<P: Platform> fmt::Debug for NvmeDriver<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("NvmeDriver");
        out.field("geometry", &self.geometry);
        if let Ok(core) = self.core.try_borrow() {
            out.field("phase", &core.phase).field("counters", &core.counters);
        }
        out.finish_non_exhaustive()
    }
}
