//! The admin commands, one file a subject.

mod abort;
mod beyond;
mod features;
pub(crate) mod format;
mod identify;
mod logs;
mod queues;
pub(crate) mod reservation;
