//! Text and trace records on their way out.
//!
//! With a virtio console or a call page they are collected and *published* before every access that leaves the guest,
//! so the machine sees them in the order in which they happened. Without one, text goes to the debug
//! port at once and records go nowhere.

mod debug_port;
mod output;

use core::fmt;

use hal::trace::Record;

pub(crate) use debug_port::DebugPort;
pub(crate) use output::Output;

use crate::arch::single::Single;

static OUTPUT: Single<Option<Output>> = Single::new(None);

/// Prints a line on the console.
macro_rules! println {
    ($($argument:tt)*) => {
        $crate::console::print(format_args!("{}\n", format_args!($($argument)*)))
    };
}
pub(crate) use println;

/// Everything from now on goes to this device.
pub(crate) fn attach(output: Output) {
    OUTPUT.with(|slot| *slot = Some(output));
}

/// Prints text.
pub(crate) fn print(arguments: fmt::Arguments<'_>) {
    use fmt::Write;
    OUTPUT.with(|slot| {
        let result = match slot {
            Some(output) => output.write_fmt(arguments),
            None => DebugPort.write_fmt(arguments),
        };
        result.expect("neither port nor ring can fail");
    });
}

/// Sends one trace record.
pub(crate) fn emit(record: &Record) {
    OUTPUT.with(|slot| {
        if let Some(output) = slot {
            output.record(record);
        }
    });
}

/// Shows everything so far to the machine. Called before every access that leaves the guest.
pub(crate) fn publish() {
    OUTPUT.with(|slot| {
        if let Some(output) = slot {
            output.publish();
        }
    });
}

/// The same, unless the console was interrupted in the middle (the panic handler's way).
pub(crate) fn try_publish() {
    OUTPUT.try_with(|slot| {
        if let Some(output) = slot {
            output.publish();
        }
    });
}

/// Waits until the machine has everything.
pub(crate) fn drain() {
    OUTPUT.with(|slot| {
        if let Some(output) = slot {
            output.drain();
        }
    });
}
