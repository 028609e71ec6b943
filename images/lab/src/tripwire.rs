//! What another processor does in the middle of an I/O, at an exact moment.
//!
//! The guest has one processor, so nothing would ever happen between the submission of a request and
//! its completion. This device passes everything on; when it is armed, it runs an action before the
//! n-th read or write, or right after the driver has taken it.

use alloc::boxed::Box;
use alloc::rc::Rc;
use core::cell::RefCell;
use core::fmt;

use block::{Bio, BlockDevice, Done, Geometry, Op, Rejected, Ticket};
use hal::{OutOfMemory, Tracer};

use crate::events::Event;
use crate::spec::TripPhase;

/// A block device with a wire across it.
pub(crate) struct Tripwire<D> {
    inner: Rc<D>,
    armed: RefCell<Option<Armed>>,
}

struct Armed {
    phase: TripPhase,
    /// Reads and writes that still pass before the one that is meant.
    left: u32,
    action: Box<dyn FnOnce()>,
}

impl<D> Tripwire<D> {
    pub(crate) fn new(inner: Rc<D>) -> Self {
        Self { inner, armed: RefCell::new(None) }
    }

    /// Runs `action` at the `nth` (from 1) read or write from now on. An older wire is forgotten.
    pub(crate) fn arm(&self, phase: TripPhase, nth: u32, action: Box<dyn FnOnce()>) {
        *self.armed.borrow_mut() = Some(Armed { phase, left: nth.saturating_sub(1), action });
    }

    /// Forgets a wire that nobody has met.
    pub(crate) fn disarm(&self) {
        self.armed.borrow_mut().take();
    }

    /// The action, if this request is the one. It is disarmed then: what the action itself asks of the
    /// device passes.
    fn meet(&self, op: Op) -> Option<Armed> {
        let mut armed = self.armed.borrow_mut();
        let wire = armed.as_mut()?;
        if !matches!(op, Op::Read | Op::Write { .. }) {
            return None;
        }
        if wire.left == 0 {
            return armed.take();
        }
        wire.left -= 1;
        None
    }
}

impl<D: BlockDevice> BlockDevice for Tripwire<D> {
    type Page = D::Page;

    fn geometry(&self) -> Geometry {
        self.inner.geometry()
    }

    fn alloc_page(&self) -> Result<D::Page, OutOfMemory> {
        self.inner.alloc_page()
    }

    fn submit(&self, bio: Bio<D::Page>) -> Result<Ticket, Rejected<D::Page>> {
        let Some(Armed { phase, action, .. }) = self.meet(bio.op) else {
            return self.inner.submit(bio);
        };
        if let Op::Write { .. } = bio.op {
            let (block, blocks) = (bio.block, bio.size_blocks());
            self.tracer().emit(Event::WriteUnderWay { block, blocks });
        }
        if phase == TripPhase::Before {
            action();
            return self.inner.submit(bio);
        }
        let submitted = self.inner.submit(bio);
        action();
        submitted
    }

    fn try_take(&self, ticket: Ticket) -> Option<Done<D::Page>> {
        self.inner.try_take(ticket)
    }

    fn wait(&self, ticket: Ticket) -> Done<D::Page> {
        self.inner.wait(ticket)
    }

    fn tracer(&self) -> &Tracer {
        self.inner.tracer()
    }
}

impl<D> fmt::Debug for Tripwire<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tripwire")
            .field("is_armed", &self.armed.borrow().is_some())
            .finish_non_exhaustive()
    }
}
