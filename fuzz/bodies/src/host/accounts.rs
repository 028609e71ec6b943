//! The account of commands: what was fetched may be completed, once.

use std::collections::BTreeMap;

use nvme_model::{Event, Observer};
use nvme_spec::Status;

/// Fetched and not yet completed commands, by submission queue and CID.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accounts {
    /// Rules make completions lie: what is completed need not have been asked for.
    is_lied_to: bool,
    /// How many there are, and the opcode of the last.
    open: BTreeMap<(u16, u16), (u32, u8)>,
    posted: BTreeMap<u16, u32>,
    last: BTreeMap<u16, Status>,
    #[cfg(test)]
    succeeded: std::collections::BTreeSet<(bool, u8)>,
}

impl Accounts {
    /// Accounts of a controller whose completions lie, or not.
    pub(crate) fn new(is_lied_to: bool) -> Self {
        Self { is_lied_to, ..Self::default() }
    }

    /// The controller was reset: nothing that was fetched before may be completed any more.
    pub(crate) fn forget(&mut self) {
        self.open.clear();
        self.posted.clear();
        self.last.clear();
    }

    /// Completions in a queue since it was made.
    pub(crate) fn posted(&self, cqid: u16) -> u32 {
        self.posted.get(&cqid).copied().unwrap_or(0)
    }

    /// What was carried out: whether it was an admin command, and its opcode.
    #[cfg(test)]
    pub(crate) fn succeeded(&self) -> &std::collections::BTreeSet<(bool, u8)> {
        &self.succeeded
    }

    pub(crate) fn last_status(&self, cqid: u16) -> Option<Status> {
        self.last.get(&cqid).copied()
    }
}

impl Observer for Accounts {
    fn event(&mut self, _now_ns: u64, event: &Event) {
        match *event {
            Event::Fetch { sqid, cid, opcode, .. } => {
                let (open, last) = self.open.entry((sqid, cid)).or_default();
                (*open, *last) = (*open + 1, opcode);
            }
            Event::Complete { cqid, sqid, cid, status, .. } => {
                let open = self.open.get_mut(&(sqid, cid)).filter(|(open, _)| *open > 0);
                match open {
                    Some((open, _opcode)) => {
                        *open -= 1;
                        #[cfg(test)]
                        if status.is_success() {
                            self.succeeded.insert((sqid == nvme_spec::ADMIN_QID, *_opcode));
                        }
                    }
                    None => assert!(self.is_lied_to, "{cid:#x} of {sqid} completed unasked"),
                }
                *self.posted.entry(cqid).or_default() += 1;
                self.last.insert(cqid, status);
            }
            // A queue that is made anew begins at its first entry.
            _ => {}
        }
    }
}
