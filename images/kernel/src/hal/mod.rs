//! The `hal` traits on this machine.

pub(crate) mod memory;
