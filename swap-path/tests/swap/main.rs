//! Swap from the outside: a small machine (RAM disk, software page table, a filesystem with one file)
//! on which every path runs the same scenarios.

mod activation;
mod bench;
mod broken_paths;
mod errors;
mod host;
mod memory;
mod model;
mod planted;
mod reclaim;
mod shutdown;
mod swapoff;
mod workload;
