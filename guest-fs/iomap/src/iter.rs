//! The walk over a file range, mapping by mapping (Linux `struct iomap_iter`, in its newer shape).
//!
//! How far a step came ([`Iter::advance`]) and how it went (the `status` given to [`Iter::next`]) are two
//! things. The old shape had one signed number for both, and its users mixed them up.

use hal::Tracer;

use crate::piece::ask;
use crate::{Context, FailureKind, Intent, IoFailure, Iomap, IomapOps};

/// A range of a file that is being walked.
#[derive(Debug)]
pub struct Iter<I> {
    inode: I,
    pos: u64,
    left: u64,
    intent: Intent,
    context: Context,
    current: Option<Current>,
}

#[derive(Debug)]
struct Current {
    map: Iomap,
    advanced: u64,
    is_stale: bool,
}

impl<I: Copy + core::fmt::Debug> Iter<I> {
    /// A walk over `[pos, pos + length)`.
    #[must_use]
    pub const fn new(inode: I, pos: u64, length: u64, intent: Intent, context: Context) -> Self {
        Self { inode, pos, left: length, intent, context, current: None }
    }

    /// The same when the first mapping was asked for already.
    pub(crate) const fn begun(
        inode: I,
        pos: u64,
        length: u64,
        intent: Intent,
        context: Context,
        map: Iomap,
    ) -> Self {
        let current = Some(Current { map, advanced: 0, is_stale: false });
        Self { inode, pos, left: length, intent, context, current }
    }

    /// Where the next byte is.
    #[must_use]
    pub const fn pos(&self) -> u64 {
        self.pos
    }

    /// Bytes that the current mapping covers from [`Iter::pos`] on, inside the range.
    #[must_use]
    pub fn piece_left(&self) -> u64 {
        self.current.as_ref().map_or(0, |current| {
            let end = current.map.offset.saturating_add(current.map.length);
            end.saturating_sub(self.pos).min(self.left)
        })
    }

    /// `bytes` more are done; not more than [`Iter::piece_left`] count.
    pub fn advance(&mut self, bytes: u64) {
        let bytes = bytes.min(self.piece_left());
        if let Some(current) = &mut self.current {
            current.advanced = current.advanced.saturating_add(bytes);
            self.pos = self.pos.saturating_add(bytes);
            self.left = self.left.saturating_sub(bytes);
        }
    }

    /// The current mapping is not true any more: ask again, although nothing was done (Linux
    /// `IOMAP_F_STALE`).
    pub fn mark_stale(&mut self) {
        if let Some(current) = &mut self.current {
            current.is_stale = true;
        }
    }

    /// Ends the step with the current mapping, which went as `status` says, and asks for the next one.
    /// `None` at the end of the range, or when a step did nothing.
    ///
    /// # Errors
    /// `status`; what `iomap_end` or `iomap_begin` refuses.
    pub fn next<O: IomapOps<Inode = I>>(
        &mut self,
        ops: &O,
        tracer: &Tracer,
        status: Result<(), IoFailure>,
    ) -> Result<Option<Iomap>, IoFailure> {
        if let Some(Current { map, advanced, is_stale }) = self.current.take() {
            let start = self.pos.saturating_sub(advanced);
            let ended = ops.iomap_end(self.inode, &map, start, advanced, self.intent, self.context);
            status?;
            ended.map_err(|errno| IoFailure::filesystem(errno, start, FailureKind::EndIo))?;
            if advanced == 0 && !is_stale {
                return Ok(None);
            }
        }
        if self.left == 0 {
            return Ok(None);
        }
        let map = ask(ops, tracer, self.inode, self.pos, self.left, self.intent, self.context)?;
        self.current = Some(Current { map, advanced: 0, is_stale: false });
        Ok(Some(map))
    }
}
