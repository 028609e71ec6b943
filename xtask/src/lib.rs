//! The project's own tools: the test suite's driver, the stock-KVM host, and the tidy checks.
//!
//! A library so that the tidy checks run both as `cargo xtask tidy` and as an ordinary test. Nothing
//! in the product depends on this crate, and it depends on nothing of the product: it looks at source
//! text and runs commands.
#![forbid(unsafe_code)]

pub mod fuzz;
pub mod stock_kvm;
pub mod suite;
pub mod tidy;
pub mod workspace;
