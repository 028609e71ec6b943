//! The event trace: one total order of what the guest's layers and the controller did.

mod console;
mod difference;
mod entry;
mod log;
mod perfetto;

pub use console::{ConsoleStream, Piece};
pub use difference::first_difference;
pub use entry::{Entry, Source, describe};
pub use log::{TraceHash, TraceLog};
pub use perfetto::perfetto;
