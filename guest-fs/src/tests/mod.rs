//! Contract tests on the RAM disk.

mod basic;
mod crash;
mod errors;
mod hostile;
mod model;
mod rig;
mod shutdown;
mod space;
mod swap;
mod tree;
mod workload;
