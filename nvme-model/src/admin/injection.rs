//! Faults from inside the guest: the OCP feature Error Injection (C0h), and the page of armed rules.
//!
//! Each of the 22 types of the feature is a rule of the one fault engine, but for "thermal throttling
//! disengaged", which takes those back that engage it. A drive whose own metadata are corrupt gives what
//! the blocks held before. What the feature armed ends with the next Set Features, or with the power. The layout is that of the OCP Datacenter NVMe SSD Specification.

use nvme_spec::status;

use crate::controller::Outcome;
use crate::data::DataPointer;
use crate::failure::{Failure, byte};
use crate::fault::Rule;
use crate::{Controller, Ports};

/// The log page of armed rules: text, a line a rule, of the vendor's own range.
pub(super) const LID_FAULT_RULES: u8 = 0xe0;

const ENTRY_BYTES: usize = 32;
const ENTRIES_MAX: usize = 127;
const PAGE_BYTES: usize = 4096;

// An entry's flags.
const ENABLED: u8 = 1;
const SINGLE: u8 = 1 << 1;

/// The rule of each type: what matches, and what happens. Admin commands that could take the fault back
/// are spared by those types that would otherwise lock the guest out.
const TYPES: [(u16, &str, &str); 21] = [
    (1, "any", "hang"),
    (2, "io", "hang"),
    (3, "any", "smart-warning=0x10"),
    (4, "any", "aen=error/persistent-internal"),
    (5, "any", "cfs"),
    (6, "any", "aen=error/transient-internal"),
    (7, "read", "status=media/unrecovered-read"),
    (8, "io", "status=generic/internal-error"),
    (9, "any", "cfs-sticky"),
    (10, "write", "read-only"),
    (11, "shutdown", "ignore-shutdown"),
    (12, "read", "stale-read"),
    (13, "write", "delay=gc(10ms,100ms)"),
    (14, "io", "delay=50ms"),
    (15, "io", "status=generic/internal-error"),
    (16, "io", "drop"),
    (17, "admin not{ any{ set-features | async-event-request } }", "status=generic/internal-error"),
    (18, "admin not{ any{ set-features | async-event-request } }", "drop"),
    (THROTTLED, "io", "delay=1ms"),
    (21, "any", "smart-warning=0x02"),
    (22, "io every=8", "status=media/unrecovered-read"),
];

const THROTTLED: u16 = 19;
const THROTTLED_NO_MORE: u16 = 20;

/// Types that wait for so many reads, if the entry says so.
const WAITS_FOR_READS: std::ops::RangeInclusive<u16> = 1..=11;

/// What the guest has armed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Injected {
    entries: Vec<u8>,
    rules: Vec<u32>,
}

/// The type of an entry; `None` if it is not enabled.
fn type_of(entry: &[u8]) -> Option<u16> {
    let [flags, _, low, high, ..] = *entry else {
        return None;
    };
    (flags & ENABLED != 0).then_some(u16::from_le_bytes([low, high]))
}

/// The rules of an entry: none if it is not enabled.
fn rules_of(number: usize, entry: &[u8]) -> Result<Vec<Rule>, Failure> {
    let [flags, _, _, _, reads_low, reads_high, ..] = *entry else {
        return Ok(Vec::new());
    };
    let Some(kind) = type_of(entry).filter(|kind| *kind != THROTTLED_NO_MORE) else {
        return Ok(Vec::new());
    };
    let reads = u16::from_le_bytes([reads_low, reads_high]);
    let known = TYPES.iter().find(|(known, ..)| *known == kind);
    let (_, matcher, action) = known.ok_or_else(|| Failure::field(byte::CDW11, 0))?;
    let count = if flags & SINGLE == 0 { "" } else { " count=1" };
    let is_waiting = reads > 0 && WAITS_FOR_READS.contains(&kind);
    let (first, after) = if is_waiting {
        let name = format!("ocp-{number}");
        (Some(format!("read name={name} nth={reads} => expect")), format!(" after={name}"))
    } else {
        (None, String::new())
    };
    let lines = first.into_iter().chain([format!("{matcher}{after} => {action}{count}")]);
    // The table's words are the language's: a test arms each of them.
    let rules = lines.map(|line| line.parse().map_err(|_| Failure::field(byte::CDW11, 0)));
    rules.collect()
}

impl Controller {
    /// Set Features: arms what the entries say, in the place of what was armed so before.
    pub(crate) fn set_error_injection(
        &mut self,
        count: u32,
        from: DataPointer,
        ports: &mut Ports<'_>,
    ) -> Outcome {
        let count = usize::try_from(count).ok().filter(|count| *count <= ENTRIES_MAX);
        let count = count.ok_or_else(|| Failure::field(byte::CDW11, 0))?;
        let mut page = vec![0; PAGE_BYTES];
        if count > 0 {
            self.receive(&mut page, from, ports)?;
        }
        page.truncate(count.saturating_mul(ENTRY_BYTES));
        let mut rules = Vec::new();
        let mut types = page.chunks(ENTRY_BYTES).map(type_of);
        let is_cool = types.any(|kind| kind == Some(THROTTLED_NO_MORE));
        for (number, entry) in page.chunks(ENTRY_BYTES).enumerate() {
            let new = rules_of(number, entry)?;
            if type_of(entry) != Some(THROTTLED) || !is_cool {
                rules.extend(new);
            }
        }
        self.disarm_injected();
        let armed = rules.into_iter().map(|rule| self.faults_mut().arm(rule)).collect();
        self.injected = Injected { entries: page, rules: armed };
        Ok(0)
    }

    /// Get Features: the entries as they were set, their number in dword 0.
    pub(crate) fn get_error_injection(&self, to: DataPointer, ports: &Ports<'_>) -> Outcome {
        let mut page = self.injected.entries.clone();
        let count = page.len().checked_div(ENTRY_BYTES).unwrap_or(0);
        page.resize(PAGE_BYTES, 0);
        self.send(&page, to, ports)?;
        u32::try_from(count).map_err(|_| Failure::permanent(status::INTERNAL_ERROR))
    }

    /// Ends what the guest has armed.
    pub(crate) fn disarm_injected(&mut self) {
        for rule in std::mem::take(&mut self.injected).rules {
            self.faults_mut().disarm(rule);
        }
    }

    /// The page of rules: number, status, matches, firings and the rule, a line each; then zeros.
    pub(crate) fn fault_page(&self) -> Vec<u8> {
        let rules = self.faults().counts().zip(self.faults().statuses()).enumerate();
        let lines = rules.map(|(number, ((rule, counts), status))| {
            let (status, armed, fired) = (status.name(), counts.armed, counts.fired);
            format!("{number} {status} {armed} {fired} {rule}\n")
        });
        let mut page = lines.collect::<String>().into_bytes();
        page.resize(page.len().max(1).next_multiple_of(PAGE_BYTES), 0);
        page
    }
}

#[cfg(test)]
mod tests {
    use nvme_spec::{Sqe, Status, feature, status};

    use super::*;
    use crate::rig::{DATA, Rig};

    fn set(rig: &mut Rig, entries: &[(u8, u16, u16)]) -> Status {
        let mut page = Vec::new();
        for (flags, kind, reads) in entries {
            page.extend([*flags, 0]);
            page.extend(kind.to_le_bytes());
            page.extend(reads.to_le_bytes());
            page.resize(page.len().next_multiple_of(ENTRY_BYTES), 0);
        }
        rig.memory_write(DATA, &page);
        let count = u32::try_from(entries.len()).expect("few");
        let sqe = Sqe::set_features(feature::OCP_ERROR_INJECTION, count).with_prp(DATA, 0);
        rig.admin(sqe).0
    }

    #[test]
    fn every_type_is_a_rule_or_is_refused() {
        for kind in 0..=30 {
            let mut rig = Rig::new();
            let status = set(&mut rig, &[(ENABLED, kind, 0)]);
            let is_known = (1..=22).contains(&kind);
            assert_eq!(status.is_success(), is_known, "type {kind}");
            let rules = usize::from(is_known && kind != THROTTLED_NO_MORE);
            assert_eq!(rig.controller.faults().counts().count(), rules, "type {kind}");
            assert_eq!(status.code == status::INVALID_FIELD, !is_known, "type {kind}");
        }
    }

    #[test]
    fn a_drive_that_is_throttled_no_more_is_as_fast_as_before() {
        let read_ns = |entries: &[(u8, u16, u16)]| {
            let mut rig = Rig::new();
            assert!(set(&mut rig, entries).is_success());
            let begin = rig.now_ns;
            rig.read_block(3).expect("good");
            rig.now_ns - begin
        };
        let throttled = (ENABLED, THROTTLED, 0);
        assert!(read_ns(&[throttled]) > 1_000_000);
        assert!(read_ns(&[throttled, (0, THROTTLED_NO_MORE, 0)]) > 1_000_000, "not enabled");
        assert!(read_ns(&[throttled, (ENABLED, THROTTLED_NO_MORE, 0)]) < 1_000_000);
    }

    #[test]
    fn what_is_armed_happens_can_be_read_back_and_ends_with_the_next_set() {
        let mut rig = Rig::new();
        assert!(set(&mut rig, &[(ENABLED, 15, 0), (0, 14, 0)]).is_success());
        assert_eq!(rig.read_block(0).expect_err("a fault").code, status::INTERNAL_ERROR);
        let get = Sqe::get_features(feature::OCP_ERROR_INJECTION, 0).with_prp(DATA, 0);
        assert_eq!(rig.admin(get).1, 2);
        assert_eq!(rig.data(36)[..4], [1, 0, 15, 0]);
        let (status, page) = rig.admin_page(Sqe::get_log_page(LID_FAULT_RULES, 0, 1023, 0));
        assert!(status.is_success() && page.starts_with(b"0 armed 1 1 io => status="));
        assert!(set(&mut rig, &[]).is_success());
        rig.read_block(0).expect("disarmed");
    }

    #[test]
    fn a_single_injection_after_so_many_reads_happens_once_and_then() {
        let mut rig = Rig::new();
        assert!(set(&mut rig, &[(ENABLED | SINGLE, 7, 2)]).is_success());
        let good: Vec<bool> = (0..4).map(|lba| rig.read_block(lba).is_ok()).collect();
        assert_eq!(good.iter().filter(|is_good| !**is_good).count(), 1, "{good:?}");
        assert!(good[0]);
    }

    #[test]
    fn what_is_set_again_waits_for_its_reads_again() {
        let mut rig = Rig::new();
        for round in 0..3 {
            assert!(set(&mut rig, &[(ENABLED | SINGLE, 7, 3)]).is_success());
            let good: Vec<bool> = (0..4).map(|lba| rig.read_block(lba).is_ok()).collect();
            assert_eq!(good[..2], [true; 2], "round {round}: {good:?}");
            assert_eq!(
                good.iter().filter(|is_good| !**is_good).count(),
                1,
                "round {round}: {good:?}"
            );
        }
    }

    #[test]
    fn a_bad_entry_leaves_what_was_armed() {
        let mut rig = Rig::new();
        assert!(set(&mut rig, &[(ENABLED, 15, 0)]).is_success());
        assert!(!set(&mut rig, &[(ENABLED, 14, 0), (ENABLED, 99, 0)]).is_success());
        rig.read_block(0).expect_err("still armed");
        let sqe = Sqe::set_features(feature::OCP_ERROR_INJECTION, 128).with_prp(DATA, 0);
        assert_eq!(rig.admin(sqe).0.code, status::INVALID_FIELD);
    }
}
