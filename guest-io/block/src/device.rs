//! What a block device offers.

use hal::{DmaBuf, OutOfMemory, Tracer};

use crate::{Bio, BlockError};

/// What the device is like. Constant while it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Capacity in blocks of [`crate::BLOCK_BYTES`].
    pub size_blocks: u64,
    /// The most blocks of one read or write.
    pub transfer_blocks_max: u32,
    /// Blocks that a power failure never tears (from AWUPF). 0: the device has smaller logical blocks
    /// and may tear even a single block of [`crate::BLOCK_BYTES`].
    pub atomic_blocks: u32,
    /// Completed writes may be lost at power failure until a flush.
    pub has_volatile_cache: bool,
}

/// Names a submitted bio until it is taken back. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// A bio that has come back. Its pages belong to the caller again.
#[derive(Debug)]
#[must_use = "a completion that nobody looks at is a lost error"]
pub struct Done<P> {
    /// The request as it was submitted.
    pub bio: Bio<P>,
    /// How it went. On an error the pages' content is undefined.
    pub result: Result<(), BlockError>,
}

/// The device did not take the bio; here it is.
#[derive(Debug)]
pub struct Rejected<P> {
    /// The request, untouched.
    pub bio: Bio<P>,
    /// Why.
    pub why: BlockError,
}

/// A block device with any number of requests in flight.
///
/// Methods take `&self`: a filesystem and a swap path share one device. No implementation holds a
/// lock or a borrow across a wait that a second caller could need.
pub trait BlockDevice {
    /// One page of memory that the device can reach ([`crate::BLOCK_BYTES`] long).
    type Page: DmaBuf;

    /// What the device is like.
    fn geometry(&self) -> Geometry;

    /// A zeroed page that the device can reach.
    ///
    /// # Errors
    /// [`OutOfMemory`] when there is none.
    fn alloc_page(&self) -> Result<Self::Page, OutOfMemory>;

    /// Starts a request. When the queue is full, waits for a place.
    ///
    /// # Errors
    /// [`Rejected`] hands the bio back when it can never be executed: out of range, too large, wrong
    /// number of pages, device gone.
    fn submit(&self, bio: Bio<Self::Page>) -> Result<Ticket, Rejected<Self::Page>>;

    /// Takes a finished bio back without waiting; `None` if it is still in flight.
    fn try_take(&self, ticket: Ticket) -> Option<Done<Self::Page>>;

    /// Waits until the bio is finished and takes it back. Ends in bounded (virtual) time whatever the
    /// device does: the driver's time-out ladder sees to that.
    fn wait(&self, ticket: Ticket) -> Done<Self::Page>;

    /// Where the layers above this device send their events.
    fn tracer(&self) -> &Tracer;

    /// Submits and waits.
    fn execute(&self, bio: Bio<Self::Page>) -> Done<Self::Page> {
        match self.submit(bio) {
            Ok(ticket) => self.wait(ticket),
            Err(rejected) => Done { bio: rejected.bio, result: Err(rejected.why) },
        }
    }
}
