//! An exercise of the NVMe driver, as a program of the guest: requests of one kind against whatever the
//! controller does wrong, and then a look at what became of data and driver.
//!
//! It says what a caller of the driver would have noticed ([`Outcome`]); which outcome a fault should
//! have is in a table of the tests. Blocks 0 to 15 are overwritten.
//!
//! What it does not do: it arms no faults and judges none.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod outcome;
mod play;
mod words;

pub use outcome::{Failure, Outcome, Report};
pub use play::run;
pub use words::{Op, Words, WordsError};
