//! Commands and bios on their way: which I/O an event of the device or the driver is about.

use std::ops::Range;

use nvme_driver::events::Event as DriverEvent;
use nvme_spec::NvmOpcode;

/// A bio that the driver has.
#[derive(Clone, Debug)]
pub(super) struct Bio {
    pub(super) opcode: u8,
    /// Its blocks; empty for a flush.
    pub(super) blocks: Range<u64>,
    /// How often it was sent.
    pub(super) sent: u32,
    /// What went wrong with it the last time, and how often it was sent by then.
    pub(super) failed: Option<(String, u32)>,
    pub(super) first_event: usize,
    pub(super) has_driver_learned: bool,
    pub(super) has_device_refused: bool,
}

impl Bio {
    /// What is done with it.
    pub(super) fn operation(&self, is_swap: bool) -> &'static str {
        match NvmOpcode(self.opcode) {
            NvmOpcode::READ if is_swap => "swap-in",
            NvmOpcode::WRITE if is_swap => "swap-out",
            NvmOpcode::READ => "read",
            NvmOpcode::FLUSH => "flush",
            _ => "write",
        }
    }
}

/// All that are on their way: few at any time, so they are looked for one by one.
#[derive(Debug, Default)]
pub(super) struct Bios {
    by_serial: Vec<(u64, Bio)>,
    /// Every command that was ever sent and its bio, the newest last. Asked only when something goes wrong.
    serial_of: Vec<(u16, u64)>,
}

impl Bios {
    /// A new life: nothing is on its way.
    pub(super) fn clear(&mut self) {
        self.by_serial.clear();
        self.serial_of.clear();
    }

    /// A command was sent.
    pub(super) fn sent(&mut self, event: &DriverEvent) {
        let DriverEvent::Submit { cid, opcode, serial, block, blocks } = *event else { return };
        self.serial_of.push((cid, serial));
        let blocks = block..block.saturating_add(blocks);
        if let Some(bio) = self.bio(serial) {
            // A bio may be sent in parts.
            bio.blocks = bio.blocks.start.min(blocks.start)..bio.blocks.end.max(blocks.end);
            bio.sent += 1;
            return;
        }
        let bio = Bio {
            opcode,
            blocks,
            sent: 1,
            failed: None,
            first_event: 0,
            has_driver_learned: false,
            has_device_refused: false,
        };
        self.by_serial.push((serial, bio));
    }

    /// Something went wrong with a bio.
    pub(super) fn failed(
        &mut self,
        serial: u64,
        cause: impl FnOnce() -> String,
        event: usize,
    ) -> Option<&mut Bio> {
        let bio = self.bio(serial)?;
        if bio.failed.is_none() {
            bio.first_event = event;
        }
        let cause = bio.failed.take().map_or_else(cause, |(first, _)| first);
        bio.failed = Some((cause, bio.sent));
        Some(bio)
    }

    fn bio(&mut self, serial: u64) -> Option<&mut Bio> {
        self.by_serial.iter_mut().find(|(other, _)| *other == serial).map(|(_, bio)| bio)
    }

    /// The bio of a command.
    pub(super) fn serial_of(&self, cid: u16) -> Option<u64> {
        let newest = self.serial_of.iter().rfind(|(other, _)| *other == cid);
        newest.map(|(_, serial)| *serial)
    }

    /// The driver gives it back.
    pub(super) fn finish(&mut self, serial: u64) -> Option<Bio> {
        let at = self.by_serial.iter().position(|(other, _)| *other == serial)?;
        Some(self.by_serial.swap_remove(at).1)
    }
}
