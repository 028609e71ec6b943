//! The account of commands: what was fetched may be completed, once.

use std::collections::BTreeMap;

use nvme_model::{Event, Observer};
use nvme_spec::Status;

/// Fetched and not yet completed commands, by submission queue and CID.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    open: BTreeMap<(u16, u16), u32>,
    posted: BTreeMap<u16, u32>,
    last: BTreeMap<u16, Status>,
}

impl Accounts {
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

    pub(crate) fn last_status(&self, cqid: u16) -> Option<Status> {
        self.last.get(&cqid).copied()
    }
}

impl Observer for Accounts {
    fn event(&mut self, _now_ns: u64, event: &Event) {
        match *event {
            Event::Fetch { sqid, cid, .. } => *self.open.entry((sqid, cid)).or_default() += 1,
            Event::Complete { cqid, sqid, cid, status, .. } => {
                let open = self.open.get_mut(&(sqid, cid)).filter(|open| **open > 0);
                let open = open.unwrap_or_else(|| panic!("{cid:#x} of {sqid} completed unasked"));
                *open -= 1;
                *self.posted.entry(cqid).or_default() += 1;
                self.last.insert(cqid, status);
            }
            // A queue that is made anew begins at its first entry.
            _ => {}
        }
    }
}
