//! Processing that is paused while firmware is activated without a reset.
//!
//! CSTS.PP says so, after the event that announces it. Nothing is fetched and nothing completes meanwhile,
//! the commit included; doorbells count, and time goes on for what goes on in the background. A reset ends
//! the pause: the firmware runs by then.
// Spec: NVMe-Base-2.0c 3.1.3.6 "Processing Paused (PP)"

use super::inflight::InFlight;
use super::{Controller, Outcome};
use crate::Observer;

impl Controller {
    /// Pauses for as long as an activation takes.
    pub(crate) fn pause(&mut self, observer: &mut dyn Observer) {
        let activation_ns = self.config.timing.firmware_activation_ns;
        if activation_ns > 0 {
            self.paused_until = Some(self.now_ns.saturating_add(activation_ns));
            self.set_csts(self.registers.csts.with_pp(1), observer);
        }
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused_until.is_some()
    }

    /// Goes on if it is time.
    pub(super) fn resume(&mut self, observer: &mut dyn Observer) {
        if self.paused_until.is_some_and(|until| until <= self.now_ns) {
            self.paused_until = None;
            self.set_csts(self.registers.csts.with_pp(0), observer);
        }
    }

    /// Keeps the completion of a command that was executed until the pause is over.
    pub(super) fn complete_after(
        &mut self,
        until: u64,
        mut entry: Box<InFlight>,
        outcome: Outcome,
    ) {
        entry.outcome = Some(outcome);
        entry.due_ns = Some(until);
        self.in_flight.insert(entry);
    }
}

#[cfg(test)]
mod tests {
    use nvme_spec::command::FirmwareCommit10;
    use nvme_spec::identify::oaes;
    use nvme_spec::register as reg;
    use nvme_spec::{AdminOpcode, Sqe, feature};

    use crate::Event;
    use crate::rig::{DATA, Rig};

    const PP: u32 = 1 << 5;
    const ACTIVATION_NS: u64 = 200_000_000;

    /// A controller that activates, again, the firmware that runs, asked by `cid`.
    fn paused(cid: u16) -> Rig {
        let mut rig = Rig::new();
        let listening = Sqe::set_features(feature::ASYNC_EVENT_CONFIG, oaes::FIRMWARE_ACTIVATION);
        assert!(rig.admin(listening).0.is_success());
        rig.submit_as(0, 100, Sqe::async_event_request());
        let cdw10 = FirmwareCommit10(0).with_fs(1).with_ca(3).0.into();
        let commit = Sqe { cdw10, ..Sqe::new(AdminOpcode::FIRMWARE_COMMIT.0, 0) };
        rig.submit_as(0, cid, commit);
        let begun = rig.now_ns + rig.controller.config().timing.admin_ns;
        rig.wait_until(begun);
        rig
    }

    fn completed(rig: &Rig) -> Vec<(u64, u16)> {
        let events = rig.trace.iter().filter_map(|(at, event)| match event {
            Event::Complete { cid, .. } if *cid >= 100 => Some((*at, *cid)),
            _ => None,
        });
        events.collect()
    }

    #[test]
    fn an_activation_is_announced_and_then_pauses_everything_as_long_as_identify_says() {
        let mut rig = paused(101);
        let begun = rig.now_ns;
        assert_eq!(rig.read32(reg::CSTS), 1 | PP);
        assert_eq!(completed(&rig), [(begun, 100)], "the event");
        rig.submit_as(1, 102, Sqe::read(1, 0, 0).with_prp(DATA, 0));
        rig.wait_until(begun + ACTIVATION_NS - 1);
        assert_eq!((completed(&rig).len(), rig.read32(reg::CSTS)), (1, 1 | PP));
        rig.settle();
        assert_eq!(rig.read32(reg::CSTS), 1);
        let read_ns = 81_000;
        let (end, read) = (begun + ACTIVATION_NS, begun + ACTIVATION_NS + read_ns);
        assert_eq!(completed(&rig)[1..], [(end, 101), (read, 102)]);
        rig.reap(0);
        let (_, id) = rig.admin_page(Sqe::identify(1, 0));
        assert_eq!(u16::from_le_bytes([id[270], id[271]]), 2, "MTFA in 100 ms");
    }

    #[test]
    fn a_reset_ends_the_pause_and_the_commit_never_completes() {
        let mut rig = paused(101);
        rig.disable();
        assert_eq!(rig.read32(reg::CSTS), 0);
        rig.enable();
        rig.create_pair(1, 1);
        rig.read_block(0).expect("at once");
        assert_eq!(completed(&rig).len(), 1);
    }
}
