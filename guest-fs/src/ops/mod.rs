//! What users ask of a mounted filesystem.

mod file;
mod namespace;
mod sync;
