//! The features and the log page of reservations.

use nvme_spec::feature::{self, HOST_ID_EXTENDED};
use nvme_spec::{NSID_BROADCAST, status};
use zerocopy::IntoBytes;

use crate::controller::Outcome;
use crate::data::DataPointer;
use crate::failure::{Failure, byte};
use crate::features::Scope;
use crate::reservation::Host;
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
    /// A host says who it is once; another one only comes after a reset.
    // Spec: NVMe-Base-2.0c 5.27.1.25 "Host Identifier (Feature Identifier 81h)"
    pub(super) fn set_host(
        &mut self,
        scope: Scope,
        from: DataPointer,
        ports: &Ports<'_>,
    ) -> Outcome {
        let is_extended = scope.value & HOST_ID_EXTENDED != 0;
        let mut bytes = [0; 16];
        if let Some(used) = bytes.get_mut(..id_bytes(is_extended)) {
            self.receive(used, from, ports)?;
        }
        let host = HostIdentity { id: Host::from_le_bytes(bytes), is_extended };
        if self.host.id != 0 && self.host != host {
            return Err(Failure::permanent(status::COMMAND_SEQUENCE_ERROR));
        }
        self.host = host;
        self.announce_notices();
        Ok(0)
    }

    pub(super) fn get_host(
        &self,
        scope: Scope,
        is_current: bool,
        to: DataPointer,
        ports: &Ports<'_>,
    ) -> Outcome {
        let is_extended = scope.value & HOST_ID_EXTENDED != 0;
        if self.host.id != 0 && is_extended != self.host.is_extended {
            return Err(Failure::permanent(status::HOST_ID_FORMAT).at(byte::CDW11));
        }
        let bytes = if is_current { self.host.id } else { 0 }.to_le_bytes();
        self.send(bytes.get(..id_bytes(is_extended)).unwrap_or(&bytes), to, ports)?;
        Ok(scope.value & HOST_ID_EXTENDED)
    }

    /// Sets a value of one namespace, or of all.
    // Spec: NVMe-Base-2.0c 5.27.1.26 "Reservation Notification Mask (Feature Identifier 82h)"
    // Spec: NVMe-Base-2.0c 5.27.1.27 "Reservation Persistence (Feature Identifier 83h)"
    pub(super) fn set_reservations(&mut self, scope: Scope) {
        let is_meant = |nsid: u32| scope.nsid == NSID_BROADCAST || nsid == scope.nsid;
        for ns in self.namespaces.values_mut().filter(|ns| is_meant(ns.nsid)) {
            match scope.fid {
                feature::RESERVATION_MASK => ns.reservations.notice_mask = scope.value & MASK_BITS,
                _ => ns.reservations.is_persistent = scope.value & 1 != 0,
            }
        }
    }

    pub(super) fn get_reservations(&self, scope: Scope, is_current: bool) -> u32 {
        let all = self.namespaces.get(scope.nsid).filter(|_| is_current);
        all.map_or(0, |ns| match scope.fid {
            feature::RESERVATION_MASK => ns.reservations.notice_mask,
            _ => ns.reservations.is_persistent.into(),
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

fn id_bytes(is_extended: bool) -> usize {
    if is_extended { 16 } else { 8 }
}
