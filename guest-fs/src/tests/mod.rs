//! Contract tests on the RAM disk.

mod basic;
mod between;
mod claims;
mod crash;
mod crash_tree;
mod crowd;
mod errors;
mod guards;
mod history;
mod hostile;
mod large;
mod model;
pub(crate) mod rig;
mod shutdown;
mod space;
mod swap;
mod tree;
mod workload;
