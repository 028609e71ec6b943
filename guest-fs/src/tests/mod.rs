//! Contract tests on the RAM disk.

mod basic;
mod crash;
mod errors;
mod hostile;
mod model;
mod rig;
mod shutdown;
mod swap;
mod workload;
