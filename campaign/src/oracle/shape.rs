//! Finds one overwriting direct write of a user and one swap-out in a trace, and reduces both to what
//! the layers did: which mapping was asked with which intent, which transactions, which commands. Who
//! asked, where, and when are left out, and the swap flag is. A command that the driver has to send again is the
//! drive's doing and no layer's: it counts once.

use guest_fs::events::Event as FsEvent;
use iomap::events::Event as IomapEvent;
use iomap::{Context, Direction, Intent};
use nvme_driver::events::Event as DriverEvent;

/// Collects the events between the begin of a write and its end.
#[derive(Debug, Default)]
pub(super) struct ShapeFinder {
    current: Option<Context>,
    /// What was done in it. Text comes of the two that are kept at the end.
    deeds: Vec<Deed>,
    /// The commands in it: whose request, and which block.
    sent: Vec<(u64, u64)>,
    user: Vec<Deed>,
    swap: Vec<Deed>,
}

/// What a layer did.
#[derive(Clone, Debug)]
enum Deed {
    Iomap(IomapEvent),
    Filesystem(&'static str),
    Command { opcode: u8, blocks: u64 },
}

impl ShapeFinder {
    /// The last user's write and the last swap-out: by then every block of either is written.
    pub(super) fn finish(&self) -> (Vec<String>, Vec<String>) {
        let texts = |deeds: &[Deed]| deeds.iter().map(Deed::text).collect();
        (texts(&self.user), texts(&self.swap))
    }

    pub(super) fn iomap(&mut self, event: &IomapEvent) {
        match event {
            IomapEvent::IoBegin { direction: Direction::Write, context, .. } => {
                self.current = Some(*context);
                self.deeds.clear();
                self.sent.clear();
                self.add(|| Deed::Iomap(*event));
            }
            IomapEvent::MapAsk { .. }
            | IomapEvent::MapAnswer { .. }
            | IomapEvent::MapRefused { .. }
            | IomapEvent::EndIo { .. } => self.add(|| Deed::Iomap(*event)),
            IomapEvent::IoEnd { .. } => match self.current.take() {
                Some(Context::Dio) => std::mem::swap(&mut self.user, &mut self.deeds),
                Some(Context::SwapOut) => std::mem::swap(&mut self.swap, &mut self.deeds),
                _ => {}
            },
            IomapEvent::IoFailed { .. } => self.current = None,
            _ => {}
        }
    }

    pub(super) fn filesystem(&mut self, event: &FsEvent) {
        let text = match event {
            FsEvent::InodeLock { .. } => "inode lock",
            FsEvent::TxnCommit { .. } => "transaction",
            FsEvent::Convert { .. } => "convert",
            FsEvent::Alloc { .. } => "alloc",
            _ => return,
        };
        self.add(|| Deed::Filesystem(text));
    }

    pub(super) fn driver(&mut self, event: &DriverEvent) {
        let DriverEvent::Submit { opcode, serial, block, blocks, .. } = *event else { return };
        if self.current.is_some() && !self.sent.contains(&(serial, block)) {
            self.sent.push((serial, block));
            self.add(|| Deed::Command { opcode, blocks });
        }
    }

    fn add(&mut self, deed: impl FnOnce() -> Deed) {
        if self.current.is_some() {
            self.deeds.push(deed());
        }
    }
}

impl Deed {
    fn text(&self) -> String {
        match self {
            Self::Iomap(IomapEvent::IoBegin { engine, bytes, .. }) => {
                format!("{engine} of {bytes} bytes")
            }
            Self::Iomap(IomapEvent::MapAsk { intent, length, .. }) => {
                format!("map? {length} {:?}", intent.difference(Intent::SWAP))
            }
            Self::Iomap(IomapEvent::MapAnswer { kind, flags, .. }) => {
                format!("map: {kind:?} {flags:?}")
            }
            Self::Iomap(IomapEvent::MapRefused { errno, .. }) => format!("map: {errno}"),
            Self::Iomap(IomapEvent::EndIo { end, .. }) => format!("end_io {end:?}"),
            Self::Iomap(other) => other.to_string(),
            Self::Filesystem(word) => (*word).to_owned(),
            Self::Command { opcode, blocks } => format!("command {opcode:#04x} of {blocks} blocks"),
        }
    }
}
