//! The order in which kinds of locks are taken (Linux lockdep), with reclaim as one of them.
//!
//! An order that is seen in both directions could deadlock. What this cannot see is a deadlock over something
//! that nobody "takes": memory that an allocation without the filesystem waits for, a thread to be made, a
//! request of a pool.

use alloc::collections::BTreeSet;

/// A class of locks. The numbers are part of the trace format: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum LockClass {
    /// The lock around a whole I/O of an inode.
    IoLock = 1,
    /// The lock of an inode's map.
    MapLock = 2,
    /// The journal being written.
    LogLock = 3,
    /// The mutex around the making of a workqueue.
    Workqueue = 4,
    /// Not a lock: reclaim that may call into a filesystem (Linux `fs_reclaim`). Held while memory is
    /// reclaimed, touched by every allocation that might.
    FsReclaim = 5,
}

impl LockClass {
    /// Every class.
    pub const ALL: &'static [Self] =
        &[Self::IoLock, Self::MapLock, Self::LogLock, Self::Workqueue, Self::FsReclaim];

    /// The name, as lockdep prints it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::IoLock => "i_rwsem",
            Self::MapLock => "i_lock",
            Self::LogLock => "log",
            Self::Workqueue => "wq_pool_mutex",
            Self::FsReclaim => "fs_reclaim",
        }
    }

    /// The class with this number, if there is one.
    #[must_use]
    pub fn from_u8(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|class| *class as u8 == number)
    }
}

/// Which class was ever taken while which was held. A watcher may have classes of its own.
#[derive(Clone, Debug)]
pub struct LockOrder<C = LockClass> {
    edges: BTreeSet<(C, C)>,
}

impl<C> Default for LockOrder<C> {
    fn default() -> Self {
        Self { edges: BTreeSet::new() }
    }
}

impl<C: Copy + Ord> LockOrder<C> {
    /// Notes that `wanted` is taken while `held` is. True the first time that this closes a circle.
    pub fn note(&mut self, held: C, wanted: C) -> bool {
        let is_new = self.edges.insert((held, wanted));
        is_new && self.leads(wanted, held)
    }

    /// Was `wanted` ever taken right while `held` was?
    #[must_use]
    pub fn has_seen(&self, held: C, wanted: C) -> bool {
        self.edges.contains(&(held, wanted))
    }

    /// Was `to` ever taken while `from` was held, directly or by others between them?
    fn leads(&self, from: C, to: C) -> bool {
        let mut seen = BTreeSet::from([from]);
        let mut open = alloc::vec![from];
        while let Some(class) = open.pop() {
            if class == to {
                return true;
            }
            let next = self.edges.iter().filter(|(held, _)| *held == class);
            open.extend(next.map(|(_, wanted)| *wanted).filter(|wanted| seen.insert(*wanted)));
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::LockClass::{FsReclaim, IoLock, LogLock, MapLock};
    use super::*;

    #[test]
    fn one_direction_is_an_order() {
        let mut order = LockOrder::default();
        assert!(!order.note(IoLock, MapLock));
        assert!(!order.note(MapLock, LogLock));
        assert!(!order.note(IoLock, LogLock));
    }

    #[test]
    fn both_directions_are_reported_once() {
        let mut order = LockOrder::default();
        assert!(!order.note(FsReclaim, IoLock));
        assert!(order.note(IoLock, FsReclaim));
        assert!(!order.note(IoLock, FsReclaim));
    }

    #[test]
    fn a_circle_over_three_classes_is_seen() {
        let mut order = LockOrder::default();
        assert!(!order.note(IoLock, MapLock));
        assert!(!order.note(MapLock, FsReclaim));
        assert!(order.note(FsReclaim, IoLock));
    }

    #[test]
    fn a_class_within_itself_is_a_circle() {
        assert!(LockOrder::default().note(IoLock, IoLock));
    }
}
