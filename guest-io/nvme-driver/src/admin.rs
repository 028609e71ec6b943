//! The admin queue: a handful of commands in flight, each with a purpose.

use alloc::vec::Vec;

use hal::{DmaBuf, Instant, Mmio};
use nvme_spec::{AdminOpcode, Sqe};

use crate::cid::{self, Match, Sequence};
use crate::registers::Registers;
use crate::ring::Ring;
use crate::slots::Owner;

/// Entries of the admin queues: one page of submissions holds 64.
pub(crate) const DEPTH: u16 = 32;

/// What an admin command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A step of setting the controller up.
    Configure,
    /// Aborts the I/O command with this CID.
    Abort(u16),
    /// Parked until something happens.
    Event,
    /// Reads this log page, so that its events are reported again.
    Log(u8),
    /// Asks what the namespace is now.
    Rescan,
}

/// An admin command in flight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdminCommand {
    pub(crate) opcode: AdminOpcode,
    pub(crate) purpose: Purpose,
    pub(crate) deadline: Instant,
}

#[derive(Debug, Default)]
struct AdminSlot {
    sequence: Sequence,
    command: Option<AdminCommand>,
}

/// The admin queue pair and what is in it.
#[derive(Debug)]
pub(crate) struct AdminQueue<D> {
    pub(crate) ring: Ring<D>,
    slots: Vec<AdminSlot>,
    /// No command in flight has an earlier deadline.
    late_from: Instant,
}

impl<D: DmaBuf> AdminQueue<D> {
    pub(crate) fn new(ring: Ring<D>) -> Self {
        let slots = (0..ring.depth_z()).map(|_| AdminSlot::default()).collect();
        Self { ring, slots, late_from: Instant::NEVER }
    }

    /// Sends a command; false if the queue is full.
    pub(crate) fn send<B: Mmio>(
        &mut self,
        registers: &Registers<'_, B>,
        sqe: Sqe,
        purpose: Purpose,
        deadline: Instant,
    ) -> bool {
        let mut numbered = (0..=u8::MAX).zip(&mut self.slots);
        let Some((number, slot)) = numbered.find(|(_, slot)| slot.command.is_none()) else {
            return false;
        };
        slot.sequence.advance();
        slot.command = Some(AdminCommand { opcode: AdminOpcode(sqe.opcode()), purpose, deadline });
        self.late_from = self.late_from.min(deadline);
        self.ring.push(registers, None, &sqe.with_cid(slot.sequence.cid(number)));
        true
    }

    /// Takes the command that a completion with `cid` answers.
    pub(crate) fn take(&mut self, cid: u16) -> Result<AdminCommand, Owner> {
        let slot = self.slots.get_mut(usize::from(cid::slot_of(cid))).ok_or(Owner::Unknown)?;
        match slot.sequence.classify(cid) {
            Match::Current => {
                let command = slot.command.take().ok_or(Owner::Stale)?;
                self.take_stock();
                Ok(command)
            }
            Match::Earlier => Err(Owner::Stale),
            Match::Never => Err(Owner::Unknown),
        }
    }

    /// When the first command in flight is late.
    pub(crate) fn late_from(&self) -> Instant {
        self.late_from
    }

    fn take_stock(&mut self) {
        let deadlines = self.commands().map(|(_, command)| command.deadline);
        self.late_from = deadlines.min().unwrap_or(Instant::NEVER);
    }

    /// How many commands with such a purpose are in flight.
    pub(crate) fn count(&self, is_such: impl Fn(Purpose) -> bool) -> usize {
        self.commands().filter(|(_, command)| is_such(command.purpose)).count()
    }

    /// The commands in flight with their CIDs.
    pub(crate) fn commands(&self) -> impl Iterator<Item = (u16, AdminCommand)> {
        let numbered = (0..=u8::MAX).zip(&self.slots);
        numbered.filter_map(|(number, slot)| Some((slot.sequence.cid(number), slot.command?)))
    }

    /// Forgets everything, for a controller that was disabled.
    pub(crate) fn reset(&mut self) {
        self.ring.reset();
        self.slots.iter_mut().for_each(|slot| slot.command = None);
        self.late_from = Instant::NEVER;
    }
}
