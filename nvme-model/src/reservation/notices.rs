//! What hosts have to be told, until they read it.
//!
//! A host that is not on the controller when something happens is told when it is back: it is the only
//! way in which one controller can have several hosts.

use std::collections::{BTreeMap, VecDeque};

use nvme_spec::reservation::Notification;

use super::{Host, Notice};

/// Notices of a host that are kept; the oldest go first.
const KEPT_MAX: usize = 255;

/// Notices by host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notices {
    kept: BTreeMap<Host, VecDeque<(u64, u8, u32)>>,
    count: u64,
}

impl Notices {
    pub(crate) fn add(&mut self, nsid: u32, notice: Notice) {
        self.count = self.count.saturating_add(1);
        let kept = self.kept.entry(notice.host).or_default();
        if kept.len() == KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back((self.count, notice.kind, nsid));
    }

    /// Whether there is anything to read for a host.
    pub(crate) fn has_any(&self, host: Host) -> bool {
        self.kept.get(&host).is_some_and(|kept| !kept.is_empty())
    }

    /// The oldest notice, as the log page has it.
    pub(crate) fn oldest(&self, host: Host) -> Notification {
        let kept = self.kept.get(&host);
        let Some((count, kind, nsid)) = kept.and_then(VecDeque::front) else {
            return Notification::new(0, 0, 0, 0);
        };
        let others = kept.map_or(0, |kept| kept.len().saturating_sub(1));
        Notification::new(*count, *kind, u8::try_from(others).unwrap_or(u8::MAX), *nsid)
    }

    /// The host has read it.
    pub(crate) fn forget_oldest(&mut self, host: Host) {
        if let Some(kept) = self.kept.get_mut(&host) {
            kept.pop_front();
        }
    }
}
