//! The admin commands, one file a subject.

mod abort;
mod atomic;
mod background;
mod condition;
mod device;
mod directives;
mod features;
mod firmware;
pub(crate) mod format;
mod identify;
mod injection;
mod journal;
mod keep_alive;
mod lba_status;
mod logs;
mod namespaces;
mod queues;
pub(crate) mod reservation;
mod sanitize;
mod self_test;

pub(crate) use identify::padded;
pub(crate) use injection::Injected;
pub(crate) use logs::PageRequest;

#[cfg(test)]
mod tests;
