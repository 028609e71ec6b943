//! The client against the real server, in one process.

mod faults;
mod files;
mod random;
mod rig;
mod split;
