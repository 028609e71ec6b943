//! What the guest says is safe, and from which cut on: what an image must have, whatever else it has.
//!
//! The guest's steps are in the trace, and so is each command that the drive took; the write log has the same commands
//! in the same order. So a step that came to its end has a cut: the one before the next command was taken.

use lab::events::{Event as LabEvent, Step};
use nvme_model::Event as ModelEvent;
use nvme_model::crash::WriteLog;

use super::NSID;
use crate::trace::{Entry, Source};

/// The queue and the namespace of commands that the log has.
const ADMIN_QID: u16 = 0;
const BROADCAST: u32 = u32::MAX;

/// What is safe, from which cut on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Promises {
    /// A filesystem: mkfs has said that it is done.
    pub filesystem: Option<u64>,
    /// The swap file, of at least so many blocks: its fsync has said so.
    pub swap_file: Option<(u64, u64)>,
}

impl Promises {
    /// Reads them off a trace of the life that `log` recorded; `None` if it is of another life.
    pub(super) fn of(trace: &[Entry], log: &WriteLog) -> Option<Self> {
        let (mut promises, mut commands) = (Self::default(), 0);
        for entry in trace {
            match &entry.source {
                Source::Controller(ModelEvent::Fetch { sqid, nsid, .. })
                    if *sqid != ADMIN_QID && [NSID, BROADCAST].contains(nsid) =>
                {
                    commands += 1;
                }
                Source::Guest(record) => {
                    let event = LabEvent::decode(record);
                    event.iter().for_each(|event| promises.hear(event, log.cut_before(commands)));
                }
                _ => {}
            }
        }
        (commands == log.commands()).then_some(promises)
    }

    fn hear(&mut self, event: &LabEvent, cut: u64) {
        match event {
            LabEvent::StepEnd { step: Step::Mkfs, result: Ok(()), .. } => {
                self.filesystem.get_or_insert(cut);
            }
            LabEvent::StepEnd { step: Step::MakeSwapFile, result: Ok(()), count } => {
                self.swap_file.get_or_insert((cut, *count));
            }
            _ => {}
        }
    }

    /// Blocks of the swap file that an image of this cut must have, if it must have one.
    #[must_use]
    pub fn swap_file_at(&self, cut: u64) -> Option<u64> {
        self.swap_file.filter(|(from, _)| *from <= cut).map(|(_, blocks)| blocks)
    }
}
