//! Device Self-test: segments over what the model really has.
//!
//! | segment | looks at | in a short test |
//! |---|---|---|
//! | 2 SMART check | critical warnings | yes |
//! | 5 NVM integrity | the first and the last block of each namespace can be read | yes |
//! | 7 media check | no block of a namespace is unreadable | no |
//!
//! Unreadable is what Get LBA Status lists: what Write Uncorrectable spoiled, and what a rule until a rewrite made a
//! command report as an Unrecovered Read Error. A rule's blocks that no command has met are not found: rules are
//! about commands.
//! Numbers as in the standard's example. What is found is the state at the end of the test.
// Spec: NVMe-Base-2.0c 5.9 "Device Self-test command"

use nvme_spec::log::{SELF_TEST_ABORT, SELF_TEST_EXTENDED, SELF_TEST_SHORT, result_code};
use nvme_spec::{NSID_BROADCAST, status};

use crate::Controller;
use crate::controller::Outcome;
use crate::device::Finding;
use crate::failure::{Failure, byte};
use crate::media::MediaError;
use crate::namespace::Namespace;

const SMART_CHECK: u8 = 2;
const NVM_INTEGRITY: u8 = 5;
const MEDIA_CHECK: u8 = 7;

impl Controller {
    pub(super) fn start_self_test(&mut self, code: u8, nsid: u32) -> Outcome {
        let (now_ns, hours) = (self.now_ns(), self.power_on_hours());
        if code == SELF_TEST_ABORT {
            self.device.self_test.abort(result_code::ABORTED_BY_COMMAND, hours);
            return Ok(0);
        }
        let total_ns = match code {
            SELF_TEST_SHORT => self.config.timing.self_test_short_ns,
            SELF_TEST_EXTENDED => self.config.timing.self_test_extended_ns,
            _ => return Err(Failure::field(byte::CDW10, 0)),
        };
        if nsid != 0 {
            self.check_active_or_all(nsid)?;
        }
        if self.device.self_test.run().is_some() {
            return Err(Failure::transient(status::SELF_TEST_IN_PROGRESS));
        }
        self.device.self_test.start(code, nsid, now_ns, total_ns);
        Ok(0)
    }

    pub(super) fn finish_self_test(&mut self) {
        let Some((code, nsid)) = self.device.self_test.run().map(|run| (run.code, run.nsid)) else {
            return;
        };
        let finding = match self.look_for_faults(code == SELF_TEST_EXTENDED, nsid) {
            Ok(finding) => finding,
            Err(error) => {
                self.note_host_failure(error);
                Finding::Segment(NVM_INTEGRITY)
            }
        };
        let hours = self.power_on_hours();
        self.device.self_test.end(finding, hours);
        if finding != Finding::Good {
            self.capture_telemetry("self-test-failed");
        }
    }

    fn look_for_faults(&self, is_extended: bool, nsid: u32) -> Result<Finding, MediaError> {
        if self.critical_warning() != 0 {
            return Ok(Finding::Segment(SMART_CHECK));
        }
        let is_tested = |ns: &&Namespace| nsid == NSID_BROADCAST || ns.nsid == nsid;
        for ns in self.namespaces.values().filter(is_tested) {
            let (size, bad) = (ns.size_blocks(), self.known_bad(ns));
            let block = |segment, lba| Finding::Block { segment, nsid: ns.nsid, lba };
            let ends = [0, size.saturating_sub(1)];
            if let Some(lba) = ends.iter().find_map(|lba| bad.first_of(*lba, 1)) {
                return Ok(block(NVM_INTEGRITY, lba));
            }
            if let Some(lba) = bad.first_of(0, size).filter(|_| is_extended) {
                return Ok(block(MEDIA_CHECK, lba));
            }
            let mut data = vec![0; ns.block_bytes() as usize];
            for lba in ends {
                ns.peek(lba, &mut data)?;
            }
        }
        Ok(Finding::Good)
    }
}
