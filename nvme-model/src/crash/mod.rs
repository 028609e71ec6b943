//! What a power cut may leave on the media.
//!
//! One mechanism serves two users. The controller asks it at a power cut, with its cache and its commands
//! in flight ([`crate::CachePolicy`]). And whoever tests crash consistency records a [`WriteLog`] and asks
//! for any cut of it which images the standard allows:
//!
//! ```
//! use std::sync::Arc;
//! use nvme_model::crash::{Atomicity, Content, CrashPoint, Op, WriteLog};
//! use nvme_model::{Media, MediaError, RamMedia};
//!
//! fn main() -> Result<(), MediaError> {
//!     let mut log = WriteLog::new(Arc::new(RamMedia::new(8, 512)), Atomicity::default());
//!     let write = |slba, value| Op::Change {
//!         slba,
//!         blocks: 2,
//!         content: Content::Bytes(vec![value; 1024].into()),
//!         is_durable: false,
//!     };
//!     log.record(write(0, 1))?;
//!     log.record(Op::Flush)?;
//!     log.record(write(1, 2))?;
//!     let point = CrashPoint::at(&log, log.end())?;
//!     // Two blocks, each old or new.
//!     assert_eq!(point.space().count(), Some(4));
//!     for image in point.space().iter() {
//!         let media = point.media(&image)?;
//!         let mut block = [0; 512];
//!         media.read(0, &mut block)?;
//!         assert_eq!(block[0], 1, "it was flushed");
//!     }
//!     Ok(())
//! }
//! ```
//!
//! What it does not do: it knows no bytes torn inside a block and no garbage; those are faults
//! ([`crate::CachePolicy::Violate`]), no legal image. A discard of more than 64 blocks is torn at 64 places,
//! not at each block.

mod atomicity;
mod change;
pub(crate) mod dice;
mod group;
mod log;
mod space;
mod spoil;

pub use atomicity::Atomicity;
pub use change::{Change, Content};
pub use log::{CrashPoint, Op, Ticket, WriteLog};
pub(crate) use space::Step;
pub use space::{CrashImage, CrashSpace, Fate};
pub(crate) use spoil::Damage;

#[cfg(test)]
mod tests;
