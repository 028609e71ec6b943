//! Errors of writeback, each reported once to everybody who has the file open (Linux `errseq_t`).

use crate::Errno;

/// The last error of a file's writeback and how many there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrSeq {
    count: u64,
    errno: Option<Errno>,
    /// Has anybody been told?
    is_seen: bool,
}

/// Up to where somebody has been told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrCursor(u64);

impl ErrSeq {
    /// An error happened (Linux `errseq_set`). Errors that nobody has seen yet count as one.
    pub fn set(&mut self, errno: Errno) {
        if self.is_seen || self.errno.is_none() {
            self.count = self.count.saturating_add(1);
        }
        self.errno = Some(errno);
        self.is_seen = false;
    }

    /// Where somebody who opens the file now starts (Linux `errseq_sample`): an error that nobody was
    /// told of is told to him too.
    #[must_use]
    pub const fn sample(&self) -> ErrCursor {
        let unseen = self.errno.is_some() && !self.is_seen;
        ErrCursor(if unseen { self.count.saturating_sub(1) } else { self.count })
    }

    /// Tells an error once (Linux `errseq_check_and_advance`).
    ///
    /// # Errors
    /// The last error since `cursor`.
    pub fn check_and_advance(&mut self, cursor: &mut ErrCursor) -> Result<(), Errno> {
        if cursor.0 >= self.count {
            return Ok(());
        }
        cursor.0 = self.count;
        self.is_seen = true;
        self.errno.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_once_to_each_open_file_and_an_unseen_one_to_a_later_one_too() {
        let mut errors = ErrSeq::default();
        let (mut first, mut second) = (errors.sample(), errors.sample());
        assert_eq!(errors.check_and_advance(&mut first), Ok(()));
        errors.set(Errno::EIO);
        let mut late = errors.sample();
        assert_eq!(errors.check_and_advance(&mut first), Err(Errno::EIO));
        assert_eq!(errors.check_and_advance(&mut first), Ok(()), "once");
        assert_eq!(errors.check_and_advance(&mut second), Err(Errno::EIO), "to each");
        assert_eq!(errors.check_and_advance(&mut late), Err(Errno::EIO), "nobody had seen it");
        let mut later = errors.sample();
        assert_eq!(errors.check_and_advance(&mut later), Ok(()), "it was seen before");
        errors.set(Errno::ENOSPC);
        assert_eq!(errors.check_and_advance(&mut first), Err(Errno::ENOSPC));
    }
}
