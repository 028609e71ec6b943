//! Rules and actions as text, the same text that is read.

use std::fmt;

use super::rule::ActionKind;

impl ActionKind {
    /// The word in a rule.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Delay => "delay",
            Self::Drop => "drop",
            Self::Hang => "hang",
            Self::Corrupt => "corrupt",
            Self::LostWrite => "lost-write",
            Self::Cfs => "cfs",
            Self::Remove => "remove",
            Self::Duplicate => "duplicate",
            Self::WrongCid => "wrong-cid",
            Self::LostInterrupt => "lost-interrupt",
            Self::IgnoreAbort => "ignore-abort",
        }
    }
}

impl fmt::Display for ActionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
