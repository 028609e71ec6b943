//! The sanitize operation: what goes on, and how the last one ended.
// Spec: NVMe-Base-2.0c 8.21 "Sanitize Operations"

use nvme_spec::command::{SANACT_BLOCK_ERASE, SANACT_OVERWRITE, Sanitize10};
use nvme_spec::log::{SanitizeLog, sstat};
use zerocopy::IntoBytes;

use super::work::Work;
use crate::config::Timing;

const NS_PER_SECOND: u64 = 1_000_000_000;

/// What the host may do because of a sanitize.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SanitizeMode {
    /// Everything.
    Idle,
    /// One is in progress.
    InProgress,
    /// The last one failed.
    Failed,
}

/// How the last one ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum End {
    #[default]
    Never,
    Success {
        is_unexpected: bool,
    },
    Failure,
}

/// Sanitize state. Goes on across resets and power cycles.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sanitize {
    work: Option<Work>,
    end: End,
    /// The command that started the last one.
    command: u32,
    /// The one in progress will fail.
    pub(crate) is_doomed: bool,
    /// Writes that the host had made when the last one succeeded.
    erased_at_writes: Option<u64>,
}

/// How many times an overwrite goes over the media.
fn passes(command: Sanitize10) -> u32 {
    if command.owpass() == 0 { 16 } else { command.owpass() }
}

/// How long an action takes.
fn length_ns(timing: &Timing, command: Sanitize10) -> u64 {
    match command.sanact() {
        SANACT_OVERWRITE => timing.sanitize_pass_ns.saturating_mul(passes(command).into()),
        SANACT_BLOCK_ERASE => timing.sanitize_erase_ns,
        _ => timing.sanitize_crypto_ns,
    }
}

impl Sanitize {
    pub(crate) fn mode(&self) -> SanitizeMode {
        match (&self.work, self.end) {
            (Some(_), _) => SanitizeMode::InProgress,
            (None, End::Failure) => SanitizeMode::Failed,
            _ => SanitizeMode::Idle,
        }
    }

    /// The command that started the last one.
    pub(crate) fn command(&self) -> Sanitize10 {
        Sanitize10(self.command)
    }

    /// Whether the host asked that the media stay allocated, and this device does not do that.
    pub(crate) fn is_deallocation_unexpected(&self) -> bool {
        self.command().ndas() != 0
    }

    pub(crate) fn start(&mut self, command: Sanitize10, timing: &Timing, now_ns: u64) {
        self.command = command.0;
        self.work = Some(Work::starting_at(now_ns, length_ns(timing, command)));
    }

    pub(crate) fn due(&self) -> Option<u64> {
        self.work.as_ref().and_then(Work::due)
    }

    /// It is done, and nothing is left of what the host wrote in `host_writes` commands.
    pub(crate) fn succeed(&mut self, host_writes: u64) {
        self.work = None;
        self.end = End::Success { is_unexpected: self.is_deallocation_unexpected() };
        self.erased_at_writes = Some(host_writes);
    }

    /// It is done, but not done well.
    pub(crate) fn fail(&mut self) {
        self.work = None;
        self.end = End::Failure;
        self.erased_at_writes = None;
    }

    /// Leaves the failure; `false` if the mode of the failed operation does not allow that.
    pub(crate) fn exit_failure(&mut self) -> bool {
        let is_allowed = self.end != End::Failure || self.command().ause() != 0;
        if is_allowed && self.end == End::Failure {
            self.end = End::Never;
        }
        is_allowed
    }

    pub(crate) fn pause(&mut self, now_ns: u64) {
        if let Some(work) = &mut self.work {
            work.pause(now_ns);
        }
    }

    pub(crate) fn resume(&mut self, now_ns: u64) {
        if let Some(work) = &mut self.work {
            work.resume(now_ns);
        }
    }

    /// SSTAT.
    pub(crate) fn status(&self, now_ns: u64, host_writes: u64) -> u16 {
        let is_overwrite = self.command().sanact() == SANACT_OVERWRITE;
        let whole = if is_overwrite { passes(self.command()) } else { 0 };
        let (state, done) = match (&self.work, self.end) {
            (Some(work), _) => (sstat::IN_PROGRESS, work.progress(now_ns, whole)),
            (None, End::Never) => (sstat::NEVER, 0),
            (None, End::Success { is_unexpected: false }) => (sstat::SUCCESS, whole),
            (None, End::Success { is_unexpected: true }) => (sstat::UNEXPECTED_DEALLOCATION, whole),
            (None, End::Failure) => (sstat::FAILED, 0),
        };
        let passes = u16::try_from(done).unwrap_or(0).wrapping_shl(sstat::PASSES_SHIFT);
        let is_erased = self.work.is_none() && self.erased_at_writes == Some(host_writes);
        state | passes | if is_erased { sstat::GLOBAL_DATA_ERASED } else { 0 }
    }

    /// SPROG.
    pub(crate) fn progress(&self, now_ns: u64) -> u16 {
        let progress = self.work.as_ref().map_or(u32::MAX, |work| work.progress(now_ns, 0x1_0000));
        u16::try_from(progress).unwrap_or(u16::MAX)
    }

    /// The log page.
    pub(crate) fn page(&self, timing: &Timing, now_ns: u64, host_writes: u64) -> Vec<u8> {
        let seconds = |ns: u64| u32::try_from(ns.div_ceil(NS_PER_SECOND)).unwrap_or(u32::MAX);
        let mut log = SanitizeLog::zeroed();
        log.sprog = self.progress(now_ns).into();
        log.sstat = self.status(now_ns, host_writes).into();
        log.scdw10 = self.command.into();
        log.eto = seconds(timing.sanitize_pass_ns.saturating_mul(16)).into();
        log.etbe = seconds(timing.sanitize_erase_ns).into();
        log.etce = seconds(timing.sanitize_crypto_ns).into();
        for without in [&mut log.etond, &mut log.etbend, &mut log.etcend] {
            *without = SanitizeLog::NO_ESTIMATE.into();
        }
        log.as_bytes().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overwrite_counts_its_passes() {
        let timing = Timing { sanitize_pass_ns: 100, ..Timing::default() };
        let mut sanitize = Sanitize::default();
        let command = Sanitize10(0).with_sanact(SANACT_OVERWRITE).with_owpass(4);
        sanitize.start(command, &timing, 1_000);
        assert_eq!(sanitize.due(), Some(1_400));
        assert_eq!(sanitize.status(1_250, 0), sstat::IN_PROGRESS | 2 << 3);
        assert_eq!(sanitize.progress(1_100), 0x4000);
        sanitize.succeed(7);
        assert_eq!(sanitize.status(1_400, 7), sstat::SUCCESS | 4 << 3 | 1 << 8);
        assert_eq!(sanitize.status(1_400, 8), sstat::SUCCESS | 4 << 3, "written since");
        assert_eq!(sanitize.progress(1_400), 0xffff);
    }

    #[test]
    fn only_an_unrestricted_failure_can_be_left() {
        for ause in [0, 1] {
            let mut sanitize = Sanitize::default();
            assert!(sanitize.exit_failure(), "nothing to leave");
            sanitize.start(Sanitize10(0).with_sanact(2).with_ause(ause), &Timing::default(), 0);
            sanitize.fail();
            assert_eq!(sanitize.mode(), SanitizeMode::Failed);
            assert_eq!(sanitize.exit_failure(), ause == 1);
        }
    }
}
