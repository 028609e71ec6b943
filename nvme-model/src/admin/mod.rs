//! The admin commands, one file a subject.

mod abort;
mod atomic;
mod beyond;
mod features;
mod identify;
mod logs;
mod queues;
