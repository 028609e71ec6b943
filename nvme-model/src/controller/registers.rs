//! The registers and what reading them gives.

use nvme_spec::register::{
    self as reg, Aqa, CAP_AMS_WEIGHTED, CC_AMS_WEIGHTED, Cap, Cc, Crto, Csts, Vs,
};

use crate::config::Config;

/// CAP.TO and CRTO: how long a driver should be patient, in units of 500 ms.
const READY_TIMEOUT_500MS: u8 = 30;

/// The largest host page is `4096 << MPSMAX` bytes.
pub(crate) const MPSMAX: u8 = 4;

/// Command sets: the NVM command set, alone (bit 0) or as the one of several that there is (bit 6).
const CSS: u64 = 1 | 1 << 6;

/// CC.CSS: the NVM command set; all that there are.
const CSS_ENABLED: [u32; 2] = [0, 6];

/// Bits of CC that exist. CRIME does not: the controller is never ready without its media.
const CC_BITS: u32 = 0x00ff_fff1;

/// The registers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Registers {
    pub(crate) interrupt_mask: u32,
    pub(crate) cc: Cc,
    /// CC as it was when the controller was enabled: MPS, AMS and CSS count as they were then.
    pub(crate) enabled_cc: Cc,
    pub(crate) csts: Csts,
    pub(crate) aqa: Aqa,
    pub(crate) asq: u64,
    pub(crate) acq: u64,
}

/// CAP of a controller like this.
pub(crate) fn cap(config: &Config) -> Cap {
    Cap(0)
        .with_mqes_z(config.queue_entries_max.saturating_sub(1).into())
        .with_cqr(1)
        .with_ams(CAP_AMS_WEIGHTED)
        .with_to(READY_TIMEOUT_500MS.into())
        .with_dstrd(config.dstrd.into())
        .with_nssrs(1)
        .with_css(CSS)
        .with_mpsmax(MPSMAX.into())
        .with_crms(1)
}

/// VS: 2.0.
pub(crate) fn version() -> Vs {
    Vs(0).with_mjr(2)
}

/// Whether a write to CC changes MPS, AMS or CSS of a controller that was enabled and stays so. With the
/// write that disables it drivers change everything, and nothing can come of it.
pub(crate) fn is_changed_late(old: Cc, word: u32) -> bool {
    let fixed = |cc: Cc| (cc.mps(), cc.ams(), cc.css());
    let new = Cc(word);
    old.en() != 0 && new.en() != 0 && fixed(old) != fixed(new)
}

/// The host page size in bytes that CC.MPS says.
fn page_bytes(cc: Cc) -> u64 {
    4096_u64.wrapping_shl(cc.mps().min(MPSMAX.into()))
}

fn half(value: u64, offset: u64) -> u32 {
    let value = if offset & 4 == 0 { value } else { value >> 32 };
    (value & 0xffff_ffff) as u32
}

fn with_half(value: u64, offset: u64, word: u32) -> u64 {
    if offset & 4 == 0 {
        value >> 32 << 32 | u64::from(word)
    } else {
        u64::from(word) << 32 | value & 0xffff_ffff
    }
}

impl Registers {
    /// The dword at `offset`, a multiple of 4. What is not there reads as zero.
    pub(crate) fn read(&self, offset: u64, config: &Config) -> u32 {
        match offset {
            reg::CAP | 0x04 => half(cap(config).0, offset),
            reg::VS => version().0,
            reg::INTMS | reg::INTMC => self.interrupt_mask,
            reg::CC => self.cc.0,
            reg::CSTS => self.csts.0,
            reg::AQA => self.aqa.0,
            reg::ASQ | 0x2c => half(self.asq, offset),
            // Base addresses are 8-byte aligned in BAR 0, so bit 2 of the offset tells the half.
            reg::ACQ | 0x34 => half(self.acq, offset),
            reg::CRTO => Crto(0).with_crwmt(READY_TIMEOUT_500MS.into()).0,
            _ => 0,
        }
    }

    /// Writes a dword of the admin queues' description. Ignored while the controller is enabled.
    pub(crate) fn write_admin_queue(&mut self, offset: u64, word: u32) {
        if self.cc.en() != 0 {
            return;
        }
        match offset {
            reg::AQA => self.aqa = Aqa(word & 0x0fff_0fff),
            reg::ASQ | 0x2c => self.asq = with_half(self.asq, offset, word) & !0xfff,
            _ => self.acq = with_half(self.acq, offset, word) & !0xfff,
        }
    }

    /// Stores CC without the bits that do not exist. It reads back as it was written, even what a host may
    /// not change while the controller is enabled and what therefore counts from the next enable on only.
    // Spec: NVMe-Base-2.0c 3.1.3.5 "Controller Configuration (CC)"
    pub(crate) fn set_cc(&mut self, word: u32) {
        self.cc = Cc(word & CC_BITS);
    }

    /// Host page size in bytes, as the controller was enabled with.
    pub(crate) fn page_bytes(&self) -> u64 {
        page_bytes(self.enabled_cc)
    }

    /// Whether the controller can be enabled like this.
    // Spec: NVMe-Base-2.0c 3.5.1 "Memory-based Controller Initialization (PCIe)"
    pub(crate) fn is_startable(&self) -> bool {
        let offset = page_bytes(self.cc).saturating_sub(1);
        CSS_ENABLED.contains(&self.cc.css())
            && self.cc.mps() <= MPSMAX.into()
            && self.cc.ams() <= CC_AMS_WEIGHTED
            && self.aqa.asqs_z() > 0
            && self.aqa.acqs_z() > 0
            && self.asq & offset == 0
            && self.acq & offset == 0
    }
}
