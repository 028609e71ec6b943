//! Faults that outlive the command they happened to, and those that happen to the controller as a whole.
//!
//! What a rule does to one command is carried out where the command is; here is the rest: media that
//! became read-only, a fatal status that sticks, queues that stand still, transfers that come after
//! their command, a device that is away or without power.

use std::collections::BTreeMap;

use nvme_spec::aer::{self, AerResult};
use nvme_spec::log::{LID_CHANGED_NAMESPACES, critical_warning};

use super::Controller;
use super::inflight::InFlight;
use crate::command::{AdminCommand, Command};
use crate::event::FatalCause;
use crate::fault::{
    Action, ActionKind, DmaTarget, Faults, Notice, Seen, Subject, Transition, value_of,
};
use crate::numbered::Numbered;
use crate::{Event, Observer, Ports};

/// A command whose data move when nobody expects it any more.
#[derive(Clone, Debug)]
struct Ghost {
    number: u64,
    command: Command,
    faults: Faults,
}

/// What faults have left behind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mishaps {
    /// Writes fail until the power is cut.
    is_read_only: bool,
    /// CSTS.CFS comes again after each reset, until the power is cut.
    is_fatal_for_good: bool,
    /// The interrupt pin stays asserted until the controller is reset.
    pub(super) is_pin_stuck: bool,
    /// Critical warning bits that rules have set.
    warnings: u8,
    /// The power is gone until the owner brings it back.
    is_power_lost: bool,
    /// When a device that was pulled out is back.
    returns_at: Option<u64>,
    /// Until when queues complete nothing.
    stalled_until: Numbered<u64>,
    /// By the time they are due, and the number of the command.
    ghosts: BTreeMap<(u64, u64), Ghost>,
}

impl Mishaps {
    /// When something is due.
    pub(super) fn next_due(&self) -> Option<u64> {
        let ghost = self.ghosts.keys().next().map(|(at, _)| *at);
        [ghost, self.returns_at].into_iter().flatten().min()
    }

    pub(super) fn returns_at(&self) -> Option<u64> {
        self.returns_at
    }

    pub(super) fn is_fatal_for_good(&self) -> bool {
        self.is_fatal_for_good
    }

    /// No earlier than a stalled queue completes anything.
    pub(super) fn not_before(&mut self, sqid: u16, now_ns: u64, faults: &Faults) -> u64 {
        if let Some(ns) = value_of!(faults, Stall) {
            let end = now_ns.saturating_add(*ns);
            let until = self.stalled_until.get_or_default(sqid);
            *until = end.max(*until);
        }
        self.stalled_until.get(sqid).copied().unwrap_or(0)
    }
}

impl Controller {
    /// Whether a rule has cut the power. The owner ends the machine's life and calls
    /// [`Controller::power_cut`]; until then registers read all ones and nothing happens.
    #[must_use]
    pub fn is_power_lost(&self) -> bool {
        self.mishaps.is_power_lost
    }

    /// Whether a rule is about reading registers: then every read has to come here, no copy will do.
    #[must_use]
    pub fn has_register_faults(&self) -> bool {
        self.faults.watches(Transition::RegisterRead)
    }

    /// Whether writes are refused.
    pub(crate) fn is_read_only(&self) -> bool {
        self.mishaps.is_read_only
    }

    /// Asks the rules about something that is no command, and does what concerns the controller as a
    /// whole; `None` if that stopped it.
    pub(super) fn ask_transition(
        &mut self,
        transition: Transition,
        describe: impl FnOnce(&mut Subject),
        observer: &mut dyn Observer,
    ) -> Option<Faults> {
        if !self.faults.watches(transition) {
            return Some(Faults::default());
        }
        let mut subject = Subject::of_transition(transition, self.commands_fetched);
        describe(&mut subject);
        let faults = self.faults.at_transition(self.now_ns, &subject, observer);
        self.befall(&faults, observer).then_some(faults)
    }

    /// Does what concerns the controller as a whole; `false` if that stopped it.
    pub(super) fn befall(&mut self, faults: &Faults, observer: &mut dyn Observer) -> bool {
        let mut goes_on = true;
        // Nothing else is announced as soon enough, see `Controller::answers_take_time`.
        let at_once = |action: &&Action| action.kind().row().seen == Seen::AtOnce;
        for action in faults.iter().filter(at_once) {
            match action {
                Action::Aen(notice) => {
                    self.log_event(event_of(*notice));
                    self.events.raise(event_of(*notice));
                }
                Action::AenStorm(count) => self.events.flood(namespace_changed(), *count),
                Action::SmartWarning(bits) => self.add_warnings(*bits, observer),
                Action::Temperature(kelvin) => {
                    self.set_temperature(self.now_ns, *kelvin, observer);
                }
                Action::ReadOnly => {
                    self.mishaps.is_read_only = true;
                    self.add_warnings(critical_warning::READ_ONLY, observer);
                }
                Action::LoseQueues => self.lose_queues(),
                Action::StuckPin => self.mishaps.is_pin_stuck = true,
                _ => goes_on &= self.survive(action, observer),
            }
        }
        goes_on
    }

    /// Does what stops the controller; `false` if it did.
    fn survive(&mut self, action: &Action, observer: &mut dyn Observer) -> bool {
        match action {
            Action::PowerCut => self.lose_power(observer),
            Action::Remove => self.remove(self.now_ns, observer),
            Action::RemoveFor(ns) => {
                self.remove(self.now_ns, observer);
                self.mishaps.returns_at = Some(self.now_ns.saturating_add(*ns));
            }
            Action::Cfs => self.fail(FatalCause::Injected, observer),
            Action::CfsSticky => {
                self.mishaps.is_fatal_for_good = true;
                self.fail(FatalCause::Injected, observer);
            }
            Action::DmaError(DmaTarget::Sqe) => self.fail(FatalCause::SqFetch, observer),
            Action::DmaError(DmaTarget::Cqe) => self.fail(FatalCause::CqPost, observer),
            _ => return true,
        }
        false
    }

    /// The power goes, without a word to anybody; what was cached is decided when it comes back.
    pub(crate) fn lose_power(&mut self, observer: &mut dyn Observer) {
        self.mishaps.is_power_lost = true;
        self.is_removed = true;
        observer.event(self.now_ns, &Event::PowerLost);
    }

    /// The power is back, or the device: nothing is left of what happened before.
    pub(super) fn forget_mishaps(&mut self) {
        self.disarm_injected();
        let warnings = std::mem::take(&mut self.mishaps).warnings;
        self.device.critical_warning &= !warnings;
    }

    /// A device that was pulled out is back: switched on anew, with an empty cache.
    pub(super) fn come_back(&mut self, observer: &mut dyn Observer) {
        let now_ns = self.now_ns;
        self.power_cut(now_ns, self.config.cache_policy, observer);
        self.now_ns = now_ns;
    }

    /// Sets critical warning bits, those of the temperature included.
    fn add_warnings(&mut self, bits: u8, observer: &mut dyn Observer) {
        self.mishaps.warnings |= bits;
        let all = self.device.critical_warning | bits;
        self.set_critical_warning(self.now_ns, all, observer);
        if all & critical_warning::TEMPERATURE != 0 {
            self.device.critical_warning |= critical_warning::TEMPERATURE;
            self.warn(critical_warning::TEMPERATURE);
        }
    }

    /// Every I/O queue is gone, with its commands.
    fn lose_queues(&mut self) {
        let admin = nvme_spec::ADMIN_QID;
        let sqids: Vec<u16> = self.queues.sqs.keys().filter(|id| *id != admin).collect();
        for sqid in sqids {
            while let Some(entry) = self.in_flight.take_of_queue(sqid) {
                entry.slot.dissolve();
            }
        }
        self.queues.sqs.retain(|qid| qid == admin);
        self.queues.cqs.retain(|qid| qid == admin);
    }

    /// A reset that leaves the I/O queues: only the admin queues and their commands go.
    pub(super) fn lose_admin_queues(&mut self) {
        let admin = nvme_spec::ADMIN_QID;
        while let Some(entry) = self.in_flight.take_of_queue(admin) {
            entry.slot.dissolve();
        }
        self.queues.sqs.remove(admin);
        self.queues.cqs.remove(admin);
        self.events = crate::async_events::AsyncEvents::default();
        self.ready_at = None;
    }

    /// A command completes without having moved its data; they follow.
    pub(super) fn complete_early(&mut self, entry: &InFlight) -> bool {
        let Some(delay_ns) = value_of!(entry.faults, EarlyCompletion).copied() else {
            return false;
        };
        self.haunt(entry, delay_ns)
    }

    /// A command ends before its time; its data may move nevertheless.
    pub(crate) fn outlive(&mut self, entry: &InFlight) {
        if let Some(delay_ns) = value_of!(entry.faults, LateDma).copied() {
            self.haunt(entry, delay_ns);
        }
    }

    /// All commands end before their time.
    pub(super) fn outlive_all(&mut self) {
        let in_flight = std::mem::take(&mut self.in_flight);
        for entry in in_flight.iter() {
            self.outlive(entry);
        }
        self.in_flight = in_flight;
    }

    fn haunt(&mut self, entry: &InFlight, delay_ns: u64) -> bool {
        let Ok(command) = &entry.command else {
            return false;
        };
        let number = entry.subject.number;
        let ghost = Ghost { number, command: command.clone(), faults: entry.faults.clone() };
        let at = self.now_ns.saturating_add(delay_ns);
        self.mishaps.ghosts.insert((at, number), ghost);
        true
    }

    /// Moves the data of commands that are long gone, as far as they are due.
    pub(super) fn run_ghosts(&mut self, ports: &mut Ports<'_>) {
        while let Some(((at, _), _)) = self.mishaps.ghosts.first_key_value() {
            if *at > self.now_ns || self.is_removed {
                return;
            }
            if let Some((_, ghost)) = self.mishaps.ghosts.pop_first() {
                let event = Event::LateTransfer { command: ghost.number };
                ports.observer.event(self.now_ns, &event);
                // Nobody is told how it went.
                let _ = match &ghost.command {
                    Command::Nvm(command) => self.execute_nvm(command, &ghost.faults, ports),
                    Command::Admin(
                        command @ (AdminCommand::Identify { .. } | AdminCommand::GetLogPage { .. }),
                    ) => self.execute_admin(command, &ghost.faults, ports),
                    Command::Admin(_) => Ok(0),
                };
            }
        }
    }

    /// The PCI configuration space as the host reads it: `data` holds what is there, from `offset` on,
    /// and what rules say or a missing device takes its place.
    pub fn config_read(
        &mut self,
        now_ns: u64,
        offset: u64,
        data: &mut [u8],
        observer: &mut dyn Observer,
    ) {
        self.advance(now_ns, observer);
        if !self.is_removed {
            self.lie(Transition::ConfigRead, offset, data, observer);
        }
        if self.is_removed {
            data.fill(nvme_spec::register::REMOVED_BYTE);
        }
    }

    /// Lets rules lie about bytes that the host reads.
    pub(super) fn lie(
        &mut self,
        transition: Transition,
        offset: u64,
        data: &mut [u8],
        observer: &mut dyn Observer,
    ) {
        let length = data.len() as u64;
        let describe = |subject: &mut Subject| subject.reg = Some((offset, length));
        if let Some(faults) = self.ask_transition(transition, describe, observer) {
            for action in faults.iter() {
                if let Action::Lie(pattern) = action {
                    pattern.put(offset, data);
                }
            }
        }
    }

    /// Asks the rules about a register write or a doorbell; `false` if it gets lost.
    pub(super) fn arrives(
        &mut self,
        transition: Transition,
        (offset, length): (u64, u64),
        queue: u16,
        observer: &mut dyn Observer,
    ) -> bool {
        let describe = |subject: &mut Subject| {
            subject.reg = Some((offset, length));
            subject.sqid = queue;
        };
        let faults = self.ask_transition(transition, describe, observer);
        faults.is_some_and(|faults| !faults.has(ActionKind::IgnoreWrite))
    }
}

fn event_of(notice: Notice) -> AerResult {
    AerResult(0)
        .with_event_type(notice.event_type.into())
        .with_info(notice.info.into())
        .with_log_page(notice.log_page.into())
}

fn namespace_changed() -> AerResult {
    AerResult(0)
        .with_event_type(aer::TYPE_NOTICE)
        .with_info(aer::NOTICE_NAMESPACE_CHANGED)
        .with_log_page(LID_CHANGED_NAMESPACES.into())
}
