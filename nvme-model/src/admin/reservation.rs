//! The features and the log page of reservations.

use nvme_spec::feature::{self, HOST_ID_EXTENDED};
use nvme_spec::{NSID_BROADCAST, status};
use zerocopy::IntoBytes;

use crate::command::ReservationFeature;
use crate::controller::Outcome;
use crate::failure::{Failure, byte};
use crate::reservation::{Host, Reservations};
use crate::{Controller, Ports};

/// Bits of the notification mask that mean something.
const MASK_BITS: u32 = 0b1110;

/// The host that is on the controller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HostIdentity {
    /// 0 until it says who it is.
    pub(crate) id: Host,
    /// It said so in 128 bits.
    pub(crate) is_extended: bool,
}

impl Controller {
    pub(crate) fn reservation_feature(
        &mut self,
        command: &ReservationFeature,
        ports: &Ports<'_>,
    ) -> Outcome {
        match (command.is_set, command.fid) {
            (true, feature::HOST_IDENTIFIER) if ![0, NSID_BROADCAST].contains(&command.nsid) => {
                Err(Failure::permanent(status::FEATURE_NOT_NAMESPACE_SPECIFIC).at(byte::NSID))
            }
            (true, feature::HOST_IDENTIFIER) => self.set_host(command, ports),
            (true, _) => self.set_reservations(command),
            (false, _) if command.sel == feature::SEL_CAPABILITIES => Ok(capabilities(command.fid)),
            (false, _) if command.sel > feature::SEL_CAPABILITIES => {
                Err(Failure::field(byte::CDW10.saturating_add(1), 0))
            }
            (false, feature::HOST_IDENTIFIER) => self.get_host(command, ports),
            (false, _) => self.get_reservations(command),
        }
    }

    /// A host says who it is once; another one only comes after a reset.
    // Spec: NVMe-Base-2.0c 5.27.1.25 "Host Identifier (Feature Identifier 81h)"
    fn set_host(&mut self, command: &ReservationFeature, ports: &Ports<'_>) -> Outcome {
        let is_extended = command.value & HOST_ID_EXTENDED != 0;
        let mut bytes = [0; 16];
        let used = if is_extended { 16 } else { 8 };
        if let Some(used) = bytes.get_mut(..used) {
            self.receive(used, command.data, ports)?;
        }
        let host = HostIdentity { id: Host::from_le_bytes(bytes), is_extended };
        if self.host.id != 0 && self.host != host {
            return Err(Failure::permanent(status::COMMAND_SEQUENCE_ERROR));
        }
        self.host = host;
        self.announce_notices();
        Ok(0)
    }

    fn get_host(&self, command: &ReservationFeature, ports: &Ports<'_>) -> Outcome {
        let is_extended = command.value & HOST_ID_EXTENDED != 0;
        if self.host.id != 0 && is_extended != self.host.is_extended {
            return Err(Failure::permanent(status::HOST_ID_FORMAT).at(byte::CDW11));
        }
        let id = if command.sel == feature::SEL_CURRENT { self.host.id } else { 0 };
        let bytes = id.to_le_bytes();
        let used = if is_extended { 16 } else { 8 };
        self.send(bytes.get(..used).unwrap_or(&bytes), command.data, ports)?;
        Ok(command.value & HOST_ID_EXTENDED)
    }

    // Spec: NVMe-Base-2.0c 5.27.1.26 "Reservation Notification Mask (Feature Identifier 82h)"
    // Spec: NVMe-Base-2.0c 5.27.1.27 "Reservation Persistence (Feature Identifier 83h)"
    fn set_reservations(&mut self, command: &ReservationFeature) -> Outcome {
        let ReservationFeature { fid, nsid, value, .. } = *command;
        let is_meant = |known: u32| nsid == NSID_BROADCAST || known == nsid;
        let mut is_there = false;
        for ns in self.namespaces.values_mut().filter(|ns| is_meant(ns.nsid)) {
            is_there = true;
            match fid {
                feature::RESERVATION_MASK => ns.reservations.notice_mask = value & MASK_BITS,
                _ => ns.reservations.is_persistent = value & 1 != 0,
            }
        }
        if is_there { Ok(0) } else { Err(invalid_namespace()) }
    }

    fn get_reservations(&self, command: &ReservationFeature) -> Outcome {
        let ns = self.namespaces.get(&command.nsid).ok_or_else(invalid_namespace)?;
        let default = Reservations::default();
        let is_current = command.sel == feature::SEL_CURRENT;
        let all = if is_current { &ns.reservations } else { &default };
        Ok(match command.fid {
            feature::RESERVATION_MASK => all.notice_mask,
            _ => all.is_persistent.into(),
        })
    }

    /// The reservation notification log of the host that is here.
    pub(crate) fn reservation_page(&self) -> Vec<u8> {
        self.notices.oldest(self.host.id).as_bytes().to_vec()
    }

    /// The host has read the oldest notice; if there are more, it is told so.
    pub(crate) fn reservation_page_was_read(&mut self) {
        self.notices.forget_oldest(self.host.id);
        self.announce_notices();
    }
}

fn capabilities(fid: u8) -> u32 {
    let is_per_namespace = fid != feature::HOST_IDENTIFIER;
    let namespace = if is_per_namespace { feature::CAPABILITY_NAMESPACE } else { 0 };
    feature::CAPABILITY_CHANGEABLE | namespace
}

fn invalid_namespace() -> Failure {
    Failure::permanent(status::INVALID_NAMESPACE).at(byte::NSID)
}
