//! What the rules that fired want done.

use nvme_spec::Status;

use super::kinds::{Action, ActionKind};

/// The actions of all rules that fired on one command or access, in the plan's order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(Vec<Action>);

/// The value of the first action of a kind: `value_of!(faults, WrongCid)`.
macro_rules! value_of {
    ($faults:expr, $kind:ident) => {
        $faults.iter().find_map(|action| match action {
            $crate::fault::Action::$kind(value) => Some(value),
            _ => None,
        })
    };
}
pub(crate) use value_of;

impl Faults {
    pub(super) fn add(&mut self, action: Action) {
        self.0.push(action);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Action> {
        self.0.iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether something of this kind is to happen.
    #[inline]
    pub(crate) fn has(&self, kind: ActionKind) -> bool {
        // Mostly there is nothing.
        !self.0.is_empty() && self.0.iter().any(|action| action.kind() == kind)
    }

    /// The status that is prescribed: that of the first rule.
    pub(crate) fn status(&self) -> Option<Status> {
        value_of!(self, Status).copied()
    }

    /// No status is prescribed any more: something else decides it.
    pub(crate) fn forget_status(&mut self) {
        self.0.retain(|action| action.kind() != ActionKind::Status);
    }

    /// All delays together.
    pub(crate) fn delay_ns(&self) -> u64 {
        self.0.iter().fold(0, |sum, action| match action {
            Action::Delay(ns) => sum.saturating_add(*ns),
            _ => sum,
        })
    }

    pub(crate) fn is_lost_write(&self) -> bool {
        self.has(ActionKind::LostWrite)
    }

    pub(crate) fn is_stale_read(&self) -> bool {
        self.has(ActionKind::StaleRead)
    }

    /// Changes data on its way: flipped bytes, then forged ones.
    pub(crate) fn corrupt(&self, data: &mut [u8]) {
        for action in &self.0 {
            match action {
                Action::Corrupt(flip) => {
                    let index = flip.offset.checked_rem(data.len() as u64);
                    let index = index.and_then(|index| usize::try_from(index).ok());
                    if let Some(byte) = index.and_then(|index| data.get_mut(index)) {
                        *byte ^= flip.xor;
                    }
                }
                Action::Forge(pattern) => pattern.put(0, data),
                _ => {}
            }
        }
    }

    /// The part of a transfer that takes place: how many bytes from the first on.
    pub(crate) fn transferred(&self, bytes: usize) -> usize {
        let limit = value_of!(self, PartialDma).map(|limit| usize::try_from(*limit));
        limit.and_then(Result::ok).map_or(bytes, |limit| limit.min(bytes))
    }
}
