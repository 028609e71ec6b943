//! How long commands take.

use std::collections::VecDeque;

use crate::command::{Command, NvmCommand, NvmOp};
use crate::config::Timing;

/// The media's channels: each works on one command at a time.
#[derive(Clone, Debug)]
pub(crate) struct Channels {
    /// When each becomes free, ascending; which one it is makes no difference. Mostly whichever works
    /// next is also free again last.
    free_at: VecDeque<u64>,
}

impl Channels {
    pub(crate) fn new(count: u16) -> Self {
        Self { free_at: std::iter::repeat_n(0, usize::from(count.max(1))).collect() }
    }

    pub(crate) fn reset(&mut self) {
        self.free_at.iter_mut().for_each(|free_at| *free_at = 0);
    }

    /// Gives a command the first channel that is free; returns when it is done.
    fn occupy(&mut self, now_ns: u64, service_ns: u64) -> u64 {
        let first = self.free_at.pop_front().unwrap_or(0);
        let done_ns = now_ns.max(first).saturating_add(service_ns);
        match self.free_at.back() {
            Some(last) if *last > done_ns => {
                let at = self.free_at.partition_point(|earlier| *earlier <= done_ns);
                self.free_at.insert(at, done_ns);
            }
            _ => self.free_at.push_back(done_ns),
        }
        done_ns
    }

    /// When a command that is fetched now is done. Admin commands and those that fail at once need no
    /// channel.
    pub(crate) fn due(&mut self, now_ns: u64, timing: &Timing, command: Option<&Command>) -> u64 {
        let service_ns = match command {
            Some(Command::Nvm(command)) => media_ns(timing, command),
            _ => None,
        };
        match service_ns {
            Some(service_ns) => self.occupy(now_ns, service_ns),
            None => now_ns.saturating_add(timing.admin_ns),
        }
    }
}

/// How long the media works on a command; `None` if it does not.
pub(crate) fn media_ns(timing: &Timing, command: &NvmCommand) -> Option<u64> {
    let blocks_ns = timing.block_ns.saturating_mul(command.span.blocks.into());
    let work_ns = match command.op {
        NvmOp::Flush => return Some(timing.flush_ns),
        NvmOp::Read | NvmOp::Compare | NvmOp::Verify => timing.read_ns.saturating_add(blocks_ns),
        NvmOp::Write => timing.write_ns.saturating_add(blocks_ns),
        NvmOp::ReservationRegister(_)
        | NvmOp::ReservationAcquire(_)
        | NvmOp::ReservationRelease(_)
        | NvmOp::ReservationReport { .. } => return None,
        // How much is copied stands in the host's memory.
        NvmOp::Copy(_) => timing.read_ns.saturating_add(timing.write_ns),
        NvmOp::WriteUncorrectable | NvmOp::DatasetManagement { .. } => {
            return Some(timing.deallocate_ns);
        }
        NvmOp::WriteZeroes { .. } => timing.deallocate_ns,
    };
    let commit_ns = if command.is_fua { timing.flush_ns } else { 0 };
    Some(work_ns.saturating_add(commit_ns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_channel_makes_the_next_command_wait() {
        let mut channels = Channels::new(2);
        assert_eq!(channels.occupy(100, 10), 110);
        assert_eq!(channels.occupy(100, 20), 120);
        assert_eq!(channels.occupy(100, 10), 120);
        assert_eq!(channels.occupy(200, 5), 205);
    }
}
