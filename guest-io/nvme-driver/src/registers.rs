//! Typed access to the controller's registers.

use hal::Mmio;
use nvme_spec::register::{self, Aqa, Cap, Cc, Crto, Csts, Doorbell, Vs};

/// What a register of a device that is not there reads as.
const ABSENT: u32 = u32::MAX;

/// The register window of one controller.
#[derive(Debug)]
pub(crate) struct Registers<'a, B>(pub(crate) &'a B);

impl<B: Mmio> Registers<'_, B> {
    pub(crate) fn cap(&self) -> Cap {
        Cap(self.0.read64(offset(register::CAP)))
    }

    pub(crate) fn vs(&self) -> Vs {
        Vs(self.0.read32(offset(register::VS)))
    }

    pub(crate) fn crto(&self) -> Crto {
        Crto(self.0.read32(offset(register::CRTO)))
    }

    /// The status; `None` if the device is gone. No controller has all status bits set: SHST 11b is
    /// reserved.
    pub(crate) fn csts(&self) -> Option<Csts> {
        match self.0.read32(offset(register::CSTS)) {
            ABSENT => None,
            value => Some(Csts(value)),
        }
    }

    pub(crate) fn set_cc(&self, cc: Cc) {
        self.0.write32(offset(register::CC), cc.0);
    }

    pub(crate) fn set_admin_queues(&self, aqa: Aqa, asq: u64, acq: u64) {
        self.0.write32(offset(register::AQA), aqa.0);
        self.0.write64(offset(register::ASQ), asq);
        self.0.write64(offset(register::ACQ), acq);
    }

    pub(crate) fn ring(&self, bell: Doorbell, dstrd: u64, value: u16) {
        self.0.write32(offset(bell.offset(dstrd)), u32::from(value));
    }
}

/// A register's offset as the hal wants it. The farthest doorbell is below 2^33.
fn offset(register: u64) -> usize {
    usize::try_from(register).unwrap_or(usize::MAX)
}
