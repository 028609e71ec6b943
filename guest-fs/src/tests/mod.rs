//! Contract tests on the RAM disk.

mod basic;
mod rig;
