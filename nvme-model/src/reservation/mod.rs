//! Reservations of a namespace: who is registered, who holds what.
//!
//! Knows hosts by their identifiers, and neither commands nor how hosts are reached: what they have to be
//! told comes back as [`Notice`]s.
// Spec: NVMe-Base-2.0c 8.19 "Reservations"

mod kind;
mod notices;

use std::collections::BTreeMap;

use nvme_spec::reservation::{REGISTRATION_PREEMPTED, RESERVATION_PREEMPTED, RESERVATION_RELEASED};

use kind::Standing;
pub(crate) use kind::{Access, Kind};
pub(crate) use notices::Notices;

/// A host's identifier.
pub(crate) type Host = u128;

/// Why a reservation command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Conflict,
    InvalidField,
}

/// Something that a host has to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) host: Host,
    /// As the log page has it.
    pub(crate) kind: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    /// Whoever acquired it; one of many if all registrants hold it.
    by: Host,
    kind: Kind,
}

/// The reservations of a namespace. They survive resets, and power cuts if the hosts want that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reservations {
    generation: u32,
    keys: BTreeMap<Host, u64>,
    held: Option<Held>,
    /// Persist through power loss.
    pub(crate) is_persistent: bool,
    /// Notices that nobody wants to hear, by their bits in the feature.
    pub(crate) notice_mask: u32,
}

type Result = core::result::Result<Vec<Notice>, Refusal>;

impl Reservations {
    /// How often registrations changed.
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// The type that is held.
    pub(crate) fn kind(&self) -> Option<Kind> {
        self.held.map(|held| held.kind)
    }

    /// Every registrant with its key, and whether it holds the reservation.
    pub(crate) fn registrants(&self) -> impl Iterator<Item = (Host, u64, bool)> {
        self.keys.iter().map(|(host, key)| (*host, *key, self.standing(*host) == Standing::Holder))
    }

    fn standing(&self, host: Host) -> Standing {
        let is_registered = self.keys.contains_key(&host);
        match self.held {
            Some(held) if held.by == host => Standing::Holder,
            Some(held) if is_registered && held.kind.is_held_by_all() => Standing::Holder,
            _ if is_registered => Standing::Registrant,
            _ => Standing::Stranger,
        }
    }

    /// Whether a host may have this access.
    pub(crate) fn allows(&self, host: Host, access: Access) -> bool {
        self.held.is_none_or(|held| held.kind.allows(access, self.standing(host)))
    }

    /// The power went.
    pub(crate) fn power_off(&mut self) {
        if !self.is_persistent {
            *self = Self { notice_mask: 0, ..Self::default() };
        }
    }

    fn check_key(&self, host: Host, key: u64) -> core::result::Result<(), Refusal> {
        if self.keys.get(&host) == Some(&key) { Ok(()) } else { Err(Refusal::Conflict) }
    }

    fn count_change(&mut self) {
        self.generation = self.generation.wrapping_add(1);
    }

    /// The same notice to some of the registrants.
    fn tell(&self, kind: u8, is_told: impl Fn(Host) -> bool) -> Vec<Notice> {
        let hosts = self.keys.keys().copied().filter(|host| is_told(*host));
        hosts.map(|host| Notice { host, kind }).collect()
    }

    pub(crate) fn register(&mut self, host: Host, key: u64) -> Result {
        match self.keys.get(&host) {
            Some(known) if *known != key => return Err(Refusal::Conflict),
            _ => self.keys.insert(host, key),
        };
        self.count_change();
        Ok(Vec::new())
    }

    /// `key` is `None` if the host does not have to know it.
    pub(crate) fn replace(&mut self, host: Host, key: Option<u64>, new: u64) -> Result {
        if let Some(key) = key {
            self.check_key(host, key)?;
        }
        *self.keys.get_mut(&host).ok_or(Refusal::Conflict)? = new;
        self.count_change();
        Ok(Vec::new())
    }

    /// A holder that leaves releases; of several the last one does.
    pub(crate) fn unregister(&mut self, host: Host, key: Option<u64>) -> Result {
        if let Some(key) = key {
            self.check_key(host, key)?;
        }
        self.keys.remove(&host).ok_or(Refusal::Conflict)?;
        self.count_change();
        Ok(self.drop_held_of(host))
    }

    fn drop_held_of(&mut self, host: Host) -> Vec<Notice> {
        let Some(held) = self.held else {
            return Vec::new();
        };
        if held.kind.is_held_by_all() {
            // Another registrant stands for all of them then.
            let heir = self.keys.keys().next();
            self.held = heir.map(|by| Held { by: *by, kind: held.kind });
            return Vec::new();
        }
        if held.by != host {
            return Vec::new();
        }
        self.held = None;
        let is_told = held.kind.is_for_registrants();
        self.tell(RESERVATION_RELEASED, |_| is_told)
    }

    pub(crate) fn acquire(&mut self, host: Host, key: u64, kind: Kind) -> Result {
        self.check_key(host, key)?;
        match self.held {
            None => self.held = Some(Held { by: host, kind }),
            Some(held) if held.kind == kind && self.standing(host) == Standing::Holder => {}
            Some(_) => return Err(Refusal::Conflict),
        }
        Ok(Vec::new())
    }

    /// Takes registrations away, and the reservation if they held it.
    pub(crate) fn preempt(&mut self, host: Host, key: u64, victim: u64, kind: Kind) -> Result {
        self.check_key(host, key)?;
        let is_all = self.held.is_some_and(|held| held.kind.is_held_by_all());
        let holder = self.held.filter(|_| !is_all);
        let holder_key = holder.and_then(|held| self.keys.get(&held.by)).copied();
        let is_taken = if is_all { victim == 0 } else { holder_key == Some(victim) };
        if victim == 0 && !is_taken {
            return Err(Refusal::InvalidField);
        }
        let is_victim =
            |other: Host, key: u64| other != host && (key == victim || is_all && is_taken);
        let victims: Vec<Host> = self
            .keys
            .iter()
            .filter_map(|(other, key)| is_victim(*other, *key).then_some(*other))
            .collect();
        if victims.is_empty() && !is_taken {
            return Err(Refusal::Conflict);
        }
        let mut notices: Vec<Notice> = victims
            .iter()
            .map(|host| Notice { host: *host, kind: REGISTRATION_PREEMPTED })
            .collect();
        for host in &victims {
            self.keys.remove(host);
        }
        self.count_change();
        if is_taken {
            notices.extend(self.change_type(host, kind));
        } else if is_all {
            self.drop_held_of(host);
        }
        Ok(notices)
    }

    /// The reservation is this host's now; registrants that stay hear of it if its type changes.
    fn change_type(&mut self, host: Host, kind: Kind) -> Vec<Notice> {
        let before = self.held.replace(Held { by: host, kind });
        let is_told = before.is_some_and(|held| held.kind != kind);
        self.tell(RESERVATION_RELEASED, |other| is_told && other != host)
    }

    /// Releasing what one does not hold does nothing, and is no error.
    pub(crate) fn release(&mut self, host: Host, key: u64, kind: Kind) -> Result {
        self.check_key(host, key)?;
        let Some(held) = self.held.filter(|_| self.standing(host) == Standing::Holder) else {
            return Ok(Vec::new());
        };
        if held.kind != kind {
            return Err(Refusal::InvalidField);
        }
        self.held = None;
        let is_told = kind.is_for_registrants();
        Ok(self.tell(RESERVATION_RELEASED, |other| is_told && other != host))
    }

    /// Ends everything.
    pub(crate) fn clear(&mut self, host: Host, key: u64) -> Result {
        self.check_key(host, key)?;
        let notices = self.tell(RESERVATION_PREEMPTED, |other| other != host);
        self.keys.clear();
        self.held = None;
        self.count_change();
        Ok(notices)
    }
}

#[cfg(test)]
mod tests;
