//! The event trace: one total order of what the guest's layers and the controller did.

mod console;
mod entry;
mod log;

pub use console::{ConsoleStream, Piece};
pub use entry::{Entry, Source, describe};
pub use log::{TraceHash, TraceLog};
