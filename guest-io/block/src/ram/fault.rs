//! Which request fails, and how.

use core::ops::Range;

use crate::{Bio, BlockError, Op};

/// What a fault applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpKind {
    /// Every request.
    Any,
    /// Reads.
    Read,
    /// Writes, with or without FUA.
    Write,
    /// Flushes.
    Flush,
    /// Write zeroes.
    WriteZeroes,
    /// Discards.
    Discard,
}

impl OpKind {
    fn matches(self, op: Op) -> bool {
        match self {
            Self::Any => true,
            Self::Read => op == Op::Read,
            Self::Write => matches!(op, Op::Write { .. }),
            Self::Flush => op == Op::Flush,
            Self::WriteZeroes => matches!(op, Op::WriteZeroes { .. }),
            Self::Discard => matches!(op, Op::Discard { .. }),
        }
    }
}

/// A rule: matching requests fail with `error`. A failed request has no effect on the data.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Which kind of request.
    pub op: OpKind,
    /// Requests that touch any of these blocks. `None`: any request of the kind.
    pub blocks: Option<Range<u64>>,
    /// How many matching requests pass before the first one fails: 0 fails the first.
    pub skip: u64,
    /// How many fail then; `u64::MAX` for all.
    pub times: u64,
    /// What the requests get.
    pub error: BlockError,
}

impl Fault {
    /// The `n`-th request of kind `op` (from 0) fails with `error`, once.
    #[must_use]
    pub const fn nth(op: OpKind, n: u64, error: BlockError) -> Self {
        Self { op, blocks: None, skip: n, times: 1, error }
    }

    /// Every request of kind `op` that touches `blocks` fails with `error`.
    #[must_use]
    pub const fn on_blocks(op: OpKind, blocks: Range<u64>, error: BlockError) -> Self {
        Self { op, blocks: Some(blocks), skip: 0, times: u64::MAX, error }
    }

    /// The error for this request, if the rule fires; counts it.
    pub(super) fn fire<P>(&mut self, bio: &Bio<P>) -> Option<BlockError> {
        let end = bio.block.saturating_add(bio.size_blocks());
        let is_hit = self.blocks.as_ref().is_none_or(|r| bio.block < r.end && r.start < end);
        if !self.op.matches(bio.op) || !is_hit {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.times = self.times.checked_sub(1)?;
        Some(self.error)
    }
}
