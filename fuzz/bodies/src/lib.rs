//! What is fuzzed, and what must hold: one function from bytes to a number of operations per target.
//!
//! The bytes are a program for a hostile party: a guest that writes to registers and queues, a
//! controller that lies to the driver, a text that wants to be a rule. Two runners feed them:
//! libFuzzer through `fuzz/fuzz_targets` (nightly), and [`runner`], which needs nothing and always does
//! the same. A body panics when something does not hold; both runners keep the bytes.
//!
//! What this crate does not do: it knows no expected statuses. Those are tests; here is only what must
//! hold whatever the bytes say.
#![forbid(unsafe_code)]

mod host;
pub mod runner;
pub mod targets;
