//! The power goes, and comes back.

use super::Controller;
use super::registers::Registers;
use crate::crash::Change;
use crate::namespace::Chance;
use crate::{CachePolicy, Event, Observer, Ports};
use nvme_spec::register::SHST_COMPLETE;

impl Controller {
    /// The power goes and comes back: registers, queues and features as at power-on; media, counters
    /// and fault plan stay. The time of the next call may be 0 again.
    ///
    /// The guest's memory is out of reach here, so writes in flight are lost. With
    /// [`Controller::power_cut_in_flight`] they may have reached the media.
    pub fn power_cut(&mut self, now_ns: u64, policy: CachePolicy, observer: &mut dyn Observer) {
        self.cut(now_ns, policy, Vec::new(), observer);
    }

    /// As [`Controller::power_cut`], while the guest's memory still holds what it wrote: of a write in
    /// flight, too, each atomic unit may or may not have reached the media.
    ///
    /// The policy that the drive itself has is in its [`Config`](crate::Config).
    pub fn power_cut_in_flight(&mut self, now_ns: u64, policy: CachePolicy, ports: &mut Ports<'_>) {
        let in_flight = match policy {
            CachePolicy::LoseAll | CachePolicy::KeepAll => Vec::new(),
            CachePolicy::Sample { .. } | CachePolicy::Violate { .. } => {
                self.writes_in_flight(ports)
            }
        };
        self.cut(now_ns, policy, in_flight, ports.observer);
    }

    /// What writes in flight would store, by namespace, in the order in which they were fetched.
    fn writes_in_flight(&mut self, ports: &mut Ports<'_>) -> Vec<(u32, Change)> {
        let open: Vec<_> = self.in_flight.under_way().collect();
        open.iter().flat_map(|entry| self.would_store(entry, ports)).collect()
    }

    fn cut(
        &mut self,
        now_ns: u64,
        policy: CachePolicy,
        in_flight: Vec<(u32, Change)>,
        observer: &mut dyn Observer,
    ) {
        self.now_ns = now_ns;
        let is_safe = self.registers.csts.shst() == SHST_COMPLETE;
        let lost_commands = self.tear_down();
        let lost_blocks = self.lose_caches(policy, in_flight, observer);
        observer.event(now_ns, &Event::PowerCut { lost_blocks, lost_commands });
        let unsafe_shutdowns = u64::from(!is_safe);
        self.health.unsafe_shutdowns =
            self.health.unsafe_shutdowns.saturating_add(unsafe_shutdowns);
        self.health.power_cycles = self.health.power_cycles.saturating_add(1);
        self.health.power_off(now_ns);
        self.device_power_cycled(now_ns, !is_safe);
        self.registers = Registers::default();
        self.is_removed = false;
        self.forget_mishaps();
        self.now_ns = 0;
    }

    /// Decides about every namespace's cache; returns how many blocks lost their newest version.
    fn lose_caches(
        &mut self,
        policy: CachePolicy,
        in_flight: Vec<(u32, Change)>,
        observer: &mut dyn Observer,
    ) -> u64 {
        let (now_ns, command) = (self.now_ns, self.commands_fetched);
        let cycle = self.health.power_cycles;
        let chance = |seed, is_violating| Chance::new(seed, command, cycle, is_violating);
        let (mut lost, mut failure) = (0_u64, None);
        for (nsid, ns) in self.namespaces.iter_mut().chain(self.detached.iter_mut()) {
            ns.reservations.power_off();
            let mine = in_flight.iter().filter(|(of, _)| *of == nsid).map(|(_, change)| change);
            let mine = mine.cloned().collect();
            let outcome = match policy {
                CachePolicy::LoseAll => Ok(ns.lose_cache()),
                CachePolicy::KeepAll => {
                    let flushed = ns.flush(now_ns, observer);
                    flushed.map(|()| ns.lose_cache())
                }
                CachePolicy::Sample { seed } => {
                    ns.lose_power(chance(seed, false), mine, now_ns, observer)
                }
                CachePolicy::Violate { seed } => {
                    ns.lose_power(chance(seed, true), mine, now_ns, observer)
                }
            };
            // A host that failed in the middle has lost the rest as well.
            let lost_here = outcome.unwrap_or_else(|error| {
                failure.get_or_insert(error);
                ns.lose_cache()
            });
            lost = lost.saturating_add(lost_here);
        }
        for ns in self.namespaces.values().chain(self.detached.values()) {
            self.faults.on_power_loss(ns.nsid, &|range| ns.never_written(range));
        }
        if let Some(error) = failure {
            self.note_host_failure(error);
        }
        lost
    }
}
