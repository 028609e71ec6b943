//! The loops against a table of extents on the RAM disk.

mod dio;
mod iter;
mod rig;
mod swap;
