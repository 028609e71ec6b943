//! The device self-test: the one that runs, and the results of those that ended.
// Spec: NVMe-Base-2.0c 8.6 "Device Self-test Operations"

use std::collections::VecDeque;

use nvme_spec::log::{
    SELF_TEST_RESULTS, SELF_TEST_SHORT, SelfTestLog, SelfTestResult, result_code,
};
use nvme_spec::{StatusCode, status};
use zerocopy::IntoBytes;

use super::work::Work;

/// Namespace, block, status code type and status code are valid.
const ALL_VALID: u8 = 0xf;

/// A self-test that runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SelfTestRun {
    /// Short or extended.
    pub(crate) code: u8,
    /// The namespace it looks at; 0 = none, the broadcast identifier = all.
    pub(crate) nsid: u32,
    work: Work,
}

/// What a self-test found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Nothing wrong.
    Good,
    /// A segment failed, and nothing more is known.
    Segment(u8),
    /// A segment failed at this block of this namespace.
    Block { segment: u8, nsid: u32, lba: u64 },
}

/// Self-tests.
#[derive(Clone, Debug, Default)]
pub(crate) struct SelfTest {
    run: Option<SelfTestRun>,
    results: VecDeque<SelfTestResult>,
}

impl SelfTest {
    pub(crate) fn run(&self) -> Option<&SelfTestRun> {
        self.run.as_ref()
    }

    /// Starts one; the caller knows that none runs.
    pub(crate) fn start(&mut self, code: u8, nsid: u32, now_ns: u64, total_ns: u64) {
        self.run = Some(SelfTestRun { code, nsid, work: Work::starting_at(now_ns, total_ns) });
    }

    /// When the one that runs is done.
    pub(crate) fn due(&self) -> Option<u64> {
        self.run.as_ref().and_then(|run| run.work.due())
    }

    /// The one that runs ends like this.
    pub(crate) fn end(&mut self, finding: Finding, power_on_hours: u64) {
        let Some(run) = self.run.take() else {
            return;
        };
        let how = if finding == Finding::Good {
            result_code::PASSED
        } else {
            result_code::SEGMENT_FAILED
        };
        let mut result = SelfTestResult::with_status(run.code, how);
        match finding {
            Finding::Good => {}
            Finding::Segment(segment) => result.segment = segment,
            Finding::Block { segment, nsid, lba } => {
                (result.segment, result.valid) = (segment, ALL_VALID);
                (result.nsid, result.failing_lba) = (nsid.into(), lba.into());
                StatusCode { sct: result.sct, sc: result.sc } = status::UNRECOVERED_READ;
            }
        }
        result.power_on_hours = power_on_hours.into();
        self.enter(result);
    }

    /// Aborts the one that runs, if any.
    pub(crate) fn abort(&mut self, reason: u8, power_on_hours: u64) {
        if let Some(run) = self.run.take() {
            let mut result = SelfTestResult::with_status(run.code, reason);
            result.power_on_hours = power_on_hours.into();
            self.enter(result);
        }
    }

    fn enter(&mut self, result: SelfTestResult) {
        self.results.push_front(result);
        self.results.truncate(SELF_TEST_RESULTS);
    }

    /// A controller level reset ends a short self-test; an extended one goes on.
    pub(crate) fn reset(&mut self, power_on_hours: u64) {
        if self.run.as_ref().is_some_and(|run| run.code == SELF_TEST_SHORT) {
            self.abort(result_code::ABORTED_BY_RESET, power_on_hours);
        }
    }

    pub(crate) fn pause(&mut self, now_ns: u64) {
        if let Some(run) = &mut self.run {
            run.work.pause(now_ns);
        }
    }

    pub(crate) fn resume(&mut self, now_ns: u64) {
        if let Some(run) = &mut self.run {
            run.work.resume(now_ns);
        }
    }

    /// The log page.
    pub(crate) fn page(&self, now_ns: u64) -> Vec<u8> {
        let mut log = SelfTestLog::empty();
        if let Some(run) = &self.run {
            log.current = run.code;
            log.completion = u8::try_from(run.work.progress(now_ns, 100)).unwrap_or(100);
        }
        for (to, result) in log.results.iter_mut().zip(&self.results) {
            *to = *result;
        }
        log.as_bytes().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nvme_spec::log::SELF_TEST_EXTENDED;

    #[test]
    fn a_reset_ends_a_short_test_and_not_an_extended_one() {
        let mut tests = SelfTest::default();
        tests.start(SELF_TEST_SHORT, 0, 0, 100);
        tests.reset(3);
        assert_eq!((tests.run().is_none(), tests.page(0)[4], tests.page(0)[8]), (true, 0x12, 3));
        tests.start(SELF_TEST_EXTENDED, 0, 0, 100);
        tests.reset(3);
        assert_eq!(tests.page(40)[..2], [2, 40]);
    }

    #[test]
    fn twenty_results_are_kept_the_newest_first() {
        let mut tests = SelfTest::default();
        for hours in 1..=25 {
            tests.start(SELF_TEST_SHORT, 0, 0, 1);
            tests.end(Finding::Good, hours);
        }
        let page = tests.page(0);
        assert_eq!((page[4], page[8], page[4 + 19 * 28 + 4]), (0x10, 25, 6));
    }
}
