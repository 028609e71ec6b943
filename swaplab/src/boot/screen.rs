//! The guest's console on the terminal.

use std::io::Write;

use campaign::trace::{ConsoleStream, Piece, describe};
use hal::trace::{Layer, Record};
use vmm::MachineObserver;

/// Shows the guest's text and, of our guest's trace, the program's own records (all with `-v`); a
/// foreign guest's bytes go through as they are.
#[derive(Debug)]
pub(crate) struct Screen {
    stream: Option<ConsoleStream>,
}

impl Screen {
    pub(crate) fn new(is_our_guest: bool) -> Self {
        Self { stream: is_our_guest.then(ConsoleStream::default) }
    }

    /// Shows an unfinished last line.
    pub(crate) fn finish(&self) {
        if let Some(rest) = self.stream.as_ref().map(ConsoleStream::unfinished)
            && !rest.is_empty()
        {
            println!("{rest}");
        }
    }
}

impl MachineObserver for Screen {
    fn console(&mut self, now_ns: u64, bytes: &[u8]) {
        match &mut self.stream {
            None => raw(bytes),
            Some(stream) => stream.push(bytes, |piece| match piece {
                Piece::Line(line) => println!("{line}"),
                Piece::Record(record) => show(now_ns, &record),
                Piece::Malformed(what) => log::error!("{what}"),
            }),
        }
    }

    fn watches_devices(&self) -> bool {
        log::log_enabled!(log::Level::Debug)
    }

    fn controller_event(&mut self, now_ns: u64, event: &nvme_model::Event) {
        log::debug!("{:>9} us Controller {event}", now_ns / 1000);
    }

    fn debug_console(&mut self, _now_ns: u64, bytes: &[u8]) {
        raw(bytes);
    }
}

/// What the program did and saw goes to the terminal; that it begins something, and what the layers
/// below do, only to the log.
fn show(now_ns: u64, record: &Record) {
    let text = describe(record);
    match record.layer {
        Layer::Program | Layer::Workload if !text.ends_with("...") => {
            println!("{:>10.3} ms  {text}", now_ns as f64 / 1e6);
        }
        layer => log::info!("{:>9} us {layer:?} {text}", now_ns / 1000),
    }
}

fn raw(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    // A closed pipe does not stop the guest: its exit code still counts.
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}
