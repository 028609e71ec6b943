//! What `contrib` has for batch systems is what those systems take.

mod job;
mod kubernetes;
mod slurm;

use std::path::PathBuf;

/// A file of `contrib`.
fn contrib(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "contrib", name].iter().collect()
}
