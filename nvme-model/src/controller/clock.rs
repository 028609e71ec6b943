//! How long commands take.

use crate::command::{Command, NvmOp};
use crate::config::Timing;

/// The media's channels: each works on one command at a time.
#[derive(Clone, Debug)]
pub(crate) struct Channels {
    /// When each becomes free.
    free_at: Vec<u64>,
}

impl Channels {
    pub(crate) fn new(count: u16) -> Self {
        Self { free_at: vec![0; usize::from(count.max(1))] }
    }

    pub(crate) fn reset(&mut self) {
        self.free_at.fill(0);
    }

    /// Gives a command the first channel that is free, the lowest one among equals; returns when it is
    /// done.
    fn occupy(&mut self, now_ns: u64, service_ns: u64) -> u64 {
        let Some(free_at) = self.free_at.iter_mut().min_by_key(|free_at| **free_at) else {
            return now_ns.saturating_add(service_ns);
        };
        *free_at = now_ns.max(*free_at).saturating_add(service_ns);
        *free_at
    }

    /// When a command that is fetched now is done. Admin commands and those that fail at once need no
    /// channel.
    pub(crate) fn due(&mut self, now_ns: u64, timing: &Timing, command: Option<&Command>) -> u64 {
        match command.and_then(|command| media_ns(timing, command)) {
            Some(service_ns) => self.occupy(now_ns, service_ns),
            None => now_ns.saturating_add(timing.admin_ns),
        }
    }
}

/// How long the media works on a command; `None` if it does not.
pub(crate) fn media_ns(timing: &Timing, command: &Command) -> Option<u64> {
    let Command::Nvm(command) = command else {
        return None;
    };
    let blocks_ns = |blocks: u32| timing.block_ns.saturating_mul(blocks.into());
    Some(match command.op {
        NvmOp::Flush => timing.flush_ns,
        NvmOp::Read { blocks, .. }
        | NvmOp::Compare { blocks, .. }
        | NvmOp::Verify { blocks, .. } => timing.read_ns.saturating_add(blocks_ns(blocks)),
        NvmOp::Write { blocks, is_fua, .. } => timing
            .write_ns
            .saturating_add(blocks_ns(blocks))
            .saturating_add(if is_fua { timing.flush_ns } else { 0 }),
        NvmOp::ReservationRegister(_)
        | NvmOp::ReservationAcquire(_)
        | NvmOp::ReservationRelease(_)
        | NvmOp::ReservationReport { .. } => return None,
        // How much is copied stands in the host's memory.
        NvmOp::Copy(_) => timing.read_ns.saturating_add(timing.write_ns),
        NvmOp::WriteZeroes { .. }
        | NvmOp::WriteUncorrectable { .. }
        | NvmOp::DatasetManagement { .. } => timing.deallocate_ns,
    })
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
