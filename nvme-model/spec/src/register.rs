//! Controller registers: offsets in BAR 0 and the values behind them.
// Spec: NVMe-Base-2.0c 3.1.3 "Controller Properties"

/// Controller Capabilities, 64 bits, read-only.
pub const CAP: u64 = 0x00;
/// Version, 32 bits, read-only.
pub const VS: u64 = 0x08;
/// Interrupt Mask Set, 32 bits.
pub const INTMS: u64 = 0x0c;
/// Interrupt Mask Clear, 32 bits.
pub const INTMC: u64 = 0x10;
/// Controller Configuration, 32 bits.
pub const CC: u64 = 0x14;
/// Controller Status, 32 bits.
pub const CSTS: u64 = 0x1c;
/// NVM Subsystem Reset, 32 bits; writing [`NSSR_MAGIC`] resets.
pub const NSSR: u64 = 0x20;
/// Admin Queue Attributes, 32 bits.
pub const AQA: u64 = 0x24;
/// Admin Submission Queue Base Address, 64 bits.
pub const ASQ: u64 = 0x28;
/// Admin Completion Queue Base Address, 64 bits.
pub const ACQ: u64 = 0x30;
/// Controller Ready Timeouts, 32 bits, read-only.
pub const CRTO: u64 = 0x68;
/// The first doorbell.
pub const DOORBELLS: u64 = 0x1000;

/// "NVMe" in ASCII: what NSSR wants to see.
pub const NSSR_MAGIC: u32 = 0x4e56_4d65;

/// What every register of a removed device reads as, in each byte.
pub const REMOVED_BYTE: u8 = 0xff;

/// CAP.AMS: weighted round robin with urgent priority class is supported.
pub const CAP_AMS_WEIGHTED: u64 = 1;
/// CC.AMS: weighted round robin with urgent priority class.
pub const CC_AMS_WEIGHTED: u32 = 1;

bit_fields! {
    /// CAP.
    // Spec: NVMe-Base-2.0c 3.1.3.1 "Controller Capabilities (CAP)"
    Cap(u64) {
        /// The deepest I/O queue, zero-based.
        mqes_z, with_mqes_z: 0, 16;
        /// Queues must be physically contiguous.
        cqr, with_cqr: 16, 1;
        /// Arbitration mechanisms beyond round robin.
        ams, with_ams: 17, 2;
        /// How long CSTS.RDY may take to follow CC.EN, in units of 500 ms.
        to, with_to: 24, 8;
        /// Doorbell stride: doorbells are `4 << dstrd` bytes apart.
        dstrd, with_dstrd: 32, 4;
        /// NSSR works.
        nssrs, with_nssrs: 36, 1;
        /// Command sets: bit 0 = the NVM command set, bit 6 = several, bit 7 = admin only.
        css, with_css: 37, 8;
        /// Boot partitions.
        bps, with_bps: 45, 1;
        /// The smallest host page is `4096 << mpsmin` bytes.
        mpsmin, with_mpsmin: 48, 4;
        /// The largest host page is `4096 << mpsmax` bytes.
        mpsmax, with_mpsmax: 52, 4;
        /// A persistent memory region.
        pmrs, with_pmrs: 56, 1;
        /// A controller memory buffer.
        cmbs, with_cmbs: 57, 1;
        /// Ready modes: bit 0 = with media, bit 1 = independent of media.
        crms, with_crms: 59, 2;
    }
}

bit_fields! {
    /// VS.
    // Spec: NVMe-Base-2.0c 3.1.3.2 "Version (VS)"
    Vs(u32) {
        /// Tertiary number.
        ter, with_ter: 0, 8;
        /// Minor number.
        mnr, with_mnr: 8, 8;
        /// Major number.
        mjr, with_mjr: 16, 16;
    }
}

bit_fields! {
    /// CC.
    // Spec: NVMe-Base-2.0c 3.1.3.5 "Controller Configuration (CC)"
    Cc(u32) {
        /// Enable.
        en, with_en: 0, 1;
        /// I/O command set: 0 = NVM, 6 = all supported, 7 = admin only.
        css, with_css: 4, 3;
        /// Host pages are `4096 << mps` bytes.
        mps, with_mps: 7, 4;
        /// Arbitration mechanism: 0 = round robin.
        ams, with_ams: 11, 3;
        /// Shutdown notification: 1 = normal, 2 = abrupt.
        shn, with_shn: 14, 2;
        /// An I/O submission queue entry has `1 << iosqes` bytes.
        iosqes, with_iosqes: 16, 4;
        /// An I/O completion queue entry has `1 << iocqes` bytes.
        iocqes, with_iocqes: 20, 4;
        /// Ready independent of media.
        crime, with_crime: 24, 1;
    }
}

/// [`Cc::shn`]: a normal shutdown.
pub const SHN_NORMAL: u32 = 1;
/// [`Cc::shn`]: an abrupt shutdown.
pub const SHN_ABRUPT: u32 = 2;

bit_fields! {
    /// CSTS.
    // Spec: NVMe-Base-2.0c 3.1.3.6 "Controller Status (CSTS)"
    Csts(u32) {
        /// Ready.
        rdy, with_rdy: 0, 1;
        /// Controller fatal status.
        cfs, with_cfs: 1, 1;
        /// Shutdown status: [`SHST_NORMAL`], [`SHST_OCCURRING`] or [`SHST_COMPLETE`].
        shst, with_shst: 2, 2;
        /// An NVM subsystem reset occurred; cleared by writing 1.
        nssro, with_nssro: 4, 1;
        /// Processing paused.
        pp, with_pp: 5, 1;
        /// The shutdown was of the whole subsystem.
        st, with_st: 6, 1;
    }
}

/// [`Csts::shst`]: no shutdown was asked for.
pub const SHST_NORMAL: u32 = 0;
/// [`Csts::shst`]: shutdown processing is going on.
pub const SHST_OCCURRING: u32 = 1;
/// [`Csts::shst`]: shutdown processing is complete.
pub const SHST_COMPLETE: u32 = 2;

bit_fields! {
    /// AQA.
    // Spec: NVMe-Base-2.0c 3.1.3.8 "Admin Queue Attributes (AQA)"
    Aqa(u32) {
        /// Entries of the admin submission queue, zero-based.
        asqs_z, with_asqs_z: 0, 12;
        /// Entries of the admin completion queue, zero-based.
        acqs_z, with_acqs_z: 16, 12;
    }
}

bit_fields! {
    /// CRTO.
    // Spec: NVMe-Base-2.0c 3.1.3.22 "Controller Ready Timeouts (CRTO)"
    Crto(u32) {
        /// Time to ready with media, in units of 500 ms.
        crwmt, with_crwmt: 0, 16;
        /// Time to ready independent of media, in units of 500 ms.
        crimt, with_crimt: 16, 16;
    }
}

/// A doorbell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doorbell {
    /// The tail of a submission queue.
    SqTail(u16),
    /// The head of a completion queue.
    CqHead(u16),
}

impl Doorbell {
    /// Where the doorbell is, given CAP.DSTRD (0 to 15).
    // Spec: NVMe-PCIe-1.0c 3.1.2.1 "Submission Queue y Tail Doorbell (SQyTDBL)"
    #[must_use]
    pub const fn offset(self, dstrd: u64) -> u64 {
        let index = match self {
            Self::SqTail(qid) => (qid as u64) << 1,
            Self::CqHead(qid) => (qid as u64) << 1 | 1,
        };
        DOORBELLS.wrapping_add((index << 2).wrapping_shl((dstrd & 0xf) as u32))
    }

    /// The queue it belongs to.
    #[must_use]
    pub const fn qid(self) -> u16 {
        match self {
            Self::SqTail(qid) | Self::CqHead(qid) => qid,
        }
    }

    /// The doorbell at `offset`; `None` between two doorbells, below the first or past the last.
    #[must_use]
    pub fn at(offset: u64, dstrd: u64) -> Option<Self> {
        let index = offset.checked_sub(DOORBELLS)?.wrapping_shr((dstrd & 0xf) as u32) >> 2;
        let qid = u16::try_from(index >> 1).ok()?;
        let bell = if index & 1 == 0 { Self::SqTail(qid) } else { Self::CqHead(qid) };
        (bell.offset(dstrd) == offset).then_some(bell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cap_has_these_bits() {
        let cap = Cap(0)
            .with_mqes_z(0x07ff)
            .with_cqr(1)
            .with_to(0x0f)
            .with_dstrd(2)
            .with_nssrs(1)
            .with_css(1)
            .with_mpsmin(0)
            .with_mpsmax(4)
            .with_crms(1);
        assert_eq!(cap.0, 0x0840_0032_0f01_07ff);
    }

    #[test]
    fn cc_has_these_bits() {
        let cc = Cc(0).with_en(1).with_iosqes(6).with_iocqes(4);
        assert_eq!(cc.0, 0x0046_0001);
        // What Linux writes for a clean shutdown.
        assert_eq!(Cc(0x0046_4001).shn(), SHN_NORMAL);
    }

    #[test]
    fn csts_aqa_vs_and_crto_have_these_bits() {
        assert_eq!(Csts(0).with_rdy(1).with_cfs(1).with_shst(SHST_COMPLETE).with_nssro(1).0, 0x1b);
        assert_eq!(Aqa(0).with_asqs_z(31).with_acqs_z(63).0, 0x003f_001f);
        assert_eq!(Vs(0).with_mjr(2).0, 0x0002_0000);
        assert_eq!(Crto(0).with_crwmt(15).with_crimt(1).0, 0x0001_000f);
    }

    #[test]
    fn a_doorbell_is_found_where_it_was_put() {
        assert_eq!(Doorbell::SqTail(0).offset(0), 0x1000);
        assert_eq!(Doorbell::CqHead(1).offset(0), 0x100c);
        assert_eq!(Doorbell::CqHead(1).offset(2), 0x1030);
        for dstrd in 0..16 {
            for qid in [0, 1, 2, 63, u16::MAX] {
                for bell in [Doorbell::SqTail(qid), Doorbell::CqHead(qid)] {
                    assert_eq!(Doorbell::at(bell.offset(dstrd), dstrd), Some(bell));
                }
            }
        }
    }

    #[test]
    fn there_is_no_doorbell_between_doorbells_or_below_the_first() {
        assert_eq!(Doorbell::at(0x1002, 0), None);
        assert_eq!(Doorbell::at(0x1004, 1), None);
        assert_eq!(Doorbell::at(0x0ffc, 0), None);
        assert_eq!(Doorbell::at(!3, 0), None);
    }
}
