//! The admin commands, one file a subject.

mod abort;
mod background;
mod condition;
mod device;
mod directives;
mod features;
mod firmware;
mod identify;
mod injection;
mod journal;
mod keep_alive;
mod lba_status;
mod logs;
mod namespaces;
mod queues;
mod sanitize;
mod self_test;

pub(crate) use identify::padded;
pub(crate) use injection::Injected;
pub(crate) use logs::PageRequest;

#[cfg(test)]
mod tests;
