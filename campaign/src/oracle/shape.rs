//! Finds one overwriting direct write of a user and one swap-out in a trace, and reduces both to what
//! the layers did: which mapping was asked with which intent, which transactions, which commands. Who
//! asked, where, and when are left out, and the swap flag is. A command that the driver has to send again is the
//! drive's doing and no layer's: it counts once.

use guest_fs::events::Event as FsEvent;
use hal::trace::{Layer, Record};
use iomap::events::Event as IomapEvent;
use iomap::{Context, Direction, Intent};
use nvme_driver::events::Event as DriverEvent;

use crate::trace::{Entry, Source};

/// Collects the events between the begin of a write and its end.
#[derive(Debug, Default)]
pub(super) struct ShapeFinder {
    current: Option<(Context, Vec<String>)>,
    /// The commands in it: whose request, and which block.
    sent: Vec<(u64, u64)>,
    user: Vec<String>,
    swap: Vec<String>,
}

impl ShapeFinder {
    pub(super) fn entry(&mut self, entry: &Entry) {
        if let Source::Guest(record) = &entry.source {
            self.guest(record);
        }
    }

    /// The last user's write and the last swap-out: by then every block of either is written.
    pub(super) fn finish(self) -> (Vec<String>, Vec<String>) {
        (self.user, self.swap)
    }

    fn guest(&mut self, record: &Record) {
        match record.layer {
            Layer::Iomap => IomapEvent::decode(record).into_iter().for_each(|e| self.iomap(&e)),
            Layer::Filesystem => FsEvent::decode(record).into_iter().for_each(|e| self.fs(&e)),
            Layer::Driver => DriverEvent::decode(record).into_iter().for_each(|e| self.driver(&e)),
            _ => {}
        }
    }

    fn iomap(&mut self, event: &IomapEvent) {
        match event {
            IomapEvent::IoBegin { engine, direction: Direction::Write, context, bytes, .. } => {
                self.current = Some((*context, vec![format!("{engine} of {bytes} bytes")]));
                self.sent.clear();
            }
            IomapEvent::MapAsk { intent, length, .. } => {
                let intent = intent.difference(Intent::SWAP);
                self.add(|| format!("map? {length} {intent:?}"));
            }
            IomapEvent::MapAnswer { kind, flags, .. } => {
                self.add(|| format!("map: {kind:?} {flags:?}"));
            }
            IomapEvent::MapRefused { errno, .. } => self.add(|| format!("map: {errno}")),
            IomapEvent::EndIo { end, .. } => self.add(|| format!("end_io {end:?}")),
            IomapEvent::IoEnd { .. } => match self.current.take() {
                Some((Context::Dio, shape)) => self.user = shape,
                Some((Context::SwapOut, shape)) => self.swap = shape,
                _ => {}
            },
            IomapEvent::IoFailed { .. } => self.current = None,
            _ => {}
        }
    }

    fn fs(&mut self, event: &FsEvent) {
        let text = match event {
            FsEvent::InodeLock { .. } => "inode lock",
            FsEvent::TxnCommit { .. } => "transaction",
            FsEvent::Convert { .. } => "convert",
            FsEvent::Alloc { .. } => "alloc",
            _ => return,
        };
        self.add(|| text.to_owned());
    }

    fn driver(&mut self, event: &DriverEvent) {
        let DriverEvent::Submit { opcode, serial, block, blocks, .. } = *event else { return };
        if self.current.is_some() && !self.sent.contains(&(serial, block)) {
            self.sent.push((serial, block));
            self.add(|| format!("command {opcode:#04x} of {blocks} blocks"));
        }
    }

    fn add(&mut self, text: impl FnOnce() -> String) {
        if let Some((_, shape)) = &mut self.current {
            shape.push(text());
        }
    }
}
