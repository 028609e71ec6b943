//! The driver against the controller model: they meet in bytes only, here in one process.

extern crate swaplab_nvme_driver as nvme_driver;

mod data;
mod ladder;
mod machine;
mod namespaces;
mod rungs;
mod shadow;
mod silent;
