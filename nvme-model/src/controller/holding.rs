//! Commands that a rule holds, and how they go on.
//!
//! A command that is held has no time. It goes on at the moment in which the last rule lets it go, before
//! anything else that is due then.

use super::Controller;
use super::inflight::InFlight;
use crate::fault::ActionKind;

impl Controller {
    /// Lets commands go on that no rule holds any more.
    pub(super) fn let_go(&mut self) {
        for number in self.faults.take_released() {
            self.let_go_one(number);
        }
    }

    fn let_go_one(&mut self, number: u64) {
        let now_ns = self.now_ns;
        let is_half = self.half_fused.values_mut().find(|half| half.number == number);
        if let Some(half) = is_half {
            // Its second was not fetched yet.
            half.due_ns = Some(now_ns);
            return;
        }
        let second = self.in_flight.iter().find(|entry| entry.fused_first == Some(number));
        let timed = second.map_or(number, |second| second.subject.number);
        let is_stuck = |entry: &InFlight| {
            entry.faults.has(ActionKind::Hang) || self.faults.holds(entry.subject.number)
        };
        let first = self.in_flight.with_number(timed).and_then(|entry| entry.fused_first);
        let pair = [first, Some(timed)];
        let mut entries = pair.into_iter().flatten().filter_map(|n| self.in_flight.with_number(n));
        if !entries.any(is_stuck) {
            self.in_flight.set_due(timed, now_ns);
        }
    }
}

#[cfg(test)]
mod tests {
    use nvme_spec::Sqe;

    use crate::rig::{DATA, Rig};

    const NONE: [u16; 0] = [];

    fn read(lba: u64) -> Sqe {
        Sqe::read(1, lba, 0).with_prp(DATA, 0)
    }

    /// The CIDs that completed since this was last asked.
    fn done(rig: &mut Rig) -> Vec<u16> {
        rig.settle();
        rig.reap(1).iter().map(|cqe| cqe.cid.get()).collect()
    }

    #[test]
    fn a_held_command_waits_for_the_state_and_is_then_the_next() {
        let mut rig = Rig::faulty(&["write nth=1 => hold=go", "flush nth=2 => expect set=go"]);
        rig.submit_as(1, 1, Sqe::write(1, 3, 0, false).with_prp(DATA, 0));
        rig.submit_as(1, 2, read(3));
        rig.submit_as(1, 3, Sqe::flush(1));
        assert_eq!(done(&mut rig), [2, 3]);
        rig.now_ns += 3_600_000_000_000;
        assert_eq!(done(&mut rig), NONE, "no time lets it go");
        rig.submit_as(1, 4, Sqe::flush(1));
        assert_eq!(done(&mut rig), [1, 4]);
    }

    #[test]
    fn disarming_the_rule_lets_go_and_a_state_that_is_there_holds_nothing() {
        let mut rig = Rig::faulty(&["read lba=5 => hold=go", "read lba=9 => expect set=go"]);
        rig.submit_as(1, 1, read(5));
        rig.submit_as(1, 2, read(5));
        assert_eq!(done(&mut rig), NONE);
        assert!(rig.controller.faults_mut().disarm(0));
        assert_eq!(rig.controller.next_event(), Some(rig.now_ns));
        assert_eq!(done(&mut rig), [1, 2]);
        let mut rig = Rig::faulty(&["read lba=9 => expect set=go", "read lba=5 => hold=go"]);
        rig.read_block(9).expect("good");
        rig.read_block(5).expect("the rules are in that state");
    }

    #[test]
    fn a_held_command_can_be_aborted_and_a_reset_forgets_it() {
        let mut rig = Rig::faulty(&["read => hold=go count=2", "flush => expect set=go"]);
        rig.submit_as(1, 1, read(5));
        assert_eq!(done(&mut rig), NONE);
        assert_eq!(rig.admin(Sqe::abort(1, 1)).1, 0, "aborted");
        assert_eq!(done(&mut rig), [1]);
        rig.submit_as(1, 2, read(5));
        assert_eq!(done(&mut rig), NONE);
        rig.disable();
        rig.enable();
        rig.create_pair(1, 1);
        rig.submit_as(1, 3, Sqe::flush(1));
        assert_eq!(done(&mut rig), [3]);
    }

    #[test]
    fn a_fused_pair_waits_for_whichever_half_is_held_and_hangs_if_one_hangs() {
        let pair = |rig: &mut Rig| {
            let fused =
                |sqe: Sqe, fuse: u32| Sqe { cdw0: (sqe.cdw0.get() | fuse << 8).into(), ..sqe };
            rig.memory_write(DATA, &[0; 4096]);
            let compare = fused(Sqe::compare(1, 3, 0).with_prp(DATA, 0), 1);
            let write = fused(Sqe::write(1, 3, 0, false).with_prp(DATA, 0), 2);
            rig.enqueue(1, 1, compare);
            rig.submit_as(1, 2, write);
        };
        for rule in ["compare => hold=go", "write => hold=go", "io lba=3 => hold=go"] {
            let mut rig = Rig::faulty(&[rule, "flush => expect set=go"]);
            pair(&mut rig);
            assert_eq!(done(&mut rig), NONE, "{rule}");
            rig.submit_as(1, 3, Sqe::flush(1));
            assert_eq!(done(&mut rig), [1, 2, 3], "{rule}");
        }
        let rules = ["compare => hold=go", "write => hang", "flush => expect set=go"];
        let mut rig = Rig::faulty(&rules);
        pair(&mut rig);
        rig.submit_as(1, 3, Sqe::flush(1));
        assert_eq!(done(&mut rig), [3]);
    }
}
